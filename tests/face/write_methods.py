"""Writes what follows from the tasks: riffkit/music/methods.py, `Riff`'s methods with typed
keywords, and riffkit/commands/help.txt.

python tests/face/write_methods.py
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from inspect import Parameter
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from riffkit.commands.app import application
from riffkit.music.fields import about_of
from riffkit.music.registry import tasks
from riffkit.music.riff import signature_of
from riffkit.music.task import Task

ROOT = Path(__file__).parents[2]
PATH = ROOT / "riffkit" / "music" / "methods.py"
HELP = ROOT / "riffkit" / "commands" / "help.txt"
_HEAD = '''# mypy: disable-error-code="empty-body"
"""`Riff`'s methods, one for each task that ships; tests/face/write_methods.py writes this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from riffkit.diffusion.denoise import OnStep
    from riffkit.limits import Loudness, Quality
    from riffkit.music.clip import Clip
    from riffkit.music.timeline import Keyframe

Method = TypeVar("Method", bound=Callable[..., Any])


def _of_task(declared: Method) -> Method:
    """A call of the task of that name, with those values that were given."""

    @wraps(declared)
    def method(self: Any, *given: Any, **values: Any) -> Any:
        return self._perform(declared.__name__, given, values)

    return method  # type: ignore[return-value]


class TaskMethods:
    """The tasks that ship; one more is a method of its name too, once it is registered."""

'''


def source() -> str:
    """The file's text, formatted."""
    text = _HEAD + "\n".join(method(task) for task in tasks().values())
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PATH), "-"]
    return subprocess.run(
        ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def help_text() -> str:
    """What `riff --help` prints on a terminal of 80 columns or more."""
    done = CliRunner().invoke(application(["--help"]), ["--help"], prog_name="riff")
    return done.output


def method(task: Task[Any]) -> str:
    """A task's method with its docstring and no body."""
    parameters = list(signature_of(task).parameters.values())
    first = [p for p in parameters if p.kind is not Parameter.KEYWORD_ONLY]
    rest = [p for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
    declared = ", ".join(["self", *map(shown, first), "*", *map(shown, rest)])
    returned = "Clip" if task.count is None else "list[Clip]"
    about = [
        f"    @_of_task\n    def {task.name}({declared}) -> {returned}:",
        indented(f'"""{task.summary}'),
        "",
    ]
    if task.request.__doc__:
        about += [indented(part) for part in paragraphs(task.request.__doc__)]
    texts = helps(task)
    about.append(indented("Args:"))
    about += [indented(f"{p.name}: {texts[p.name]}", hanging=True) for p in parameters]
    about += ["", indented("Returns:")]
    clips = "The clip: sound, image and recipe."
    about.append(indented(clips if task.count is None else "The clips.", hanging=True))
    about += ["", indented("Raises:")]
    about.append(indented("ParameterError: an unknown name or an invalid value.", hanging=True))
    if task.inputs:
        text = "AudioFileError, ImageFileError: a file that can't be read."
        about.append(indented(text, hanging=True))
    about += ["", indented("Example:"), indented(task.example, hanging=True), '        """', ""]
    return "\n".join(about)


def helps(task: Task[Any]) -> dict[str, str]:
    """What each parameter means."""
    texts = {one.name: one.help for one in task.inputs}
    for name, one in about_of(task.request).items():
        text = one.help
        if one.least is not None and one.most is not None:
            text = f"{text} From {one.least:g} to {one.most:g}."
        texts[name] = text
    texts["on_step"] = "Called with the steps done and all steps after each denoising step."
    return texts


def shown(parameter: Parameter) -> str:
    """A parameter as it is declared."""
    text = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is Parameter.empty:
        return text
    default = parameter.default
    value = f'"{default}"' if isinstance(default, str) else repr(default)
    return f"{text} = {value}"


def paragraphs(text: str) -> list[str]:
    """A docstring's paragraphs, each with an empty line after it."""
    parts = textwrap.dedent("    " + text).strip().split("\n\n")
    return [part for one in parts for part in (" ".join(one.split()), "")]


def indented(text: str, *, hanging: bool = False) -> str:
    """Filled to the width of a docstring; an entry of a section hangs."""
    first, then = ("            ", "                ") if hanging else ("        ", "        ")
    return textwrap.fill(
        text, 99, initial_indent=first, subsequent_indent=then, break_long_words=False
    )


if __name__ == "__main__":
    PATH.write_text(source(), encoding="utf-8")
    HELP.write_text(help_text(), encoding="utf-8")
