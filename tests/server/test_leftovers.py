"""Uploads: deleted when asked, and old ones that nothing needs at the start."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from riffkit.models.locate import model_name
from riffkit.provenance.recipe import Recipe, sha256
from riffkit.server.library import again
from riffkit.server.settings import Settings
from riffkit.server.speech import check_speed, speech_of
from riffkit.server.store import ClipRow, JobRow, UploadRow, new_id
from tests.server.test_access import serving


def uploaded(app: FastAPI, *, days: float = 8, name: str = "song.wav") -> UploadRow:
    """An upload that was sent some days ago."""
    row = UploadRow(id=new_id(), name=name, kind="audio", suffix=".wav", size=4)
    path: Path = app.state.folder.upload_file(row)
    path.write_bytes(os.urandom(4))
    os.utime(path, (time.time() - days * 86_400,) * 2)
    app.state.store.add_upload(row)
    return row


def clip_row() -> ClipRow:
    texts = {"stem": "x", "title": "x", "prompt": "x", "task": "vary", "model": "mini"}
    whole = {"index": 0, "sample_rate": 44_100, "beats_per_bar": 4, "width": 64, "height": 512}
    none = dict.fromkeys(("job", "bpm", "beats", "bars", "key", "seed"))
    return ClipRow(id=new_id(), seconds=1.0, loop=False, size=9, **texts, **whole, **none)


def waiting(app: FastAPI, upload: UploadRow, **more: Any) -> str:
    named = {"request": {}, "inputs": {"clip": f"upload:{upload.id}"}, **more}
    job = JobRow(id=new_id(), task="vary", title="x", model="mini", **named)
    app.state.store.add_job(job)
    return job.id


def test_an_upload_is_deleted(tmp_path: Path) -> None:
    with serving(Settings(data=tmp_path)) as client:
        app: Any = client.app
        row = uploaded(app)
        job = waiting(app, row)
        refused = client.delete(f"/api/uploads/{row.id}")
        assert (refused.status_code, "a job needs" in refused.json()["error"]) == (409, True)
        app.state.store.end_job(job, "cancelled")
        assert client.delete(f"/api/uploads/{row.id}").status_code == 204
        assert list(app.state.folder.uploads.iterdir()) == []
        for path in (f"/api/uploads/{row.id}", "/api/uploads/abcdefabcdef", "/api/uploads/A"):
            assert client.delete(path).status_code == 404


def test_old_uploads_that_nothing_needs_go_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path)
    with serving(settings) as client:
        app: Any = client.app
        folder = app.state.folder
        kept = [uploaded(app, days=6)]
        gone = uploaded(app)
        kept += [uploaded(app), uploaded(app)]
        waiting(app, kept[1])
        waiting(app, kept[2], inputs={}, request={"first": f"upload:{kept[2].id}"})
        painted = uploaded(app)
        kept.append(painted)
        names = {folder.upload_file(row).name for row in kept}
        orphan = folder.uploads / f"song-{new_id()}.wav"
        brought = folder.uploads / "mine.wav"
        for path in (orphan, brought):
            path.write_bytes(b"x")
            os.utime(path, (0, 0))
        monkeypatch.setattr(
            "riffkit.server.leftovers._named_by_clips",
            lambda store, folder: iter([folder.upload_file(painted).name]),
        )
    with serving(settings) as client:
        app = client.app
        assert {path.name for path in app.state.folder.uploads.iterdir()} == {*names, "mine.wav"}
        assert [row.id for row in app.state.store.uploads()] == [row.id for row in kept]
        assert client.get(f"/api/uploads/{gone.id}").status_code == 404


def test_a_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what a clip was made from is gone, all files are looked at; the next time none is."""
    from riffkit.errors import ParameterError
    from riffkit.server import library

    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return sha256(path)

    monkeypatch.setattr(library, "sha256", counted)
    inputs = {"clip": {"name": "gone.wav", "sha256": "0" * 64}}
    recipe = Recipe(
        command="vary", arguments={}, inputs=inputs, versions={}, threads=1, model={"name": "mini"}
    )
    with serving(Settings(data=tmp_path)) as client:
        app: Any = client.app
        rows = [uploaded(app) for _ in range(3)]
        row = clip_row()
        for _ in range(2):
            with pytest.raises(ParameterError, match="is gone"):
                again(app.state.store, app.state.folder, row, recipe, None)
        assert len(hashed) == 3
        path = app.state.folder.upload_file(rows[0])
        path.write_bytes(b"another")
        found = {"clip": {"name": "gone.wav", "sha256": sha256(path)}}
        made = again(
            app.state.store, app.state.folder, row, Recipe(**{**vars(recipe), "inputs": found}), 3
        )
        assert made.inputs == {"clip": f"upload:{rows[0].id}"}
        assert (made.model, made.request["seed"]) == ("mini", 3)


def test_a_model_is_called_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    names = [
        model_name(given) for given in (".", str(folder), f"{folder}/", str(tmp_path / "link"))
    ]
    assert names == ["mine", "mine", "mine", "link"]
    assert [model_name(one) for one in ("mini", "owner/name")] == ["mini", "owner/name"]


def test_a_speed_that_gives_no_tempo_is_refused_before_it_is_painted(tmp_path: Path) -> None:
    with serving(Settings(data=tmp_path)) as client:
        body = {"input": "techno 140 bpm", "speed": 4}
        answer = client.post("/v1/audio/speech", json=body)
        assert answer.status_code == 422
        assert "speed=4: 140 BPM would be 560" in answer.json()["error"]
        assert client.get("/api/jobs").json()["jobs"] == []
    from riffkit.prompt.traits import ModelTraits

    check_speed(speech_of({**body, "speed": 2.5}), ModelTraits())
