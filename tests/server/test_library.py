"""The library: search, titles, axes, deletion; uploads, scores and scripts."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from riffkit.audio import files
from riffkit.music.riff import Riff
from riffkit.server.axes import axes_of, level_db
from riffkit.server.sent_in import shown_name
from riffkit.server.store import ClipRow
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.pixels import pixels_to_mel
from tests.server.conftest import ADDRESS, FAST, Library


@pytest.fixture(scope="module")
def shelf(library: Library, golden_riff: Riff) -> list[ClipRow]:
    """Clips in three keys and tempi."""
    return [
        library.add(golden_riff.generate(prompt, bars=1, bpm=bpm, key=key, **FAST), title)
        for prompt, bpm, key, title in (
            ("house, organ", 120.0, "G# minor", "one"),
            ("waltz, 100% flute", 150.0, "Db major", "two"),
            ("house, flute", 180.0, "A minor", "three"),
        )
    ]


def titles(library: Library, query: str) -> list[str]:
    answer = library.client.get(f"/api/clips?{query}")
    assert answer.status_code == 200, answer.text
    return [clip["title"] for clip in answer.json()["clips"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["three", "two", "one"]),
        ("q=house", ["three", "one"]),
        ("q=FLUTE house", ["three"]),
        ("q=100%25", ["two"]),
        ("q=_", []),
        ("key=Abm", ["one"]),
        ("key=g%23 moll", ["one"]),
        ("key=C%23 major", ["two"]),
        ("key=Db", ["two"]),
        ("key=Am", ["three"]),
        ("key=A major", []),
        ("bpm_from=150", ["three", "two"]),
        ("bpm_from=121&bpm_to=179.5", ["two"]),
        ("task=generate&bpm_to=130", ["one"]),
        ("task=vary", []),
        ("kept=false", ["three", "two", "one"]),
    ],
)
def test_search(query: str, found: list[str], library: Library, shelf: list[ClipRow]) -> None:
    assert titles(library, query) == found


def test_pages(library: Library, shelf: list[ClipRow]) -> None:
    first = library.client.get("/api/clips?limit=2").json()
    assert ([clip["title"] for clip in first["clips"]], first["more"]) == (["three", "two"], True)
    last = first["clips"][-1]["id"]
    rest = library.client.get(f"/api/clips?limit=2&before={last}").json()
    assert ([clip["title"] for clip in rest["clips"]], rest["more"]) == (["one"], False)


def test_a_key_that_is_none(library: Library) -> None:
    answer = library.client.get("/api/clips?key=H")
    assert (answer.status_code, "key='H'" in answer.json()["error"]) == (422, True)


def test_keeping_and_naming(library: Library, golden_riff: Riff) -> None:
    row = library.add(golden_riff.generate("house", bars=1, **FAST), "first name")
    url = f"/api/clips/{row.id}"
    made = library.client.patch(url, json={"kept": True, "title": " Rain/ song "}).json()
    assert (made["kept"], made["title"]) == (True, "Rain/ song")
    name = library.client.get(f"{url}.wav").headers["content-disposition"]
    assert "/" not in name.split("''")[-1]
    for body, said in (
        ({"kept": "yes"}, "kept='yes'"),
        ({"title": ""}, "title"),
        ({"title": 3}, "title"),
        ({"titel": "x"}, "did you mean 'title'"),
    ):
        answer = library.client.patch(url, json=body)
        assert (answer.status_code, said in answer.json()["error"]) == (422, True)
    assert library.client.get(url).json()["title"] == "Rain/ song"
    assert library.client.patch(url, content=b"{").status_code == 415
    library.client.get(f"{url}.mp3")
    assert library.client.delete(url).status_code == 204
    left = [path.name for path in library.app.state.settings.data.rglob("*") if row.id in path.name]
    assert left == []
    assert library.client.get(url).status_code == 404
    events = library.app.state.store.events(0)
    assert (events[-1].name, events[-1].data["clip"]) == ("removed", row.id)


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND, CRISP])
def test_the_rows_are_where_their_filters_peak(params: SpectrogramParams, tmp_path: Path) -> None:
    from riffkit.spectrogram.image import SpectrogramImage

    pixels = np.full((params.n_mels, 10, 3), 255, np.uint8)
    SpectrogramImage(pixels, params, transpose=12.0).save(tmp_path / "a.png")
    axes = axes_of(tmp_path / "a.png", lead_samples=4_410)
    assert np.allclose(axes["hz"], 2 * mel_row_hz(params)[::-1], rtol=1e-9)
    assert axes["seconds_per_column"] == params.hop_ms / 1000
    assert (axes["columns_per_beat"], axes["lead_seconds"]) == (None, 0.1)


def test_the_levels_are_those_of_decoding() -> None:
    grays = np.arange(255, dtype=np.uint8)
    pixels = np.repeat(grays[None, :, None], 3, 2).repeat(RIFFUSION_V1.n_mels, 0)
    mel = pixels_to_mel(pixels, RIFFUSION_V1, max_value=1.0)[0, 0].numpy()
    assert np.allclose([level_db(int(g), RIFFUSION_V1) for g in grays], 20 * np.log10(mel))
    assert level_db(0, RIFFUSION_V1) == 0
    assert math.isfinite(level_db(255, RIFFUSION_V1))


def test_the_axes_of_a_clip(library: Library, loop: ClipRow) -> None:
    axes = library.client.get(f"/api/clips/{loop.id}/axes").json()
    assert (axes["columns_per_beat"], axes["lead_seconds"]) == (64, 0)
    assert axes["seconds_per_column"] * loop.width == pytest.approx(loop.seconds)
    assert (len(axes["hz"]), len(axes["level_db"])) == (loop.height, 256)


def test_a_score_and_its_players(library: Library, trio: ClipRow, loop: ClipRow) -> None:
    found = library.client.get(f"/api/clips/{trio.id}/score").json()
    assert found["score"] == library.made[trio.id].recipe.score
    assert set(found["names"]) == set(trio.stems)
    assert library.client.get(f"/api/clips/{loop.id}/score").status_code == 404


# uploads


def sent(library: Library, name: str, content: bytes) -> Any:
    return library.client.post("/api/uploads", files={"file": (name, content)})


@pytest.fixture
def unchanged(library: Library) -> Iterator[None]:
    """Nothing is left of what is refused."""
    uploads = library.app.state.folder.uploads
    before = sorted(uploads.iterdir())
    yield
    assert sorted(uploads.iterdir()) == before


def wav(seconds: float, rate: int, path: Path) -> bytes:
    files.save(path, 0.1 * torch.randn(1, round(seconds * rate)), rate)
    return path.read_bytes()


def test_a_sound_is_kept_as_it_was_sent(library: Library, tmp_path: Path) -> None:
    content = wav(2.0, 8_000, tmp_path / "a.wav")
    answer = sent(library, "../../etc/Mein Lied.wav", content)
    assert answer.status_code == 201
    made = answer.json()
    facts = {name: made[name] for name in ("name", "kind", "seconds", "sample_rate", "width")}
    assert facts == {
        "name": "Mein Lied.wav",
        "kind": "audio",
        "seconds": 2.0,
        "sample_rate": 8_000,
        "width": None,
    }
    assert library.client.get(answer.headers["location"]).json() == made
    file = library.client.get(f"/api/uploads/{made['id']}.wav")
    assert file.content == content
    assert library.client.get(f"/api/uploads/{made['id']}.mp3").status_code == 404
    assert library.client.get(f"/api/uploads/{made['id']}/score").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("a.wav", b"", 422, "is empty"),
        ("a.wav", b"hello there", 422, "is not audio"),
        ("a.zip", b"PK\x03\x04" + bytes(999), 422, "'a.zip' is not audio"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99), 422, "'a.png' is damaged"),
        ("a.mid", b"MThd", 422, "file='a.mid'"),
        ("a.wav", bytes(2_200_000), 413, "larger than 2 MiB"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_what_is_not_taken(
    name: str, content: bytes, status: int, said: str, library: Library
) -> None:
    answer = sent(library, name, content)
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.usefixtures("unchanged")
def test_a_sound_that_is_too_long(library: Library, tmp_path: Path) -> None:
    answer = sent(library, "long.wav", wav(61.0, 8_000, tmp_path / "a.wav"))
    assert answer.status_code == 422
    assert "1:01 of sound; must be at most 1:00" in answer.json()["error"]


@pytest.mark.usefixtures("unchanged")
def test_a_stream_without_an_announced_length_is_cut_off(library: Library) -> None:
    """It is refused while it is read, however much there is of it."""
    n_read = 0

    def endless() -> Iterator[bytes]:
        nonlocal n_read
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        while n_read < 100 << 20:
            n_read += 1 << 20
            yield bytes(1 << 20)

    answer = library.client.post(
        "/api/uploads",
        content=endless(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x", "audio/wav", 415),
        (b"x", "multipart/form-data", 422),
        (b"x", "multipart/form-data; boundary=y", 422),
        (b'--y\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--y--', "", 422),
        (b"", "multipart/form-data; boundary=y", 422),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_what_is_no_form(content: bytes, kind: str, status: int, library: Library) -> None:
    headers = {"Content-Type": kind or "multipart/form-data; boundary=y"}
    answer = library.client.post("/api/uploads", content=content, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_a_mask_and_an_image(library: Library, loop: ClipRow) -> None:
    image = sent(library, "s.png", library.file(loop, ".png").read_bytes()).json()
    assert (image["width"], image["height"]) == (loop.width, loop.height)
    output = io.BytesIO()
    Image.new("L", (loop.width, loop.height)).save(output, "PNG")
    assert sent(library, "mask.png", output.getvalue()).json()["kind"] == "mask"


def test_names_are_only_shown() -> None:
    for given, shown in (
        ("C:\\music\\a.wav", "a.wav"),
        ("/etc/passwd", "passwd"),
        ("a\nb\x00.wav", "ab.wav"),
        ("", "file"),
        (None, "file"),
        ("ü" * 500 + ".flac", "ü" * 120 + ".flac"),
    ):
        assert shown_name(given) == shown


# scores and scripts


def test_a_score_is_composed_edited_and_read(library: Library) -> None:
    made = library.client.post(
        "/api/scores", json={"compose": {"prompt": "jazz trio", "bars": 2, "seed": 3}}
    ).json()
    assert made["upload"]["kind"] == "midi"
    score = made["score"]
    score["tracks"][0]["notes"].pop()
    edited = library.client.post("/api/scores", json={"score": score, "title": "mine"}).json()
    assert (edited["score"], edited["upload"]["name"]) == (score, "mine.mid")
    read = library.client.get(f"/api/uploads/{edited['upload']['id']}/score").json()
    assert (read["score"], read["chords"]) == (score, made["chords"])
    over = library.client.post(
        "/api/scores", json={"compose": {"prompt": "piano", "bars": 2, "chords": made["chords"]}}
    ).json()
    assert over["chords"] == made["chords"]
    melody = {"prompt": "piano", "melody": f"upload:{made['upload']['id']}"}
    assert "score" in library.client.post("/api/scores", json={"compose": melody}).json()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "give one of them"),
        ({"score": {}, "compose": {}}, "give one of them"),
        ({"score": []}, "give one of them"),
        ({"score": {"facts": 1}}, "score: "),
        ({"compose": {"prompt": "x", "barz": 3}}, "did you mean 'bars'"),
        ({"compose": {"prompt": "x", "melody": "/etc/passwd"}}, "must be upload:ID"),
        ({"compose": {"prompt": "x", "drums": "upload:abcdefabcdef"}}, "no such upload"),
        ({"compose": {"prompt": "x", "bars": 1e6}}, "bars=1000000.0: must be a whole number"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_scores_that_are_refused(body: Any, said: str, library: Library) -> None:
    answer = library.client.post("/api/scores", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]


def script(library: Library, text: str) -> Any:
    headers = {"Content-Type": "application/toml"}
    return library.client.post("/api/scripts", content=text.encode(), headers=headers)


_FRAME = "\n[[keyframe]]\nbar = 2\nprompt = 'house'\nstrength = 0.5\n"


def test_a_script_is_a_storys_request(library: Library) -> None:
    answer = script(library, f"bpm = 90\ntheme = 'rock'{_FRAME}")
    assert answer.json() == {
        "request": {
            "bpm": 90,
            "bars": 6,
            "keyframes": [{"bar": 2, "prompt": "house", "strength": 0.5}],
        },
        "inputs": {"theme": "rock"},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"theme = '/etc/passwd'{_FRAME}", "theme='/etc/passwd': must be one of"),
        (f"theme = ['a']{_FRAME}", "theme=['a']"),
        (f"bpm = 1{_FRAME}", "bpm=1"),
        (f"day = 1979-05-27{_FRAME}", "'day' is unknown"),
        (f"bpm = 1979-05-27{_FRAME}", "bpm"),
        ("[[keyframe]]\nbar = inf\nprompt = 'a'", "finite"),
        ("[[keyframe]]\nbar = 1", "must have a bar and a prompt"),
        ("bars = 4", "keyframes"),
        ("a = ", "not valid TOML"),
        ("a = " + "[" * 3_000, "not valid TOML"),
    ],
)
def test_scripts_that_are_refused(text: str, said: str, library: Library) -> None:
    answer = script(library, text)
    assert answer.status_code == 422
    assert said in answer.json()["error"]


def test_the_servers_process_is_light(library: Library, loop: ClipRow, root: Path) -> None:
    """Of what it answers nothing needs torch in its own process."""
    code = f"""
import sys
from pathlib import Path
from fastapi.testclient import TestClient
from riffkit.server.app import create_app
from riffkit.server.settings import Settings
client = TestClient(create_app(Settings(data=Path(sys.argv[1]))), base_url="{ADDRESS}")
for path in ("/api/tasks", "/api/clips", "/api/clips/{loop.id}/axes", "/api/clips/{loop.id}.json"):
    assert client.get(path).status_code == 200, path
assert client.post("/api/clips/{loop.id}/again").status_code == 422  # of another model
print(sorted({{"torch", "diffusers", "numba"}} & set(sys.modules)))
"""
    folder = library.app.state.folder
    folder.close()  # which one server has at a time
    try:
        words = [sys.executable, "-c", code, str(folder.data)]
        done = subprocess.run(words, cwd=root, capture_output=True, text=True)
    finally:
        folder.open()
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
