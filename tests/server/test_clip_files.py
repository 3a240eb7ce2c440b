"""A clip's files: whole and in ranges, in other formats, at another tempo and pitch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riffkit.audio import files
from riffkit.audio.reader import describe, read_tags
from riffkit.music.clip import read_recipe
from riffkit.music.codec import decode
from riffkit.music.midi_score import read_score
from riffkit.music.riff import Riff
from riffkit.provenance.recipe import Recipe
from riffkit.server.derived import trim
from riffkit.server.store import ClipRow
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from tests.server.conftest import FAST, Library


def saved(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def same_recipe(path: Path, recipe: Recipe) -> bool:
    found = read_recipe(path)
    return found is not None and found.to_json() == recipe.to_json()


def test_the_sound_and_the_image_are_the_files_themselves(library: Library, loop: ClipRow) -> None:
    for suffix, kind in ((".wav", "audio/wav"), (".png", "image/png")):
        answer = library.client.get(f"/api/clips/{loop.id}{suffix}")
        assert answer.content == library.file(loop, suffix).read_bytes()
        assert answer.headers["content-type"] == kind
    name = answer.headers["content-disposition"]
    assert name.startswith("inline") and "loop%20of%20two%20bars_150bpm_Am_2bars.png" in name
    attached = library.client.get(f"/api/clips/{loop.id}.png?download=1")
    assert attached.headers["content-disposition"].startswith("attachment")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ends=st.tuples(st.integers(0, 99_999), st.integers(0, 99_999)).map(sorted))
def test_a_range_is_that_part_of_the_file(ends: list[int], library: Library, loop: ClipRow) -> None:
    content = library.file(loop, ".wav").read_bytes()
    first, last = ends
    answer = library.client.get(
        f"/api/clips/{loop.id}.wav", headers={"Range": f"bytes={first}-{last}"}
    )
    assert answer.status_code == 206
    assert answer.content == content[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"


def test_the_end_of_a_file_and_what_is_behind_it(library: Library, loop: ClipRow) -> None:
    url, content = f"/api/clips/{loop.id}.wav", library.file(loop, ".wav").read_bytes()
    assert library.client.get(url, headers={"Range": "bytes=-500"}).content == content[-500:]
    behind = library.client.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert behind.status_code == 416
    assert behind.headers["content-range"] == f"bytes */{len(content)}"
    assert "before the range" in behind.json()["error"]
    wrong = library.client.get(url, headers={"Range": "bars=1-2"})
    assert (wrong.status_code, list(wrong.json())) == (400, ["error"])


def test_a_client_that_has_it_gets_nothing(library: Library, loop: ClipRow) -> None:
    url = f"/api/clips/{loop.id}.wav"
    head = library.client.head(url)
    size = library.file(loop, ".wav").stat().st_size
    assert (head.content, int(head.headers["content-length"])) == (b"", size)
    known = {"If-None-Match": head.headers["etag"]}
    again = library.client.get(url, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    other = library.client.get(url, headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


def test_flac_has_the_same_samples_and_recipe(
    library: Library, loop: ClipRow, tmp_path: Path
) -> None:
    own, rate = files.load(library.file(loop, ".wav"))
    flac = saved(library.client.get(f"/api/clips/{loop.id}.flac").content, tmp_path / "a.flac")
    sound, flac_rate = files.load(flac)
    assert flac_rate == rate
    assert torch.equal(sound, own)
    made = library.made[loop.id]
    assert same_recipe(flac, made.recipe)
    made.save(tmp_path / "b.flac")
    assert set(read_tags(flac)) == set(read_tags(tmp_path / "b.flac"))


def test_mp3_and_ogg_have_the_same_length_and_recipe(
    library: Library, loop: ClipRow, tmp_path: Path
) -> None:
    own, rate = files.load(library.file(loop, ".wav"))
    for suffix in (".mp3", ".ogg"):
        answer = library.client.get(f"/api/clips/{loop.id}{suffix}")
        sound, own_rate = files.load(saved(answer.content, tmp_path / f"a{suffix}"))
        assert (own_rate, sound.shape) == (rate, own.shape)
        error = (sound - own).norm() / own.norm()
        assert error < 0.2
        assert same_recipe(tmp_path / f"a{suffix}", library.made[loop.id].recipe)


def tone(row_of_peak: int, like: SpectrogramImage) -> SpectrogramImage:
    """The image with one steady row."""
    pixels = np.full_like(like.pixels, 255)
    pixels[row_of_peak] = 60
    return SpectrogramImage(pixels, like.params, grid=like.grid, recipe=like.recipe, max_value=None)


def peak_hz(path: Path) -> float:
    sound, rate = files.load(path)
    spectrum = np.abs(np.fft.rfft(sound.mean(0).numpy() * np.hanning(sound.shape[-1])))
    return float(spectrum.argmax() * rate / sound.shape[-1])


def test_another_tempo_and_pitch(library: Library, golden_riff: Riff, tmp_path: Path) -> None:
    """Exact to the sample in length, by twelve semitones in pitch."""
    clip = golden_riff.generate("house", bars=1, loop=True, bpm=240.0, **FAST)
    row = library.add(clip, "a tone")
    tone(30, clip.image).save(library.file(row, ".png"))

    def played(query: str) -> Path:
        answer = library.client.get(f"/api/clips/{row.id}.wav{query}")
        assert answer.status_code == 200, answer.text
        return saved(answer.content, tmp_path / "played.wav")

    own = peak_hz(played("?bpm=200"))
    for query, bpm, ratio in (
        ("?bpm=120", 120.0, 1.0),
        ("?transpose=12", 240.0, 2.0),
        ("?bpm=93.7&transpose=-7", 93.7, 2 ** (-7 / 12)),
    ):
        path = played(query)
        assert describe(path).n_samples == BeatGrid(bpm, 4).n_samples(clip.sample_rate)
        assert peak_hz(path) / own == pytest.approx(ratio, rel=0.01)
        assert read_recipe(path).command == "decode"  # type: ignore[union-attr]


def test_what_begins_within_a_bar_does_so_at_another_tempo(
    library: Library, golden_riff: Riff, tmp_path: Path
) -> None:
    """The silence of the image before and after a brought sound isn't played, nor that after a
    duration.
    """
    clip = golden_riff.generate("house", bars=1, bpm=240.0, **FAST)
    lead, n_samples = 4_000, 12_001
    recipe = replace(clip.recipe, inputs={"file": {"name": "a.wav", "lead_samples": lead}})
    for own_lead, own_recipe in ((lead, recipe), (0, clip.recipe)):
        image = replace(clip.image, recipe=own_recipe.to_dict(), max_value=None)
        sound = clip.waveform[:, own_lead : own_lead + n_samples]
        part = replace(clip, waveform=sound, image=image, recipe=own_recipe)
        row = library.add(part, f"begins after {own_lead}")
        for bpm, query in ((240.0, "?transpose=1"), (100.0, "?bpm=100"), (300.0, "?bpm=300")):
            answer = library.client.get(f"/api/clips/{row.id}.wav{query}")
            played, _ = files.load(saved(answer.content, tmp_path / "played.wav"))
            semitones, made = float(bpm == 240), own_recipe.arguments
            asked = {name: made[name] for name in ("vocoder", "quality", "seed")}
            whole = decode(library.file(row, ".png"), bpm=bpm, transpose=semitones, **asked)
            begin = round(own_lead * 240 / bpm)
            assert played.shape[-1] == round(n_samples * 240 / bpm)
            middle = slice(2_000, played.shape[-1] - 2_000)
            wanted = whole.waveform[:, begin:][:, middle]
            assert (played[:, middle] - wanted).abs().max() < 1e-3


def test_at_its_own_tempo_it_is_itself(library: Library, loop: ClipRow) -> None:
    answer = library.client.get(f"/api/clips/{loop.id}.wav?bpm={loop.bpm}&transpose=0")
    assert answer.content == library.file(loop, ".wav").read_bytes()


def test_a_loop_stays_one_at_another_tempo(library: Library, loop: ClipRow, tmp_path: Path) -> None:
    answer = library.client.get(f"/api/clips/{loop.id}.wav?bpm=180")
    assert b"acid" in answer.content
    assert "_180bpm_" in answer.headers["content-disposition"]
    higher = library.client.get(f"/api/clips/{loop.id}.wav?bpm=180&transpose=2")
    assert "_Bm_" in higher.headers["content-disposition"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("bpm=5", "bpm=5: must be between 20 and 400"),
        ("bpm=nan", "bpm=nan"),
        ("transpose=60", "must be within ±24 semitones"),
        ("transpose=inf", "must be within"),
        ("bpm=fast", "bpm: must be a number"),
    ],
)
def test_a_tempo_that_there_is_not(query: str, said: str, library: Library, loop: ClipRow) -> None:
    answer = library.client.get(f"/api/clips/{loop.id}.wav?{query}")
    assert answer.status_code == 422
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        "abcdefabcdef.wav",
        "..%2f..%2fetc%2fpasswd.wav",
        "%2e%2e.wav",
        "LOUDLOUDLOUD.png",
        "abc.wav",
        "abcdefabcde%00.wav",
    ],
)
def test_an_id_that_is_none(path: str, library: Library) -> None:
    answer = library.client.get(f"/api/clips/{path}")
    assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_an_unknown_ending(library: Library, loop: ClipRow) -> None:
    answer = library.client.get(f"/api/clips/{loop.id}.exe")
    assert answer.status_code == 404
    assert ".flac" in answer.json()["error"]


def test_the_recipe(library: Library, loop: ClipRow) -> None:
    answer = library.client.get(f"/api/clips/{loop.id}.json")
    assert answer.json() == json.loads(library.made[loop.id].recipe.to_json())


def test_notes_and_players(library: Library, trio: ClipRow, loop: ClipRow, tmp_path: Path) -> None:
    made = library.made[trio.id]
    midi = saved(library.client.get(f"/api/clips/{trio.id}.mid").content, tmp_path / "trio.mid")
    assert read_score(midi).score.to_dict() == made.recipe.score
    none = library.client.get(f"/api/clips/{loop.id}.mid")
    assert (none.status_code, "no exact notes" in none.json()["error"]) == (404, True)
    total = torch.zeros_like(made.waveform)
    for number, _ in enumerate(trio.stems, 1):
        stem = library.client.get(f"/api/clips/{trio.id}/stems/{number}.wav")
        total += files.load(saved(stem.content, tmp_path / "s.wav"), allow_silence=True)[0]
        image = library.client.get(f"/api/clips/{trio.id}/stems/{number}.png")
        assert image.headers["content-type"] == "image/png"
    assert (total - made.waveform).abs().max() < 1e-3
    for number in ("0", str(len(trio.stems) + 1), "²", "-1", "1e0"):
        answer = library.client.get(f"/api/clips/{trio.id}/stems/{number}.wav")
        assert answer.status_code == 404


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    import os
    import time

    for age, name in enumerate("abcd"):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (time.time() - 1_000 * (4 - age),) * 2)
    (tmp_path / "new").write_bytes(bytes(1_000))
    trim(tmp_path, 1_250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "d", "new"]
