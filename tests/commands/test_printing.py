"""What is seen on a terminal: lines as they are, however narrow it is, and a word at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

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
    lines = [re.split(r"\r?\x1b\[2K", line)[-1] for line in text.split("\n")]
    plain = [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|\r", "", line) for line in lines]
    return [line for line in plain if line]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals to open")
def test_a_line_is_whole_and_a_word_stands_there_from_the_first_second(
    root: Path, tmp_path: Path
) -> None:
    seconds = np.arange(44_100) / 44_100
    soundfile.write(tmp_path / f"{NAME}.wav", 0.3 * np.sin(2 * np.pi * 440 * seconds), 44_100)
    written = seen(root, tmp_path, "encode", f"{NAME}.wav", f"{NAME}.png")
    assert "loading …" in "".join(part for _, part in written[:3])
    assert written[0][0] < 0.4 * written[-1][0]  # torch is imported meanwhile
    assert left(written)[-1] == f"{NAME}.png: 100 × 512 px"
    assert "loading" not in left(written)[-1]


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
