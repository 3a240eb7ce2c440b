"""The public face: the names in `riffkit.__all__`, what they say of themselves, and their types."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import riffkit
from riffkit import Riff
from riffkit.music.registry import tasks
from tests.face.write_methods import HELP, PATH, help_text, source

METHODS = [(Riff, name) for name in (*tasks(), "run", "batch", "generate_many")]
METHODS += [
    (riffkit.Clip, "save"),
    (riffkit.Composition, "save"),
    (riffkit.Recipe, "from_dict"),
    (riffkit.SpectrogramImage, "open"),
    (riffkit.SpectrogramImage, "save"),
    (riffkit.SpectrogramImage, "to_mel"),
    (riffkit.SpectrogramImage, "as_pil"),
]
FUNCTIONS = [
    getattr(riffkit, name) for name in riffkit.__all__ if inspect.isfunction(getattr(riffkit, name))
]
PUBLIC: list[Callable[..., Any]] = [*FUNCTIONS, *(getattr(home, name) for home, name in METHODS)]


def test_the_names_are_there() -> None:
    assert len(riffkit.__all__) == len({*riffkit.__all__})
    for name in riffkit.__all__:
        assert getattr(riffkit, name) is not None
    assert set(riffkit.__all__) <= set(dir(riffkit))
    with pytest.raises(AttributeError, match="no attribute 'generate'"):
        _ = riffkit.generate


def test_star_import_gives_them_all() -> None:
    names: dict[str, Any] = {}
    exec("from riffkit import *", names)
    assert set(riffkit.__all__) <= set(names)


def test_everything_public_says_what_it_is() -> None:
    for name in riffkit.__all__:
        value = getattr(riffkit, name)
        if not isinstance(value, str):
            assert len(value.__doc__ or "") > 20, name


@pytest.mark.parametrize("function", PUBLIC, ids=lambda one: one.__qualname__)
def test_a_function_says_what_it_takes_gives_raises_and_shows(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    sections = ["Raises:", "Example:"]
    parameters = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.name not in ("self", "cls")
    ]
    if parameters:
        sections.append("Args:")
    if inspect.signature(function).return_annotation not in ("None", None):
        sections.append("Returns:")
    for section in sections:
        assert f"\n{section}\n" in f"{text}\n", section
    for one in parameters:
        assert one.annotation is not one.empty, one.name
        assert f"\n    {one.name}: " in text, one.name
    compile(textwrap.dedent(text.split("Example:\n")[1]), function.__qualname__, "exec")


def test_methods_are_those_of_the_tasks() -> None:
    assert PATH.read_text(encoding="utf-8") == source(), "run tests/face/write_methods.py"


def test_the_help_that_is_printed_at_once_is_the_command_line_s() -> None:
    assert HELP.read_text(encoding="utf-8") == help_text(), "run tests/face/write_methods.py"


@pytest.mark.parametrize("name", list(tasks()))
def test_an_example_s_keywords_are_the_task_s(name: str) -> None:
    signature = inspect.signature(getattr(Riff, name))

    class Recorder:
        def __getattr__(self, called: str) -> Callable[..., Any]:
            return lambda *given, **values: signature.bind(self, *given, **values)

    assert tasks()[name].example.startswith(f"riff.{name}(")
    assert eval(tasks()[name].example, {"riff": Recorder()})


def test_a_wrong_keyword_names_the_nearest() -> None:
    riff = riffkit.load(device="cpu")
    with pytest.raises(riffkit.ParameterError, match=r"'bmp' is unknown; did you mean 'bpm'"):
        riff.generate("piano", bmp=90)  # type: ignore[call-arg]
    with pytest.raises(riffkit.ParameterError, match=r"'tempo' is unknown; did you mean 'bpm'"):
        riff.generate("piano", tempo=90)  # type: ignore[call-arg]
    with pytest.raises(riffkit.ParameterError, match=r"'xyz' is unknown; use one of .*bars, "):
        riff.generate("piano", xyz=90)  # type: ignore[call-arg]
    with pytest.raises(riffkit.ParameterError, match="must be a list of prompts"):
        riff.batch("prompts.txt", "clips")


def test_what_is_shown_of_a_model_and_a_clip_is_a_line() -> None:
    riff = riffkit.load(device="cpu")
    assert repr(riff) == "<Riff mini on cpu>"
    clip = riff.generate("piano", bars=1, bpm=120, steps=1, seed=3, quality="preview")
    assert repr(clip) == "<Clip generate: 2.00 s, 120 BPM, seed 3>"


def test_python_m_and_the_version(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "riffkit", "--version"], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"riff {riffkit.__version__}\n")
