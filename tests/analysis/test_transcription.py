"""The transcriber's axes and decoding by numbers, and what the bundled weights hear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from riffkit.analysis.transcription import listening
from riffkit.analysis.transcription.axes import (
    BINS_BELOW,
    BINS_PER_SEMITONE,
    LOWEST_PITCH,
    N_BINS,
    at_columns,
    bin_weights,
    to_bins,
    to_loudness,
)
from riffkit.analysis.transcription.listening import hear_notes
from riffkit.analysis.transcription.network import load_transcriber
from riffkit.analysis.transcription.notes import HeardNotes, note_lengths, onset_peaks
from riffkit.evaluation.note_match import match_notes
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, Planes

RATE = 44_100


def hertz(pitch: float) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def mel_of(sound: np.ndarray) -> torch.Tensor:
    waveform = torch.from_numpy(sound.astype(np.float32))[None]
    return waveform_to_mel(waveform, CRISP.with_planes(Planes.MONO), circular=True)[0]


def heard_in(sound: np.ndarray) -> HeardNotes:
    seconds = len(sound) / RATE
    return hear_notes(mel_of(sound), CRISP, seconds=seconds, network=load_transcriber())


def plucked(pitch: int, seconds: float) -> np.ndarray:
    """A string's twelve harmonics, the higher ones softer and shorter."""
    t = np.arange(round(seconds * RATE)) / RATE
    sound = sum(
        np.exp(-(1.5 + 0.6 * n) * t) * np.sin(2 * np.pi * n * hertz(pitch) * t) / n
        for n in range(1, 13)
        if n * hertz(pitch) < 18_000
    )
    return np.asarray(0.2 * sound * np.minimum(1, (t[-1] - t) / 0.01))


def placed(sounds: Sequence[tuple[float, np.ndarray]], seconds: float) -> np.ndarray:
    """Sounds that begin at their seconds, circular in time."""
    whole = np.zeros(round(seconds * RATE))
    for start, sound in sounds:
        np.add.at(whole, (round(start * RATE) + np.arange(len(sound))) % len(whole), sound)
    return whole


def kick() -> np.ndarray:
    t = np.arange(round(0.3 * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(50 + 150 * np.exp(-t / 0.02)) / RATE
    return np.asarray(0.8 * np.sin(phase) * np.exp(-t / 0.09))


def noise(rng: np.random.Generator, decay: float, gain: float) -> np.ndarray:
    t = np.arange(round(6 * decay * RATE)) / RATE
    return np.asarray(gain * rng.standard_normal(len(t)) * np.exp(-t / decay))


def snare(rng: np.random.Generator) -> np.ndarray:
    hit = noise(rng, 0.07, 0.25)
    t = np.arange(len(hit)) / RATE
    return np.asarray(hit + 0.4 * np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.06))


def hat(rng: np.random.Generator) -> np.ndarray:
    return np.diff(np.diff(noise(rng, 0.025, 0.05)))


@pytest.mark.parametrize("pitch", [45, 60, 69, 84, 100])
def test_a_tone_lies_on_its_pitch_and_its_octave_36_bins_higher(pitch: int) -> None:
    t = np.arange(2 * RATE) / RATE
    loudness = to_loudness(mel_of(np.sin(2 * np.pi * hertz(pitch) * t)).square())
    loudest = int(to_bins(loudness, CRISP).mean(-1).argmax())
    middle = BINS_BELOW + BINS_PER_SEMITONE * (pitch - LOWEST_PITCH) + 1
    assert abs(loudest - middle) <= (4 if pitch < 50 else 1)  # rows are a semitone apart at 160 Hz


def test_bins_are_means_of_rows() -> None:
    sums = bin_weights(CRISP).sum(1)
    assert len(sums) == N_BINS
    assert ((sums - 1).abs() < 1e-5)[: N_BINS - 6].all()  # the last lie above 20 kHz


@pytest.mark.parametrize(("wide", "narrow"), [(512, 128), (512, 137), (100, 100), (90, 32)])
def test_columns_share_out_all_power(wide: int, narrow: int) -> None:
    power = torch.rand(3, wide)
    pooled = at_columns(power, narrow)
    assert torch.allclose(pooled.mean(-1), power.mean(-1), rtol=1e-4)
    ramp = at_columns(torch.arange(wide).float()[None], narrow)[0]
    middles = (torch.arange(narrow) + 0.5) * wide / narrow - 0.5
    assert (ramp - middles).abs().max() < 0.51


@pytest.mark.parametrize("place", [0.0, 3.3, 7.5, 15.9])
def test_a_peak_is_found_between_columns(place: float) -> None:
    away = (np.arange(16) - place + 8) % 16 - 8
    onset = np.exp(-0.5 * (away / 0.75) ** 2)[None]
    rows, _, places = onset_peaks(onset, 0.3)
    assert rows.tolist() == [0]
    assert abs((places[0] - place + 8) % 16 - 8) < 0.02


def test_a_note_lasts_until_it_is_silent_or_struck_again() -> None:
    frame = np.zeros((2, 20))
    frame[0, [18, 19, *range(10)]] = 1  # over the end of the loop
    frame[1] = 1
    lengths = note_lengths(frame, np.array([0, 1, 1]), np.array([18, 2, 8]))
    assert lengths.tolist() == [12, 6, 14]


def test_a_scale_is_heard_note_by_note() -> None:
    pitches = [48, 50, 52, 53, 55, 57, 59, 60, 62, 64, 65, 67, 69, 71, 72, 76]
    true = [(0.3 * k, pitch) for k, pitch in enumerate(pitches)]
    seconds = 0.3 * len(pitches)
    sound = placed([(start, plucked(pitch, 0.29)) for start, pitch in true], seconds)
    heard = heard_in(sound)
    found = match_notes(((n.start, n.pitch) for n in heard.notes), true, period=seconds)
    assert found.f1 >= 0.9
    assert sum(0.1 <= note.duration <= 0.4 for note in heard.notes) >= 0.8 * len(heard.notes)


def test_the_notes_of_chords_are_told_apart() -> None:
    chords = [(48, 55, 64), (45, 57, 60, 64), (53, 60, 69), (43, 59, 62, 67)]
    true = [(float(k), pitch) for k, chord in enumerate(chords) for pitch in chord]
    sound = placed([(start, plucked(pitch, 0.95)) for start, pitch in true], 4.0)
    heard = heard_in(sound)
    assert match_notes(((n.start, n.pitch) for n in heard.notes), true, period=4.0).f1 >= 0.8


def test_kick_snare_and_hats_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    true: list[tuple[float, str]] = []
    sounds = []
    for eighth in range(16):
        start = 0.25 * eighth
        true.append((start, "hats"))
        sounds.append((start, hat(rng)))
        if eighth % 4 == 0:
            true.append((start, "kick"))
            sounds.append((start, kick()))
        if eighth % 4 == 2:
            true.append((start, "snare"))
            sounds.append((start, snare(rng)))
    heard = heard_in(placed(sounds, 4.0))
    found = match_notes(((s.start, s.drum) for s in heard.strokes), true, period=4.0)
    assert found.f1 >= 0.85
    assert len(heard.notes) <= 2


def test_time_is_circular() -> None:
    sound = placed([(0.0, plucked(60, 0.9)), (1.0, plucked(67, 0.9)), (2.0, kick())], 3.0)
    turned = np.roll(sound, round(1.3 * RATE))
    first, second = heard_in(sound), heard_in(turned)
    assert {n.pitch for n in first.notes} >= {60, 67}
    moved = [((n.start + 1.3) % 3, n.pitch) for n in first.notes]
    again = [(n.start, n.pitch) for n in second.notes]
    assert match_notes(again, moved, period=3.0).f1 == 1


@pytest.mark.parametrize("loudness", [0.0, 1e-6, 0.1])
def test_neither_silence_nor_noise_has_notes(loudness: float) -> None:
    sound = loudness * np.random.default_rng(0).standard_normal(3 * RATE)
    assert len(heard_in(sound)) == 0


def test_the_level_of_a_sound_makes_no_difference() -> None:
    sound = placed([(0.0, plucked(60, 0.9)), (1.0, plucked(64, 0.9))], 2.0)
    loud, soft = heard_in(sound), heard_in(0.01 * sound)
    assert [n.pitch for n in loud.notes] == [n.pitch for n in soft.notes] != []


def test_a_long_sound_is_heard_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = placed([(0.4 * k, plucked(55 + k, 0.4)) for k in range(10)], 4.0)
    whole = heard_in(sound)
    monkeypatch.setattr(listening, "_COLUMNS_AT_ONCE", 48)
    parts = heard_in(sound)
    assert [(n.pitch, round(n.start, 3)) for n in parts.notes] == [
        (n.pitch, round(n.start, 3)) for n in whole.notes
    ]
