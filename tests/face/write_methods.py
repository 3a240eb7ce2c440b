"""Writes what follows from the tasks and requests: riffkit/music/methods.py, `Riff`'s methods and
`riffkit.compose` with typed keywords, and riffkit/commands/help.txt.

python tests/face/write_methods.py
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from inspect import Parameter
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from riffkit.commands.app import application
from riffkit.music.composing import EXAMPLE as COMPOSE_EXAMPLE
from riffkit.music.composing import ComposeRequest
from riffkit.music.fields import about_of
from riffkit.music.registry import tasks
from riffkit.music.riff import signature_of
from riffkit.music.signatures import request_parameters
from riffkit.music.task import Task

ROOT = Path(__file__).parents[2]
PATH = ROOT / "riffkit" / "music" / "methods.py"
HELP = ROOT / "riffkit" / "commands" / "help.txt"
_HEAD = '''# mypy: disable-error-code="empty-body"
"""`Riff`'s methods, one for each task that ships, and `riffkit.compose`.

tests/face/write_methods.py writes this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from riffkit.diffusion.denoise import OnStep
    from riffkit.limits import Loudness, OnOff, Quality
    from riffkit.music.clip import Clip
    from riffkit.music.composing import Composition
    from riffkit.music.timeline import Keyframe

Method = TypeVar("Method", bound=Callable[..., Any])


def _of_task(declared: Method) -> Method:
    """A call of the task of that name, with those values that were given."""

    @wraps(declared)
    def method(self: Any, *given: Any, **values: Any) -> Any:
        return self._perform(declared.__name__, given, values)

    return method  # type: ignore[return-value]


def _of_composer(declared: Method) -> Method:
    """A call of the composer, with those values that were given."""

    @wraps(declared)
    def function(*given: Any, **values: Any) -> Any:
        from riffkit.music.composing import composed, request_of

        return composed(request_of(given, values))

    return function  # type: ignore[return-value]


class TaskMethods:
    """The tasks that ship; one more is a method of its name too, once it is registered."""

'''


def source() -> str:
    """The file's text, formatted."""
    text = "\n".join([_HEAD, *(method(task) for task in tasks().values()), composer()])
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
    returned = "Clip" if task.count is None else "list[Clip]"
    texts = {one.name: one.help for one in task.inputs} | helps(task.request)
    texts["on_step"] = "Called with the steps done and all steps after each denoising step."
    raised = ["ParameterError: an unknown name or an invalid value."]
    if task.inputs:
        raised.append("AudioFileError, ImageFileError: a file that can't be read.")
    clips = "The clip: sound, image and recipe." if task.count is None else "The clips."
    about = [task.summary, task.request.__doc__ or ""]
    text = described(about, parameters, texts, clips, raised, task.example)
    declared = "\n".join([f"def {task.name}({listed(parameters, 'self')}) -> {returned}:", text])
    return textwrap.indent(f"@_of_task\n{declared}\n", "    ")


def composer() -> str:
    """`riffkit.compose` with its docstring and no body."""
    parameters = request_parameters(ComposeRequest)
    text = described(
        ["Write music for a prompt as notes.", ComposeRequest.__doc__ or ""],
        parameters,
        helps(ComposeRequest),
        "The score with its recipe, and notes on what the prompt's words were taken for.",
        ["ParameterError: an unknown name or an invalid value, or a file that can't be read."],
        COMPOSE_EXAMPLE,
    )
    return f"@_of_composer\ndef compose({listed(parameters)}) -> Composition:\n{text}\n"


def listed(parameters: Sequence[Parameter], *before: str) -> str:
    """Parameters as they are declared."""
    first = [p for p in parameters if p.kind is not Parameter.KEYWORD_ONLY]
    rest = [p for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
    return ", ".join([*before, *map(shown, first), "*", *map(shown, rest)])


def described(
    about: Sequence[str],
    parameters: Sequence[Parameter],
    texts: Mapping[str, str],
    returned: str,
    raised: Sequence[str],
    example: str,
) -> str:
    """A docstring: what a function is about, and its sections."""
    lines = [indented(f'"""{about[0]}'), ""]
    lines += [indented(part) for text in about[1:] for part in paragraphs(text) if text]
    lines.append(indented("Args:"))
    lines += [indented(f"{p.name}: {texts[p.name]}", hanging=True) for p in parameters]
    lines += ["", indented("Returns:"), indented(returned, hanging=True)]
    lines += ["", indented("Raises:"), *(indented(one, hanging=True) for one in raised)]
    lines += ["", indented("Example:"), indented(example, hanging=True), '    """']
    return "\n".join(lines)


def helps(request: type[Any]) -> dict[str, str]:
    """What each field means."""
    texts = {}
    for name, one in about_of(request).items():
        text = one.help
        if one.least is not None and one.most is not None:
            text = f"{text} From {one.least:g} to {one.most:g}."
        texts[name] = text
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
    first, then = ("        ", "            ") if hanging else ("    ", "    ")
    return textwrap.fill(
        text, 95, initial_indent=first, subsequent_indent=then, break_long_words=False
    )


if __name__ == "__main__":
    PATH.write_text(source(), encoding="utf-8")
    HELP.write_text(help_text(), encoding="utf-8")
