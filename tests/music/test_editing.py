"""Clips restyled, edited and extended: what stays, stays."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import riffkit
from riffkit.audio import files
from riffkit.audio.loudness import integrated_lufs
from riffkit.errors import AudioFileError, ParameterError
from riffkit.music.clip import Clip
from riffkit.music.mask import read_mask
from riffkit.music.replay import replay
from riffkit.music.request import PaintRequest
from riffkit.music.riff import Riff
from riffkit.music.session import Session
from riffkit.music.source import Source, open_source
from riffkit.music.surroundings import gain_db, merged
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import FULL_BAND
from riffkit.spectrogram.pixels import mel_to_pixels, pixels_to_mel

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


def test_a_time_span_is_new_and_all_else_the_same(thin: Riff, song: Path, source: Source) -> None:
    clip = thin.edit(song, "solo piano", time=(2.0, 3.5), bpm=BPM, seed=1, **FAST)
    changed = torch.nonzero((clip.waveform - source.waveform).abs().amax(0))[:, 0] / RATE
    assert 2.0 - 0.04 <= float(changed.min()) <= 2.05
    assert 3.45 <= float(changed.max()) <= 3.5 + 0.04
    clip.save(song.with_name("edit.wav"))
    assert replay(
        song.with_name("edit.wav"),
        song.with_name("again.wav"),
        sources=[song],
        model=thin.pipeline.loading["model"],
    ).same
    clip = thin.edit(song, "solo piano", time=(2.0, 3.5), bpm=BPM, seed=1, keep_level="off", **FAST)
    frames = np.flatnonzero((clip.image.pixels != source.image.pixels).any(axis=(0, 2)))
    assert frames.min() >= round(source.frame_of(2.0))
    assert frames.max() < round(source.frame_of(3.5))
    step = clip.waveform.diff(dim=-1).abs()
    for seconds in (2.0, 3.5):
        near = slice(round((seconds - 0.04) * RATE), round((seconds + 0.04) * RATE))
        assert step[:, near].max() <= step.max()


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes the model paint so many dB louder."""

    def by(decibels: float) -> None:
        def picture(*args: Any, **options: Any) -> np.ndarray:
            pixels = painted(*args, **options)
            mel = pixels_to_mel(pixels, FULL_BAND, max_value=1.0) * 10 ** (decibels / 20)
            return mel_to_pixels(mel, FULL_BAND, max_value=1.0)[0]

        monkeypatch.setattr(Session, "picture", picture)

    painted = Session.picture
    return by


@pytest.mark.parametrize("decibels", [-6.0, 0.0])
def test_a_new_part_is_at_the_level_around_it(
    thin: Riff, song: Path, shift: Callable[[float], None], decibels: float
) -> None:
    shift(decibels)
    inside, outside = slice(round(2.1 * RATE), round(3.9 * RATE)), slice(4 * RATE, 7 * RATE)
    levels = {}
    for keep_level in ("on", "off"):
        clip = thin.edit(
            song, "techno drums", time=(2, 4), bpm=BPM, seed=1, keep_level=keep_level, **FAST
        )
        levels[keep_level] = integrated_lufs(clip.waveform[:, inside], RATE)
        around = integrated_lufs(clip.waveform[:, outside], RATE)
    assert abs(levels["on"] - around) < 3
    assert abs(levels["on"] - around) < abs(levels["off"] - around) or decibels == 0


def test_the_level_of_new_pixels_is_that_of_their_neighbours() -> None:
    """Noise of one level, with a stretch and a band of it replaced by noise 9 dB below."""
    rng = np.random.default_rng(0)
    loud = torch.from_numpy(rng.uniform(0.01, 0.02, (3, 512, 640)).astype(np.float32))
    old, quiet = (mel_to_pixels(mel, FULL_BAND, max_value=1.0)[0] for mel in (loud, loud * 0.355))
    image = SpectrogramImage(old, FULL_BAND, max_value=1.0)
    stretch, band = np.zeros((512, 640)), np.zeros((512, 640))
    stretch[:, 256:320], band[100:200] = 1, 1
    for mask in (stretch, band, stretch * band):
        assert gain_db(image, quiet, mask, bar=64, loop=False) == pytest.approx(9, abs=0.3)
    # where nothing is kept beside it, a new part may be louder than what was there
    louder = mel_to_pixels(loud * 3, FULL_BAND, max_value=1.0)[0]
    assert gain_db(image, louder, band, bar=64, loop=False) == 0
    assert gain_db(image, louder, stretch, bar=64, loop=False) == pytest.approx(-9.5, abs=0.3)
    white = np.full_like(old, 255)
    assert gain_db(image, white, stretch, bar=64, loop=False) == 0
    # beyond black, black means more, and what is kept sounds as before
    whole = merged(image, quiet, stretch, 45.0)
    assert whole.max_value == pytest.approx(0.02 * 0.355 * 10 ** (45 / 20), rel=0.02)
    assert merged(image, quiet, stretch, 9.0).max_value == image.max_value
    kept = whole.to_mel()[:, :, 320:]
    torch.testing.assert_close(kept, loud[:, :, 320:], rtol=0.1, atol=1e-4)


def test_a_kept_band_stays_within_a_decibel(thin: Riff, song: Path, source: Source) -> None:
    clip = thin.edit(song, "hi-hats", freq=(3_000.0, 20_000.0), bpm=BPM, seed=1, **FAST)
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
    thin: Riff, song: Path, tmp_path: Path
) -> None:
    waveform, _ = files.load(song)
    hot = 3.7 / waveform.abs().max() * waveform
    files.save(tmp_path / "hot.wav", hot, RATE, subtype="FLOAT")
    clip = thin.edit(tmp_path / "hot.wav", "bells", time=(0.0, 1.0), bpm=BPM, seed=1, **FAST)
    kept = slice(2 * RATE, None)
    gain = float((clip.waveform[:, kept] * hot[:, kept]).sum() / hot[:, kept].square().sum())
    torch.testing.assert_close(clip.waveform[:, kept], gain * hot[:, kept], atol=1e-4, rtol=0)
    assert 0.9 / 3.7 < gain < 1 / 3.7 and clip.waveform.abs().max() <= 1
    (note,) = (note for note in clip.notes if note.startswith("level: "))
    assert note.startswith(f"level: {-20 * math.log10(gain):.1f} dB down")


def test_a_painted_mask_says_what_is_new(
    thin: Riff, song: Path, source: Source, tmp_path: Path
) -> None:
    levels = np.zeros(source.image.pixels.shape[:2], np.uint8)
    levels[100:200, 300:420] = 255
    levels[200:220, 300:420] = 128
    Image.fromarray(levels).save(tmp_path / "mask.png")
    clip = thin.edit(song, "flute", mask=tmp_path / "mask.png", bpm=BPM, seed=1, **FAST)
    changed = (clip.image.pixels != source.image.pixels).any(axis=-1)
    assert changed[levels == 255].mean() > 0.5
    assert not changed[levels == 0].any()
    Image.fromarray(levels[:, 1:]).save(tmp_path / "small.png")
    with pytest.raises(ParameterError, match=r"small.png.*must be"):
        thin.edit(song, mask=tmp_path / "small.png", bpm=BPM, **FAST)


@pytest.mark.parametrize("preset", ["riffusion-v1", "crisp"])
def test_a_mask_may_be_painted_over_what_encode_made(
    preset: str, song: Path, source: Source, tmp_path: Path
) -> None:
    """White between 2 and 4 s and from 1 to 3 kHz, in whichever image's rows and columns."""
    image = riffkit.encode(song, preset=preset)
    hz = mel_row_hz(image.params)[::-1]
    seconds = (np.arange(image.n_frames) + 0.5) / 100
    white = ((hz > 1000) & (hz < 3000))[:, None] & ((seconds > 2) & (seconds < 4))[None]
    info = PngInfo()
    if preset != "riffusion-v1":  # a plain mask's rows are riffusion-v1's
        info.add_text("riffkit-params", json.dumps(image.params.to_dict()))
    Image.fromarray(white.astype(np.uint8) * 255).save(tmp_path / "mask.png", pnginfo=info)
    found = read_mask(tmp_path / "mask.png", source)
    assert found.remarks and preset in found.remarks[0]
    frames = np.flatnonzero(found.levels.any(axis=0))
    assert [source.seconds_of(float(k)) for k in (frames[0], frames[-1] + 1)] == pytest.approx(
        [2, 4], abs=0.02
    )
    rows = np.flatnonzero(found.levels.any(axis=1))
    own_hz = mel_row_hz(source.image.params)[::-1] * 2 ** (source.image.transpose / 12)
    assert (own_hz[rows].min(), own_hz[rows].max()) == pytest.approx((1000, 3000), rel=0.03)


def test_the_image_to_paint_over_is_the_one_that_is_edited(song: Path, source: Source) -> None:
    image = riffkit.encode(song, model="mini", bpm=BPM)
    np.testing.assert_array_equal(image.pixels, source.image.pixels)
    with pytest.raises(ParameterError, match="preset and model: can't be combined"):
        riffkit.encode(song, model="mini", preset="crisp")


def test_the_image_to_paint_over_knows_key_and_metre(song: Path, tmp_path: Path) -> None:
    image = riffkit.encode(song, model="mini", bpm=BPM, key="C major", beats_per_bar=3)
    assert image.grid is not None and image.grid.n_beats % 3 == 0
    assert image.transpose == -2  # from D
    image.save(tmp_path / "image.png")
    options = {"model": "mini", "sources": [song.parent], "device": "cpu"}
    again = replay(tmp_path / "image.png", tmp_path / "again.png", **options)
    assert again.same
    with pytest.raises(ParameterError, match="are for the image of a `model`"):
        riffkit.encode(song, key="C major")


def test_a_spectrogram_is_no_mask(song: Path, source: Source, tmp_path: Path) -> None:
    riffkit.encode(song, model="mini", bpm=BPM).save(tmp_path / "song.png")
    with pytest.raises(ParameterError, match="is a spectrogram and not a mask"):
        read_mask(tmp_path / "song.png", source)


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


def test_the_melody_can_be_kept(thin: Riff, song: Path, source: Source) -> None:
    clip = thin.edit(song, "drums", keep_melody=True, bpm=BPM, seed=1, **FAST)
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
    completed = extra / RATE - 2 * 4 * 60 / BPM
    (note,) = (note for note in clip.notes if "completed" in note)
    assert f"completed by {completed:.2f} s" in note and note.endswith("2 bars are added")
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
    thin: Riff, song: Path, options: dict, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        thin.edit(song, bpm=BPM, **options, **FAST)


def test_clips_that_are_no_music_are_refused(thin: Riff, tmp_path: Path) -> None:
    files.save(tmp_path / "short.wav", 0.1 * torch.randn(2, RATE // 2), RATE)
    with pytest.raises(ParameterError, match="shorter than a bar"):
        thin.extend(tmp_path / "short.wav", bpm=BPM, **FAST)
    files.save(tmp_path / "silent.wav", torch.zeros(2, 8 * RATE), RATE)
    with pytest.raises(AudioFileError, match="silent"):
        thin.restyle(tmp_path / "silent.wav", "piano", **FAST)


def test_an_image_of_riffkit_s_keeps_its_own_pixels(thin: Riff, tmp_path: Path) -> None:
    clip = thin.generate("rock band", bpm=100.0, key="C minor", loop=True, seed=1, **FAST)
    clip.image.save(tmp_path / "clip.png")
    edited = thin.edit(
        tmp_path / "clip.png", "flute", time=(1.0, 2.0), seed=1, keep_level="off", **FAST
    )
    same = (edited.image.pixels == clip.image.pixels).all(axis=(0, 2))
    assert same.mean() == pytest.approx(1 - 1 / clip.seconds, abs=0.02)
    assert edited.image.transpose == clip.image.transpose
