"""The README's commands and its Python run, the first ones as printed, in a folder of their own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from riffkit.audio import files


def blocks(root: Path, language: str) -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_two_commands_are_the_makefile_s(root: Path) -> None:
    shown = set(re.findall(r"^make (\w+)", "\n".join(blocks(root, "bash")), flags=re.MULTILINE))
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"demo", "test"} <= shown <= targets


PAINTERS = ("generate", "loop", "morph", "extend", "restyle", "edit", "vary")
FAST = ("--steps", "4", "--quality", "preview")


def lay_out_inputs(root: Path, folder: Path) -> None:
    """The files that the commands name."""
    waveform, rate = files.load(root / "samples" / "lofi.flac")
    files.save(folder / "song.mp3", waveform[:, : 7 * rate], rate)
    files.save(folder / "hummed.wav", waveform[:, : 6 * rate], rate)
    (script,) = blocks(root, "toml")
    (folder / "story.toml").write_text(
        "steps = 2\nquality = 'preview'\n" + script.replace("bars = 64", "bars = 28")
    )


@pytest.mark.slow
def test_commands_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out_inputs(root, tmp_path)
    lines = [
        line.split("  #")[0].strip()
        for block in blocks(root, "bash")
        for line in block.splitlines()
        if line.startswith("riff ")
    ]
    assert len(lines) >= 5
    first_block = set(blocks(root, "bash")[1].splitlines())
    monkeypatch.chdir(tmp_path)
    environment = {
        **os.environ,
        "PATH": f"{launcher(root, tmp_path).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root),
    }
    done = subprocess.run(
        lines[0], shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{lines[0]}: {done.stderr}"
    for line in lines[1:]:  # in this process, which has all imported
        words = shlex.split(line)[1:]
        as_printed = any(shown.startswith(line) for shown in first_block)
        fast = FAST if words[0] in PAINTERS and not as_printed else ()
        assert cli.application()([*words, *fast], standalone_mode=False) in (None, 0), line


def launcher(root: Path, folder: Path) -> Path:
    path = folder / "bin" / "riff"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{root / "cli.py"}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.slow
def test_python_runs(root: Path, tmp_path: Path) -> None:
    (code,) = blocks(root, "python")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.wav"))


def test_every_linked_file_exists(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("http") or (root / link).exists(), link
