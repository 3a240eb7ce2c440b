"""Files to images and back, with recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.audio import files
from riffkit.audio.loudness import integrated_lufs
from riffkit.errors import ParameterError
from riffkit.music.clip import read_recipe
from riffkit.music.codec import at_tempo, decode, encode
from riffkit.music.inspect import inspect
from riffkit.music.replay import replay
from riffkit.provenance.recipe import Recipe, sha256
from riffkit.spectrogram.image import SpectrogramImage

RATE = 44_100


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """Two seconds of A4, left only."""
    seconds = torch.arange(2 * RATE) / RATE
    waveform = torch.stack((0.25 * torch.sin(2 * torch.pi * 440 * seconds), torch.zeros(2 * RATE)))
    files.save(tmp_path / "tone.wav", waveform, RATE)
    return tmp_path / "tone.wav"


def level_dbfs(waveform: torch.Tensor) -> float:
    return float(10 * waveform[..., 4410:-4410].square().mean().log10())


def test_level_and_side_survive_the_full_band_preset(tone: Path, tmp_path: Path) -> None:
    encode(tone, preset="full-band").save(tmp_path / "tone.png")
    clip = decode(tmp_path / "tone.png")
    left, right = clip.waveform
    assert abs(level_dbfs(left) - 20 * np.log10(0.25 / np.sqrt(2))) < 1
    assert level_dbfs(right) < level_dbfs(left) - 40
    assert clip.notes == ()


def test_without_a_level_it_is_set(tone: Path, tmp_path: Path) -> None:
    image = encode(tone)
    replace(image, max_value=None, recipe=None).save(tmp_path / "plain.png")
    clip = decode(tmp_path / "plain.png")
    assert integrated_lufs(clip.waveform, RATE) == pytest.approx(-16, abs=0.5)
    assert any("-16 LUFS" in note for note in clip.notes)


def test_a_clip_is_cut_or_filled_to_whole_beats(tone: Path) -> None:
    """2 s are 3.67 beats at 110 BPM: four, whose last twelfth is silence."""
    image = encode(tone, bpm=110.0)
    assert image.grid is not None
    assert image.grid.n_beats == 4
    assert (image.pixels[:, -12:-8] > 250).mean() > 0.95
    assert encode(tone, bpm=125.0).n_frames == 4 * 64


def test_another_tempo_keeps_the_pitch(tone: Path, tmp_path: Path) -> None:
    encode(tone, bpm=120.0).save(tmp_path / "beats.png")
    clip = decode(tmp_path / "beats.png", bpm=90.0)
    assert clip.waveform.shape[-1] == round(4 * 60 / 90 * RATE)
    spectrum = torch.fft.rfft(clip.waveform[0]).abs()
    assert abs(int(spectrum.argmax()) * RATE / clip.waveform.shape[-1] - 440) < 2


def test_a_width_that_is_no_beats_has_no_tempo(tone: Path) -> None:
    image = encode(tone)  # 200 px
    with pytest.raises(ParameterError, match="200 px"):
        at_tempo(image, 120.0)


def test_the_recipe_names_its_input_without_a_path(tone: Path, tmp_path: Path) -> None:
    encode(tone).save(tmp_path / "tone.png")
    recipe = read_recipe(tmp_path / "tone.png")
    assert recipe is not None
    assert recipe.inputs == {"file": {"name": "tone.wav", "sha256": sha256(tone)}}
    assert str(tmp_path) not in recipe.to_json()


def test_replay_finds_its_input_or_says_so(tone: Path, tmp_path: Path) -> None:
    encode(tone).save(tmp_path / "tone.png")
    again = tmp_path / "again.png"
    assert replay(tmp_path / "tone.png", again).same
    elsewhere = tmp_path / "elsewhere" / "moved.wav"
    elsewhere.parent.mkdir()
    tone.rename(elsewhere)
    with pytest.raises(ParameterError, match="`sources`"):
        replay(tmp_path / "tone.png", again)
    assert replay(tmp_path / "tone.png", again, sources=[elsewhere]).same
    waveform, rate = files.load(elsewhere)
    files.save(elsewhere, waveform * 0.5, rate)
    with pytest.raises(ParameterError, match="no file that was found"):
        replay(tmp_path / "tone.png", again, sources=[elsewhere])


def test_replay_sees_a_changed_file(tone: Path, tmp_path: Path) -> None:
    path = tmp_path / "tone.png"
    encode(tone).save(path)
    image = SpectrogramImage.open(path)
    pixels = image.pixels.copy()
    pixels[0, 0] = 0
    replace(image, pixels=pixels).save(path)
    assert not replay(path, tmp_path / "again.png").same


def test_replay_says_which_versions_differ(tone: Path, tmp_path: Path) -> None:
    path = tmp_path / "tone.png"
    image = encode(tone)
    assert image.recipe is not None
    old = Recipe.from_dict({**image.recipe, "versions": {"torch": "1.0"}, "threads": 99})
    replace(image, recipe=old.to_dict()).save(path)
    result = replay(path, tmp_path / "again.png")
    assert (result.same, result.compared) == (True, "pixels")  # the bytes hold the versions
    assert any(line.startswith("torch 1.0 then") for line in result.differences)
    assert any(line.startswith("99 threads then") for line in result.differences)


def test_replay_compares_bytes_only_within_a_version(tone: Path, tmp_path: Path) -> None:
    path = tmp_path / "tone.png"
    image = encode(tone)
    image.save(path)
    assert replay(path, tmp_path / "again.png").compared == "bytes"
    assert image.recipe is not None
    other = {**image.recipe, "versions": {}, "arguments": {"preset": "riffusion-v1", "bpm": 90.0}}
    replace(image, recipe=other).save(path)
    assert not replay(path, tmp_path / "again.png").same


def test_inspect_measures_sound_and_image_alike(tone: Path, tmp_path: Path) -> None:
    encode(tone, preset="full-band").save(tmp_path / "tone.png")
    heard = inspect(tone)
    seen = inspect(tmp_path / "tone.png")
    assert (heard["kind"], seen["kind"]) == ("audio", "spectrogram image")
    assert heard["samples"] == seen["samples"] == 2 * RATE
    difference = heard["measured"]["loudness_lufs"] - seen["measured"]["loudness_lufs"]
    assert abs(difference) < 1.5
    assert seen["recipe"]["command"] == "encode"
    assert all(len(facts["measured"]["tags"]) == 5 for facts in (heard, seen))


def test_silence_can_be_inspected(tmp_path: Path) -> None:
    files.save(tmp_path / "silence.wav", torch.zeros(1, RATE), RATE)
    measured = inspect(tmp_path / "silence.wav")["measured"]
    assert measured["loudness_lufs"] is None
    assert measured["key"] is None
    assert measured["tags"] == {}
