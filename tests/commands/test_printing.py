"""What is seen on a terminal: lines as they are, however narrow it is, and a word at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riffkit.commands import printing

NAME = "a clip whose name is much longer than the terminal is wide, and that is no reason to cut it"


def seen(root: Path, folder: Path, *words: str, columns: int = 40) -> list[tuple[float, str]]:
    """What `riff` writes to a terminal, in the order of its seconds."""
    environment = {**os.environ, "COLUMNS": str(columns), "PYTHONPATH": str(root), "TERM": "xterm"}
    leader, follower = os.openpty()
    begin, written = time.monotonic(), []
    process = subprocess.Popen(
        [sys.executable, str(root / "cli.py"), *words],
        cwd=folder,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    while True:
        try:
            data = os.read(leader, 65_536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        written.append((time.monotonic() - begin, data.decode(errors="replace")))
    os.close(leader)
    assert process.wait() == 0, written
    return written


def left(written: list[tuple[float, str]]) -> list[str]:
    """The lines that stay: what is not erased, without colors."""
    text = "".join(part for _, part in written).replace("\r\n", "\n")
    text = re.sub(r"[^\n]*\n(\x1b\[\?25h)?\r\x1b\[1A\x1b\[2K", "", text)  # one line up, erased
    lines = [re.split(r"\r?\x1b\[2K", line)[-1] for line in text.split("\n")]
    plain = [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|\r", "", line) for line in lines]
    return [line for line in plain if line]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals to open")
def test_lines_are_whole_and_loading_is_said_at_once(root: Path, tmp_path: Path) -> None:
    fast = ("--bars", "1", "--bpm", "240", "--steps", "1", "--quality", "preview", "--seed", "3")
    written = seen(
        root, tmp_path, "generate", "kein Schlagzeug, Klavier", *fast, "-o", f"{NAME}.wav"
    )
    assert "loading …" in "".join(part for _, part in written[:3])
    assert written[0][0] < 0.5 * written[-1][0]  # torch and the model are loaded meanwhile
    note, result = left(written)[-2:]
    assert note.startswith("note: prompt: read as ")
    assert result == f"{NAME}.wav and {NAME}.png: 1.00 s, 240 BPM, {result.split(', ')[-2]}, seed 3"


def test_lines_beside_a_bar_are_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar is gone while a note or a result is printed, and comes back."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with printing.progress("painting", 2, quiet=False) as advance:
        advance()
        printing.show_notes((NAME,), quiet=False)
        printing.say({}, NAME, as_json=False)
    said = capsys.readouterr()
    assert said.out == f"{NAME}\n"
    assert f"note: {NAME}\n" in said.err
    assert not printing._SHOWN


def test_quiet_shows_neither_word_nor_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with printing.loading(quiet=True), printing.progress("painting", 2, quiet=True) as advance:
        advance()
    assert capsys.readouterr() == ("", "")
