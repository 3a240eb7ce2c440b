"""Texts that users write are read with the byte order mark of their editors as without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riffkit.models.json_file import read_json
from riffkit.music.batch_list import read_batch
from riffkit.music.script import read_script
from riffkit.training.settings import LoraSettings, read_settings

STORY = 'bars = 2\n[[keyframe]]\nbar = 0\nprompt = "ambient pad"\n'


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("a.toml", "rank = 3\n", lambda path: read_settings(LoraSettings, path, {})),
        ("story.toml", STORY, read_script),
        ("spectrogram.json", '{"preset": "crisp"}', read_json),
        ("prompts.txt", "piano\ndrums\n", read_batch),
        ("rows.csv", "prompt,bpm\npiano,90\n", read_batch),
        ("rows.jsonl", '{"prompt": "piano"}\n', read_batch),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_byte_order_mark_is_passed_over(
    tmp_path: Path, name: str, text: str, read: Callable[[Path], Any], line_end: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    without = read(path)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", line_end).encode())
    assert read(path) == without
