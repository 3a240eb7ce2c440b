"""The exporters by kind: own ones, those of packages, and what they say of themselves."""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import pytest

import riffkit
from riffkit.errors import OutputError, ParameterError
from riffkit.export import registry
from riffkit.export.exporter import Exported, Exporter
from riffkit.export.registry import exporter, kinds
from riffkit.music.fields import about_of
from riffkit.music.values import built


def export_tape(
    clip: Any, output: str | Path, *, speed: Literal["slow", "fast"] = "slow", reels: int = 2
) -> Exported:
    """Write a clip as a tape.

    Args:
        clip: a clip.
        output: file to write.
        speed: of the reels: slow sounds warm, fast
            sounds clear.
        reels: how many.

    Returns:
        What was written.
    """
    Path(output).write_text(f"{speed} {reels}")
    return Exported(Path(output), f"{reels} reels")


TAPE = Exporter("tape", export_tape, (".tape",))


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        entries = [
            EntryPoint("tape", f"{__name__}:TAPE", registry.GROUP),
            EntryPoint("broken", "riffkit_no_such_module:IT", registry.GROUP),
            EntryPoint("odd", f"{__name__}:export_tape", registry.GROUP),
        ]
        return [one for one in entries if name in (None, one.name)]

    monkeypatch.setattr(registry, "entry_points", found)
    monkeypatch.setattr(EntryPoint, "load", _loaded)


def _loaded(entry: EntryPoint) -> Any:
    if entry.name == "broken":
        raise ImportError("no module")
    return TAPE if entry.name == "tape" else export_tape


def test_options_follow_from_the_function() -> None:
    about = about_of(TAPE.request)
    assert TAPE.summary == "Write a clip as a tape."
    assert about["speed"].help == "Of the reels: slow sounds warm, fast sounds clear."
    assert about["reels"].help == "How many."
    assert built(TAPE.request, {"reels": "3"}, as_text=True).reels == 3
    with pytest.raises(ParameterError, match="slow, fast"):
        built(TAPE.request, {"speed": "warp"})


def test_a_package_s_exporter_is_found(tape: None, tmp_path: Path) -> None:
    assert kinds()[-3:] == ["broken", "odd", "tape"]
    exporter("tape").export("a.wav", tmp_path / "a.tape", reels=3)
    assert (tmp_path / "a.tape").read_text() == "slow 3"
    with pytest.raises(ParameterError, match="cannot be loaded"):
        exporter("broken")
    with pytest.raises(ParameterError, match="isn't an Exporter"):
        exporter("odd")


def test_an_unknown_kind_and_a_wrong_ending_are_said() -> None:
    with pytest.raises(ParameterError, match="did you mean 'midi'"):
        exporter("mdii")
    with pytest.raises(OutputError, match=r"writes \.tape"):
        TAPE.check_name(Path("a.wav"))
    TAPE.check_name(Path("a.TAPE"))


@pytest.mark.parametrize("kind", registry._own())
def test_an_own_exporter_is_public_and_says_what_its_options_are(kind: str) -> None:
    found = exporter(kind)
    assert found.kind == kind
    assert getattr(riffkit, f"export_{kind}") is found.export
    first, second, *_ = inspect.signature(found.export).parameters
    assert (first, second) == ("clip", "output")
    for name, about in about_of(found.request).items():
        assert about.help, name
