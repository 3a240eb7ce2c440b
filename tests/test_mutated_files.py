"""Damaged files are read, or said in a line to be damaged: never an error that nobody foresaw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def unforeseen(root: Path, n_times: int) -> str:
    """What tests/mutated_files.py prints, in a process without the type checks of the tests."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutated_files", str(n_times)],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_damage_is_said(root: Path) -> None:
    assert unforeseen(root, 8) == ""


@pytest.mark.slow
def test_ten_thousand_damaged_files(root: Path) -> None:
    assert unforeseen(root, 290) == ""
