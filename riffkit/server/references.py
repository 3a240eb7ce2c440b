"""What a job's inputs are: clips and uploads of this server, or bundled files, never a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riffkit.errors import ParameterError
from riffkit.kinds import ends_as_a_file
from riffkit.music.task import Input, Task
from riffkit.music.values import check_names
from riffkit.server.folder import Folder
from riffkit.server.store import Store

_REFERENCE = re.compile(r"(clip|upload):([a-z0-9]{12})")


class References:
    """Finds the files that a job names."""

    def __init__(self, store: Store, folder: Folder) -> None:
        self._store, self._folder = store, folder

    def path(self, text: str) -> Path:
        """The file of "clip:ID" or "upload:ID"; ParameterError if there is none."""
        return self._found(text)[0]

    def name(self, text: str) -> str:
        """What the user calls it: a clip's title, or an upload's name."""
        return self._found(text)[1]

    def values(self, task: Task[Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A task's inputs with the files that they name, as `call_of` takes them.

        Raises ParameterError for an input that the task doesn't have, for text that is neither a
        reference nor a bundled name, and for words that end as a file's name. Opens nothing:
        what the server's computer has is not to be found out.
        """
        known = inputs_of(task)
        check_names(inputs, known, f"{task.name}: inputs")
        return {
            name: self._value(known[name], value)
            for name, value in inputs.items()
            if value is not None
        }

    def titles(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """What the user calls the inputs, as file names, of which tasks make their titles."""
        return {
            name: f"{self.name(value).replace('/', ' ')}.wav" if is_reference(value) else value
            for name, value in inputs.items()
        }

    def _value(self, one: Input, value: Any) -> Any:
        if is_reference(value):
            return self.path(value)
        if isinstance(value, str) and value in one.names():
            return value
        if isinstance(value, str) and one.or_prompt:
            if ends_as_a_file(value):
                raise ParameterError(
                    f"{one.name}={value!r}: names a file; upload it, and give upload:ID"
                )
            return value
        if one.or_prompt:
            raise ParameterError(f"{one.name}={value!r}: must be text, clip:ID or upload:ID")
        names = one.names()
        bundled = f", or one of {', '.join(names)}" if names else ""
        raise ParameterError(f"{one.name}={value!r}: must be clip:ID or upload:ID{bundled}")

    def _found(self, text: str) -> tuple[Path, str]:
        match = _REFERENCE.fullmatch(text)
        assert match is not None
        if match[1] == "clip" and (clip := self._store.clip(match[2])) is not None:
            return self._folder.clip_file(clip, ".wav"), clip.title
        if match[1] == "upload" and (upload := self._store.upload(match[2])) is not None:
            return self._folder.upload_file(upload), Path(upload.name).stem
        raise ParameterError(f"{text}: there is no such {match[1]}; it may have been deleted")


def is_reference(value: Any) -> bool:
    """Whether a value is "clip:ID" or "upload:ID"."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def inputs_of(task: Task[Any]) -> dict[str, Input]:
    """A task's inputs by name, without scripts, whose values are fields here."""
    return {one.name: one for one in task.inputs if one.expand is None}
