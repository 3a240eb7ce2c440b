"""Stages in a log: a line now and then, with what is left; on a terminal a bar that goes away."""

from __future__ import annotations

import sys

import pytest

from riffkit.commands import printing
from riffkit.commands import stages as module
from riffkit.commands.printing import show_notes
from riffkit.commands.stages import duration, stages


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_log_has_a_line_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with stages(quiet=False) as begin:
        begin("loading mini")
        clock[0] += 12
        advance = begin("training", 100, 20)
        for _ in range(8):
            clock[0] += 4
            advance(10, "loss 0.5")
        begin("writing")
        clock[0] += 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "loading mini: 12 s",
        "training: 60 of 100, loss 0.5, 16 s left",
        "training: 100 of 100, loss 0.5, 32 s",
    ]


def test_short_stages_and_quiet_ones_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with stages(quiet=False) as begin:
        begin("loading")
        begin("listening", 1)()
    with stages(quiet=True) as begin:
        begin("listening", 1)()
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_stage_count_and_loss(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with stages(quiet=False) as begin:
        begin("loading")
        advance = begin("training", 4_000, 1_000)
        advance(500, "loss 0.0431")
    shown = capsys.readouterr().err
    assert "training" in shown and "1,500 of 4,000" in shown and "loss 0.0431" in shown


def test_lines_beside_a_stage_are_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "a note much longer than the terminal is wide, and that is no reason to cut or wrap it"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with stages(quiet=False) as begin:
        begin("training", 10)(4)
        show_notes((note,), quiet=False)
        begin("writing", 3)(1)
    written = capsys.readouterr().err
    before, _, after = written.partition(f"note: {note}\n")
    assert after.count("writing") and before.endswith("\x1b[2K")  # the bar's line is erased
    assert not printing._SHOWN


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.0, "3 s"), (89.0, "89 s"), (720.0, "12 min"), (7500.0, "2 h 05 min")]
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words
