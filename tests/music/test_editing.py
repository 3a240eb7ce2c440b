"""Clips restyled, edited and extended: what stays, stays."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from riffkit.audio import files
from riffkit.errors import AudioFileError, ParameterError
from riffkit.music.clip import Clip
from riffkit.music.mask import read_mask
from riffkit.music.replay import replay
from riffkit.music.request import PaintRequest
from riffkit.music.riff import Riff
from riffkit.music.source import Source, open_source

FAST = {"steps": 4, "quality": "preview"}
RATE = 44_100
BPM = 110.0


@pytest.fixture(scope="module")
def song(riff: Riff, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three and a bit bars of a band, which begin between two beats."""
    whole = riff.generate("rock band with drums", bars=4, bpm=BPM, key="E minor", seed=2, **FAST)
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    files.save(path, whole.waveform[:, 12_345 : 12_345 + round(7.7 * RATE)], RATE)
    return path


@pytest.fixture(scope="module")
def source(riff: Riff, song: Path) -> Source:
    return open_source(riff.pipeline, song, PaintRequest(bpm=BPM))


def darkness(clip: Clip) -> np.ndarray:
    return 1 - clip.image.pixels.astype(float) / 255


def spectrum(waveform: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(4096)
    return torch.stft(waveform, 4096, 1024, window=window, return_complex=True).abs()


def test_a_source_begins_on_a_downbeat_and_keeps_all_of_the_clip(
    source: Source, song: Path
) -> None:
    waveform, _ = files.load(song)
    assert torch.equal(source.waveform, waveform)
    assert not source.loop
    assert source.padded.shape[-1] >= source.image.n_samples
    assert torch.equal(source.padded[:, source.n_lead :][:, : waveform.shape[-1]], waveform)
    sixteenth = 60 / BPM / 4
    late = (source.n_lead + 12_345 * -1) / RATE % sixteenth
    late = min(late, sixteenth - late)
    assert late < 0.02  # the song begins 12,345 samples behind a downbeat


def test_strength_is_distance_and_none_is_copy_synthesis(riff: Riff, song: Path) -> None:
    loudness = []
    for strength in (0.0, 0.4, 1.0):
        clip = riff.restyle(song, "choir", strength=strength, bpm=BPM, seed=1, **FAST)
        assert clip.waveform.shape[-1] == round(7.7 * RATE)
        loudness.append(darkness(clip))
    apart = [np.abs(image - loudness[0]).mean() for image in loudness]
    assert apart[0] == 0 < apart[1] < apart[2]


def test_a_time_span_is_new_and_all_else_the_same(riff: Riff, song: Path, source: Source) -> None:
    clip = riff.edit(song, "solo piano", time=(2.0, 3.5), bpm=BPM, seed=1, **FAST)
    changed = torch.nonzero((clip.waveform - source.waveform).abs().amax(0))[:, 0] / RATE
    assert 2.0 - 0.04 <= float(changed.min()) <= 2.05
    assert 3.45 <= float(changed.max()) <= 3.5 + 0.04
    frames = np.flatnonzero((clip.image.pixels != source.image.pixels).any(axis=(0, 2)))
    assert frames.min() >= round(source.frame_of(2.0))
    assert frames.max() < round(source.frame_of(3.5))
    step = clip.waveform.diff(dim=-1).abs()
    for seconds in (2.0, 3.5):
        near = slice(round((seconds - 0.04) * RATE), round((seconds + 0.04) * RATE))
        assert step[:, near].max() <= step.max()
    clip.save(song.with_name("edit.wav"))
    assert replay(song.with_name("edit.wav"), song.with_name("again.wav"), sources=[song]).same


def test_a_kept_band_stays_within_a_decibel(riff: Riff, song: Path, source: Source) -> None:
    clip = riff.edit(song, "hi-hats", freq=(3_000.0, 20_000.0), bpm=BPM, seed=1, **FAST)
    hz = torch.arange(2049) * RATE / 4096
    kept = (hz > 60) & (hz < 2_500)
    before, after = spectrum(source.waveform), spectrum(clip.waveform)
    level = 20 * torch.log10(after[:, kept].norm() / before[:, kept].norm())
    assert abs(float(level)) < 1
    error = (after - before)[:, kept].norm() / before[:, kept].norm()
    assert 20 * torch.log10(error) < -12
    new = hz > 4_000
    assert (after - before)[:, new].norm() > 0.3 * before[:, new].norm()


def test_a_clip_above_full_scale_is_turned_down_and_not_clipped(
    riff: Riff, song: Path, tmp_path: Path
) -> None:
    waveform, _ = files.load(song)
    hot = 3.7 / waveform.abs().max() * waveform
    files.save(tmp_path / "hot.wav", hot, RATE, subtype="FLOAT")
    clip = riff.edit(tmp_path / "hot.wav", "bells", time=(0.0, 1.0), bpm=BPM, seed=1, **FAST)
    kept = slice(2 * RATE, None)
    gain = float((clip.waveform[:, kept] * hot[:, kept]).sum() / hot[:, kept].square().sum())
    torch.testing.assert_close(clip.waveform[:, kept], gain * hot[:, kept], atol=1e-4, rtol=0)
    assert 0.9 / 3.7 < gain < 1 / 3.7 and clip.waveform.abs().max() <= 1
    (note,) = (note for note in clip.notes if note.startswith("level: "))
    assert note.startswith(f"level: {-20 * math.log10(gain):.1f} dB down")


def test_a_painted_mask_says_what_is_new(
    riff: Riff, song: Path, source: Source, tmp_path: Path
) -> None:
    levels = np.zeros(source.image.pixels.shape[:2], np.uint8)
    levels[100:200, 300:420] = 255
    levels[200:220, 300:420] = 128
    Image.fromarray(levels).save(tmp_path / "mask.png")
    clip = riff.edit(song, "flute", mask=tmp_path / "mask.png", bpm=BPM, seed=1, **FAST)
    changed = (clip.image.pixels != source.image.pixels).any(axis=-1)
    assert changed[levels == 255].mean() > 0.5
    assert not changed[levels == 0].any()
    Image.fromarray(levels[:, 1:]).save(tmp_path / "small.png")
    with pytest.raises(ParameterError, match=r"small.png.*must be"):
        riff.edit(song, mask=tmp_path / "small.png", bpm=BPM, **FAST)


@pytest.mark.parametrize("form", ["a clear layer", "gray and alpha", "16 bit", "palette"])
def test_masks_of_all_forms_say_the_same(source: Source, tmp_path: Path, form: str) -> None:
    levels = np.zeros(source.image.pixels.shape[:2], np.uint8)
    levels[:, 200:] = 255
    levels[200:, 100:150] = 100
    white = Image.new("L", levels.shape[::-1], 255)
    picture = {
        "a clear layer": lambda: Image.merge(
            "RGBA", (white, white, white, Image.fromarray(levels))
        ),
        "gray and alpha": lambda: Image.merge("LA", (white, Image.fromarray(levels))),
        "16 bit": lambda: Image.fromarray(levels.astype(np.uint16) * 257),
        "palette": lambda: Image.fromarray(levels).convert("P"),
    }[form]()
    picture.save(tmp_path / "mask.png")
    found = read_mask(tmp_path / "mask.png", source).levels
    np.testing.assert_allclose(found, levels / 255, atol=1e-9)


def test_the_melody_can_be_kept(riff: Riff, song: Path, source: Source) -> None:
    clip = riff.edit(song, "drums", keep_melody=True, bpm=BPM, seed=1, **FAST)
    same = (clip.image.pixels == source.image.pixels).all(axis=-1)
    level = source.image.pixels.mean(-1)
    assert level[same].mean() < level[~same].mean()  # what is loud, hence dark, stays
    assert 0.02 < same.mean() < 0.5


@pytest.mark.parametrize("before", [False, True])
def test_an_extended_clip_stays_as_it_is(riff: Riff, song: Path, before: bool) -> None:
    waveform, _ = files.load(song)
    clip = riff.extend(song, "rock band", bars=2, before=before, bpm=BPM, seed=1, **FAST)
    n, fade = waveform.shape[-1], round(0.031 * RATE)
    extra = clip.waveform.shape[-1] - n
    assert 2 * 4 * 60 / BPM <= extra / RATE < 3 * 4 * 60 / BPM
    if before:
        assert torch.equal(clip.waveform[:, extra + fade :], waveform[:, fade:])
        join = extra
    else:
        assert torch.equal(clip.waveform[:, : n - fade], waveform[:, :-fade])
        join = n
    step = clip.waveform.diff(dim=-1).abs()
    assert step[:, join - fade : join + fade].max() <= step.max()
    new = clip.waveform[:, n:] if not before else clip.waveform[:, :extra]
    loudness = 20 * torch.log10(new.square().mean().sqrt() / waveform.square().mean().sqrt())
    assert abs(float(loudness)) < 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": (9.0, 10.0)}, "the clip ends at"),
        ({"time": (3.0, 2.0)}, "time=3:2"),
        ({"freq": (30_000.0, 40_000.0)}, "outside the image's range"),
        ({"strength": 2.0, "time": (0.0, 1.0)}, "strength"),
        ({}, "no part is chosen"),
    ],
)
def test_edits_that_cannot_be_are_refused(
    riff: Riff, song: Path, options: dict, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        riff.edit(song, bpm=BPM, **options, **FAST)


def test_clips_that_are_no_music_are_refused(riff: Riff, tmp_path: Path) -> None:
    files.save(tmp_path / "short.wav", 0.1 * torch.randn(2, RATE // 2), RATE)
    with pytest.raises(ParameterError, match="shorter than a bar"):
        riff.extend(tmp_path / "short.wav", bpm=BPM, **FAST)
    files.save(tmp_path / "silent.wav", torch.zeros(2, 8 * RATE), RATE)
    with pytest.raises(AudioFileError, match="silent"):
        riff.restyle(tmp_path / "silent.wav", "piano", **FAST)


def test_an_image_of_riffkit_s_keeps_its_own_pixels(riff: Riff, tmp_path: Path) -> None:
    clip = riff.generate("rock band", bpm=100.0, key="C minor", loop=True, seed=1, **FAST)
    clip.image.save(tmp_path / "clip.png")
    edited = riff.edit(tmp_path / "clip.png", "flute", time=(1.0, 2.0), seed=1, **FAST)
    same = (edited.image.pixels == clip.image.pixels).all(axis=(0, 2))
    assert same.mean() == pytest.approx(1 - 1 / clip.seconds, abs=0.02)
    assert edited.image.transpose == clip.image.transpose
