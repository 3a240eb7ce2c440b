"""The mix: levels, places, ducking and room; stems that add up, in memory and in files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from riffkit import Clip, ParameterError, Recipe
from riffkit.audio import files
from riffkit.audio.encoding import Bits
from riffkit.audio.loudness import integrated_lufs, true_peak_dbfs
from riffkit.audio.reader import read_tags
from riffkit.limits import Loudness
from riffkit.music.finish import Ending, finish
from riffkit.music.mixing import Mixed, _impulse, mix, stem_names
from riffkit.music.stems import MONO, as_played, is_mono, stems_to_mix
from riffkit.score import write_score
from riffkit.score.drums import SECTIONS
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Mix, Note, Score, Track
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP, Planes

RATE = 44_100
BPM, N_BEATS = 120.0, 8
GRID = BeatGrid(BPM, N_BEATS)
N_SAMPLES = GRID.n_samples(RATE)
BEAT = N_SAMPLES // N_BEATS

ORGAN = Track("organ", "comp", 0, 16, -20.0, 0.0, 0.0, (Note(0.0, 8.0, 60, 90),))
KICK = Track(
    "kick", "drums", 128, 0, -14.0, 0.0, 0.0, (Note(2.0, 0.5, 36, 100), Note(7.0, 0.5, 36, 99))
)
HATS = Track("hats", "drums", 128, 0, -26.0, 0.3, 0.1, (Note(1.0, 0.5, 42, 100),))


def score(*tracks: Track, **rules: Any) -> Score:
    facts = replace(write_score(0).facts, bpm=BPM, n_beats=N_BEATS)
    return Score(facts, tracks, (), Mix(**rules))


def tone(hz: float, amplitude: float = 0.1) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(N_SAMPLES) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


def hits(*beats: float, seed: int = 0) -> np.ndarray:
    """Bursts of noise, 100 ms long, that may reach over the end."""
    noise = np.random.default_rng(seed).standard_normal((2, RATE // 10))
    sound = np.zeros((2, N_SAMPLES), np.float32)
    for beat in beats:
        at = np.arange(round(beat * BEAT), round(beat * BEAT) + RATE // 10) % N_SAMPLES
        sound[:, at] = noise * np.exp(-np.arange(RATE // 10) / 1_000)
    return sound


def db(sound: np.ndarray | torch.Tensor) -> float:
    return 20 * math.log10(max(float(np.sqrt(np.mean(np.asarray(sound, np.float64) ** 2))), 1e-12))


@pytest.fixture(scope="module")
def band() -> tuple[Score, Mixed]:
    """A tape-like mix with all that a style may have."""
    piano = replace(ORGAN, instrument="piano", pan=-0.4, send=0.5)
    written = score(
        replace(KICK, level_db=-6.0),
        piano,
        HATS,
        replace(piano, pan=0.6),
        reverb_s=0.9,
        lowpass_hz=6_000.0,
        crackle=0.6,
        duck=0.4,
    )
    dry = [hits(2, 7), hits(0, 1.5, 6, seed=1) + tone(330), hits(1, seed=2), tone(523.25)]
    return written, mix(dry, written, RATE)


def clip_of(
    mixed: Mixed,
    *,
    loop: bool = True,
    ending: Ending | None = None,
    loudness: Loudness | None = None,
) -> Clip:
    white = np.full((CRISP.n_mels, GRID.n_frames, 3), 255, np.uint8)
    return finish(
        torch.from_numpy(mixed.waveform),
        SpectrogramImage(white, CRISP, grid=GRID),
        Recipe("generate", {}),
        ending or Ending(faded=not loop),
        circular=loop,
        loudness=loudness,
        title="A trio",
        stems={name: torch.from_numpy(stem) for name, stem in mixed.stems.items()},
    )


@pytest.mark.parametrize("level_db", [-26.0, -14.0])
@pytest.mark.parametrize("pan", [-0.5, 0.0, 0.8])
def test_a_track_has_its_level_and_its_place(level_db: float, pan: float) -> None:
    """Balance: the louder side at the level, the other turned down by the pan."""
    track = replace(ORGAN, level_db=level_db, pan=pan)
    for dry in (tone(441, 0.003), tone(441, 0.9)[:1]):  # of any level, stereo or mono
        left, right = mix([dry], score(track), RATE).waveform
        assert db(left) == pytest.approx(level_db + 20 * math.log10(min(1, 1 - pan)), abs=0.1)
        assert db(right) == pytest.approx(level_db + 20 * math.log10(min(1, 1 + pan)), abs=0.1)


@pytest.mark.parametrize("circular", [True, False])
def test_ducking_is_only_where_kicks_are(circular: bool) -> None:
    """Half a beat before each kick the organ has its level; 10 ms after, 6 dB less. Drums stay."""
    written = score(KICK, ORGAN, HATS, duck=0.5, reverb_s=0.1)
    dry = [hits(2, 7), tone(441), hits(1)]
    stems = mix(dry, written, RATE, circular=circular).stems
    plain = mix(dry, replace(written, mix=Mix(reverb_s=0.1)), RATE, circular=circular).stems
    gain = np.abs(stems["organ"][0]).reshape(-1, 100).max(1) / np.abs(plain["organ"][0]).reshape(
        -1, 100
    ).max(1)
    in_beats = np.arange(len(gain)) * 100 / BEAT
    since_kick = np.minimum((in_beats - 2) % N_BEATS, (in_beats - 7) % N_BEATS)
    assert gain[since_kick > 0.36].min() > 0.999
    for kick in (2, 7):
        after = np.abs(in_beats - kick - 0.02 * BPM / 60).argmin()
        assert gain[after] == pytest.approx(1 - 0.5 * (1 - 0.04 / 0.35) ** 1.5, abs=0.01)
    for name in ("kick", "hats"):
        assert np.array_equal(stems[name], plain[name])


def test_ducking_goes_round_a_loop_and_ends_with_a_clip() -> None:
    late = replace(KICK, notes=(Note(7.9, 0.1, 36, 100),))
    written = score(late, ORGAN, duck=0.5, reverb_s=0.1)
    for circular in (True, False):
        stem = mix([hits(7.9), tone(441)], written, RATE, circular=circular).stems["organ"]
        start, middle = (np.abs(part).max() for part in (stem[:, 20:200], stem[:, BEAT : 2 * BEAT]))
        assert start / middle == pytest.approx(0.7 if circular else 1.0, abs=0.02)


def test_the_room_goes_round_a_loop_and_is_cut_off_a_clip() -> None:
    wet = replace(ORGAN, send=0.5)
    click = np.zeros((2, N_SAMPLES), np.float32)
    click[:, -10] = 1
    loop, clip = (
        mix([click], score(wet, reverb_s=0.4), RATE, circular=circular).waveform
        for circular in (True, False)
    )
    tail = slice(0, round(0.2 * RATE))
    assert db(loop[:, tail]) > -50
    assert db(loop[:, tail]) > 60 + db(loop[:, N_SAMPLES // 2 : -RATE])
    assert db(clip[:, : N_SAMPLES - 100]) < -120
    assert np.allclose(clip[:, -10:], loop[:, -10:], atol=1e-6)


@pytest.mark.parametrize("n_samples", [N_SAMPLES, 99_991])
@pytest.mark.parametrize("reverb_s", [0.5, 3.0])
def test_a_loop_is_convolved_at_its_own_length(n_samples: int, reverb_s: float) -> None:
    """As the discrete convolution theorem has it, for a prime length and a room that laps too."""
    wet = replace(ORGAN, send=0.4)
    dry = np.random.default_rng(0).standard_normal((2, n_samples)).astype(np.float32)
    placed = mix([dry], score(replace(wet, send=0.0)), RATE).waveform.astype(np.float64)
    impulse = np.zeros((2, 2 * n_samples))
    room = _impulse(reverb_s, RATE)
    impulse[:, : room.shape[1]] = room
    impulse = impulse[:, :n_samples] + impulse[:, n_samples:]
    impulse /= np.sqrt((impulse**2).sum(1, keepdims=True))
    hz = np.fft.rfftfreq(n_samples, 1 / RATE)
    spectrum = np.fft.rfft(placed) * (1 + 0.4 * np.fft.rfft(impulse))
    spectrum /= np.sqrt(1 + (hz / 5_500) ** 6)
    found = mix([dry], score(wet, reverb_s=reverb_s, lowpass_hz=5_500.0), RATE).waveform
    assert np.abs(found - np.fft.irfft(spectrum, n_samples)).max() < 1e-6


def test_the_low_pass_is_3_db_down_at_its_frequency() -> None:
    for hz, lost_db in ((1_000, 0.0), (4_000, 3.01), (8_000, 18.1)):
        dark = mix([tone(hz)], score(ORGAN, reverb_s=0.1, lowpass_hz=4_000.0), RATE).waveform
        assert db(dark) == pytest.approx(-20 - lost_db, abs=0.1)


def test_kicks_that_are_muted_still_duck() -> None:
    written = score(KICK, ORGAN, duck=0.8)
    whole = mix([hits(0.0), tone(441)], written, RATE).stems["organ"]
    alone = replace(written, tracks=written.tracks[1:])
    muted = mix([tone(441)], alone, RATE, ducked_by=written.tracks).stems["organ"]
    assert np.array_equal(muted, whole)
    assert not np.array_equal(mix([tone(441)], alone, RATE).stems["organ"], whole)


def test_another_track_leaves_the_others_stems_equal(band: tuple[Score, Mixed]) -> None:
    written, mixed = band
    other = replace(ORGAN, send=0.1)
    tracks = (*written.tracks[:3], other)
    dry = [hits(2, 7), hits(0, 1.5, 6, seed=1) + tone(330), hits(1, seed=2), tone(98, 0.4)]
    again = mix(dry, replace(written, tracks=tracks), RATE)
    assert [*again.stems] == ["kick", "piano", "hats", "organ", "vinyl"]
    for name in ("kick", "piano", "hats", "vinyl"):
        assert np.array_equal(again.stems[name], mixed.stems[name])


def test_silence_stays_silence() -> None:
    silent = np.zeros((2, N_SAMPLES), np.float32)
    stems = mix([silent, tone(441)], score(KICK, ORGAN, lowpass_hz=5_000.0), RATE).stems
    assert not stems["kick"].any()


def test_names_are_unique(band: tuple[Score, Mixed]) -> None:
    written, mixed = band
    assert stem_names(written.tracks) == ("kick", "piano", "hats", "piano 2")
    assert [*mixed.stems] == ["kick", "piano", "hats", "piano 2", "vinyl"]
    assert "vinyl" not in mix([tone(441)], score(ORGAN), RATE).stems


@pytest.mark.parametrize("loop", [True, False])
def test_a_clip_is_at_minus_16_lufs_under_minus_1_dbfs(
    band: tuple[Score, Mixed], loop: bool
) -> None:
    clip = clip_of(band[1], loop=loop)
    assert integrated_lufs(clip.waveform, RATE) == pytest.approx(-16, abs=0.1)
    assert true_peak_dbfs(clip.waveform, circular=loop) <= -1
    gain = clip.waveform[0] / torch.from_numpy(band[1].waveform[0])
    assert gain.max() / gain[gain > 0.1].min() > 1.1  # the limiter works here


@pytest.mark.parametrize(
    ("bits", "rate", "most_db"),
    [("float", None, -90), (24, None, -90), (24, 48_000, -90), (16, None, -60), (16, 48_000, -60)],
)
@pytest.mark.parametrize("loop", [True, False])
def test_files_of_stems_add_up(
    band: tuple[Score, Mixed],
    tmp_path: Path,
    bits: Bits,
    rate: int | None,
    most_db: float,
    loop: bool,
) -> None:
    """Limited, cut and faded: what is left of the mix when the stems are taken from it."""
    ending = Ending() if loop else Ending(span=(1_000, N_SAMPLES - 5_000))
    clip = clip_of(band[1], loop=loop, ending=replace(ending, faded=not loop))
    clip.save(tmp_path / "mix.wav", bits=bits, sample_rate=rate)
    paths = clip.save_stems(tmp_path / "stems", bits=bits, sample_rate=rate)
    whole, found_rate = files.load(tmp_path / "mix.wav")
    added = sum(files.load(path, allow_silence=True)[0].double() for path in paths)
    assert found_rate == (rate or RATE)
    assert db(whole - added) - db(whole) <= most_db
    assert db(clip.waveform - sum(clip.stems.values())) - db(clip.waveform) < -120


@pytest.mark.parametrize("loudness", [-20.0, "peak"])
def test_stems_are_as_loud_as_asked(band: tuple[Score, Mixed], loudness: Loudness) -> None:
    ending = Ending(span=(1_000, N_SAMPLES - 5_000))
    clip = clip_of(band[1], loop=False, ending=ending, loudness=loudness)
    assert db(clip.waveform - sum(clip.stems.values())) - db(clip.waveform) < -120
    if loudness == "peak":
        assert true_peak_dbfs(clip.waveform) == pytest.approx(-1, abs=0.01)
    else:
        assert integrated_lufs(clip.waveform, RATE) == pytest.approx(loudness, abs=0.1)


def test_stems_are_files_with_names_and_tags(band: tuple[Score, Mixed], tmp_path: Path) -> None:
    clip = clip_of(band[1])
    paths = clip.save_stems(tmp_path / "a" / "b", suffix=".flac")
    assert [path.name for path in paths] == [
        "01-kick.flac",
        "02-piano.flac",
        "03-hats.flac",
        "04-piano-2.flac",
        "05-vinyl.flac",
    ]
    for path, name in zip(paths, clip.stems, strict=True):
        assert read_tags(path)["riffkit"] == clip.stem(name).recipe.to_json()
        assert clip.stem(name).recipe.arguments["stem"] == name
    assert sorted((tmp_path / "a" / "b").iterdir()) == paths


def test_a_clip_without_stems_says_so(band: tuple[Score, Mixed], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="stems: this clip has none"):
        replace(clip_of(band[1]), stems={}).save_stems(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ParameterError, match="bits=24"):
        clip_of(band[1]).save_stems(tmp_path / "none", suffix=".mp3", bits=24)
    assert not (tmp_path / "none").exists()


def test_stems_that_cancel_are_not_clipped(tmp_path: Path) -> None:
    """Two tones in opposite phase and a soft one: the mix is soft, its stems are not."""
    loud = tone(441, 0.5)
    mixed = Mixed({"one": loud, "two": -loud, "three": tone(1_000, 0.01)})
    clip = clip_of(mixed)
    assert "the stem 'one' is that much above full scale" in clip.notes[0]
    assert max(float(stem.abs().max()) for stem in clip.stems.values()) <= 1
    assert db(clip.waveform - sum(clip.stems.values())) < -110


def test_mono_tracks_have_equal_planes() -> None:
    assert set(INSTRUMENTS) | set(SECTIONS) >= MONO
    assert is_mono(KICK) and is_mono(replace(ORGAN, role="bass")) and not is_mono(HATS)
    pixels = np.random.default_rng(0).integers(0, 256, (512, GRID.n_frames, 3)).astype(np.uint8)
    painted = SpectrogramImage(pixels, CRISP, grid=GRID)
    played = as_played(painted, KICK).pixels
    assert (played == played[:, :, :1]).all()
    assert np.abs(played[:, :, 0] - pixels.mean(2)).max() <= 0.5
    assert as_played(painted, ORGAN) is painted
    left_right = replace(painted, params=CRISP.with_planes(Planes.RIFFUSION_STEREO))
    played = as_played(left_right, KICK)
    assert played.params.planes is Planes.MONO
    assert (played.pixels == played.pixels[:, :, :1]).all()
    assert np.abs(played.pixels[:, :, 0] - pixels[:, :, 1:].mean(2)).max() <= 0.5


def test_images_of_tracks_become_a_mix() -> None:
    """A mono bass to the left, a stereo organ to the right: each note on its side, at its level."""
    bass = replace(ORGAN, instrument="bass guitar", role="bass", level_db=-18.0, pan=-0.9)
    organ = replace(ORGAN, pan=0.9)
    images = [
        waveform_to_image(torch.from_numpy(tone(hz)), RATE, CRISP, grid=GRID) for hz in (110, 880)
    ]
    mixed = stems_to_mix(images, score(bass, organ, reverb_s=0.1), quality="preview", circular=True)
    assert mixed.waveform.shape == (2, N_SAMPLES)
    for name, hz, side, level_db in (("bass guitar", 110, 0, -18.0), ("organ", 880, 1, -20.0)):
        stem = mixed.stems[name]
        assert db(stem[side]) == pytest.approx(level_db, abs=0.5)
        assert db(stem[1 - side]) == pytest.approx(level_db - 20, abs=0.5)
        spectrum = np.abs(np.fft.rfft(stem[side]))
        assert spectrum.argmax() == pytest.approx(hz * N_SAMPLES / RATE, abs=4)
