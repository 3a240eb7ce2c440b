"""A library of clips made by the golden model, and a server with a worker of that model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from riffkit.audio.encoding import Storage
from riffkit.music.clip import Clip
from riffkit.music.outputs import write_clip
from riffkit.music.riff import Riff
from riffkit.server.app import create_app
from riffkit.server.facts import row_of
from riffkit.server.folder import hashed_id
from riffkit.server.settings import Limits, Settings
from riffkit.server.store import ClipRow

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}
ADDRESS = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Library:
    """An application without a worker, over clips: `made` are those of the rows."""

    app: FastAPI
    client: TestClient
    made: dict[str, Clip]

    def add(self, clip: Clip, title: str) -> ClipRow:
        """Write a clip as the worker does."""
        state, name = self.app.state, hashed_id(title)
        target = state.folder.target(f"{title.replace(' ', '-')}-{name}")
        with_stems = write_clip(clip, target, Storage())
        row = row_of(
            target,
            clip.recipe,
            clip.image,
            id=name,
            title=title,
            seconds=clip.seconds,
            sample_rate=clip.sample_rate,
            loop=clip.loop,
            stems=tuple(clip.stems) if with_stems else (),
        )
        state.store.add_clip(row)
        self.made[name] = clip
        return row

    def file(self, row: ClipRow, suffix: str) -> Path:
        path: Path = self.app.state.folder.clip_file(row, suffix)
        return path


@pytest.fixture(scope="module")
def library(golden_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    limits = Limits(upload_bytes=2 << 20, upload_seconds=60.0)
    data = tmp_path_factory.mktemp("library")
    app = create_app(Settings(data=data, model=str(golden_folder), limits=limits))
    yield Library(app, TestClient(app, base_url=ADDRESS, raise_server_exceptions=False), {})
    app.state.converter.stop()
    app.state.exporting.stop()
    app.state.store.close()
    app.state.folder.close()


@pytest.fixture(scope="module")
def loop(library: Library, golden_riff: Riff) -> ClipRow:
    """Two bars that play round."""
    clip = golden_riff.generate("house, organ", bars=2, loop=True, key="A minor", bpm=150.0, **FAST)
    return library.add(clip, "loop of two bars")


@pytest.fixture(scope="module")
def trio(library: Library, golden_riff: Riff) -> ClipRow:
    """A bar played by a band, with a file for each player."""
    clip = golden_riff.generate("jazz trio", bars=1, stems=True, **FAST)
    return library.add(clip, "trio")


@pytest.fixture(scope="module")
def served(golden_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with a worker."""
    data = tmp_path_factory.mktemp("served")
    app = create_app(Settings(data=data, model=str(golden_folder), device="cpu"))
    with TestClient(app, base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client
