"""Clips as files for other programs, over HTTP."""

from __future__ import annotations

import io
import re
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf

import riffkit
from riffkit.errors import WorkerError
from riffkit.export.registry import exporter, kinds
from riffkit.music.midi_score import read_score
from riffkit.score import Score
from tests.server.conftest import FAST, Library


@pytest.fixture(scope="module")
def composed(golden_riff: Any) -> Any:
    return golden_riff.generate("funk band with drums", bars=1, bpm=120, stems=True, **FAST)


def test_the_exporters_are_listed_with_their_options(library: Library) -> None:
    found = library.client.get("/api/exporters").json()["exporters"]
    assert [one["kind"] for one in found] == kinds()
    bits = next(one for one in found if one["kind"] == "dawproject")["fields"][0]
    assert (bits["name"], bits["choices"], bits["default"]) == ("bits", [16, 24, "float"], 24)
    assert all(one["summary"] and one["endings"] for one in found)


def test_notes_are_those_of_the_score(library: Library, composed: Any, tmp_path: Path) -> None:
    row = library.add(composed, "funk one")
    answer = library.client.get(f"/api/clips/{row.id}/exports/midi")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith("funk%20one_120bpm_Eb_1bar.mid")
    (tmp_path / "a.mid").write_bytes(answer.content)
    assert read_score(tmp_path / "a.mid").score == Score.from_dict(composed.recipe.score)


def test_a_folder_is_sent_as_a_zip(library: Library, composed: Any) -> None:
    row = library.add(composed, "funk two")
    answer = library.client.get(f"/api/clips/{row.id}/exports/reaper", params={"bits": "16"})
    assert answer.headers["content-disposition"].endswith("funk%20two_120bpm_Eb_1bar.zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    sounds = [name for name in archive.namelist() if name.endswith(".wav")]
    assert len(sounds) == len(composed.stems)
    with sf.SoundFile(io.BytesIO(archive.read(sounds[0]))) as sound:
        assert sound.subtype == "PCM_16"
        assert sound.frames == composed.waveform.shape[-1]
    project = next(name for name in archive.namelist() if name.endswith(".rpp"))
    assert b"funk two" in archive.read(project)


def test_the_same_is_made_once_and_another_option_anew(
    library: Library, composed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = library.add(composed, "funk three")
    url = f"/api/clips/{row.id}/exports/dawproject"
    first = library.client.get(url)
    again = library.client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    other = library.client.get(url, params={"bits": "16"})
    assert len(other.content) < len(first.content)
    part = library.client.get(url, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, first.content[:4])


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("exports/tape", 404, "exporter"),
        ("exports/midi?ending=.wav", 422, r"ending='\.wav': must be one of \.mid"),
        ("exports/dawproject?bits=12", 422, "must be one of 16, 24, float"),
        ("exports/dawproject?bitz=16", 422, "did you mean 'bits'"),
    ],
)
def test_what_can_t_be_exported_is_said(
    library: Library, composed: Any, path: str, status: int, said: str
) -> None:
    row = library.add(composed, "funk four")
    answer = library.client.get(f"/api/clips/{row.id}/{path}")
    assert answer.status_code == status
    assert re.search(said, answer.json()["error"])
    assert library.client.get(f"/api/clips/000000000000/{path}").status_code == 404


def test_a_long_export_lets_other_downloads_pass(library: Library, composed: Any) -> None:
    row, exporting = library.add(composed, "funk five"), library.app.state.exporting
    with ThreadPoolExecutor(1) as line:
        long = line.submit(exporting.call, time.sleep, (30,), 60.0)
        assert library.client.get(f"/api/clips/{row.id}.mp3").status_code == 200
        assert not long.done()
        exporting._stop()
        with pytest.raises(WorkerError):
            long.result()


def test_python_and_http_know_the_same(library: Library) -> None:
    for kind in kinds():
        assert hasattr(riffkit, f"export_{kind}")
        assert exporter(kind).summary
