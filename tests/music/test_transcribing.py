"""Sounds as scores: on the clip's beats, quantized where asked, and what isn't heard is said."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.analysis.transcription.notes import HeardNote, HeardNotes
from riffkit.errors import ParameterError
from riffkit.evaluation.note_match import match_notes
from riffkit.music.heard_score import Beats, Quantize, heard_score
from riffkit.music.transcribing import transcribe, transcribe_image
from riffkit.score.notes import Note, Score
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import CRISP, RIFFUSION_V1
from tests.voice import play

RATE = 44_100
GRID = BeatGrid(bpm=100.0, n_beats=8)
TUNE = tuple(
    Note(0.5 * k, 0.45, pitch, 100)
    for k, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 55))
)


@pytest.fixture(scope="module")
def tune() -> Tensor:
    return play(TUNE, GRID, RATE)


def notes_of(score: Score) -> list[Note]:
    return [note for track in score.tracks if not track.is_drums for note in track.notes]


def f1(score: Score, true: tuple[Note, ...], *, shift: float = 0.0) -> float:
    """Of notes in beats, to a tenth of a beat."""
    return match_notes(
        ((n.start, n.pitch) for n in notes_of(score)),
        ((n.start + shift, n.pitch) for n in true),
        tolerance=0.1,
    ).f1


def test_a_loop_s_notes_lie_on_its_beats(tune: Tensor) -> None:
    score = transcribe(tune, RATE, bpm=100.0, loop=True).score
    assert (score.bpm, score.n_beats) == (pytest.approx(100), 8)
    assert f1(score, TUNE) >= 0.85
    assert score == Score.from_dict(score.to_dict())  # which checks that MIDI can say it


def test_a_tempo_that_isn_t_given_is_measured(tune: Tensor) -> None:
    made = transcribe(tune, RATE)
    assert made.score.bpm == pytest.approx(100, rel=0.02)
    assert made.score.n_beats == 8
    assert re.fullmatch(r"tempo: [\d.]+ BPM, measured", *made.notes)
    assert f1(made.score, TUNE) >= 0.85


@pytest.mark.parametrize("quantize", get_args(Quantize))
def test_notes_are_quantized_where_asked(quantize: Quantize, tune: Tensor) -> None:
    step = 4 * float(Fraction(quantize))
    loose = notes_of(transcribe(tune, RATE, bpm=100.0, loop=True).score)
    score = transcribe(tune, RATE, bpm=100.0, loop=True, quantize=quantize).score

    def off(note: Note) -> float:
        return abs(note.start / step - round(note.start / step))

    assert all(off(note) < 0.01 for note in notes_of(score))
    assert any(off(note) > 0.001 for note in loose)
    assert all(note.start + note.duration <= 8.001 for note in notes_of(score))


def test_a_recording_s_bars_begin_at_its_downbeats() -> None:
    """Half a bar of silence, eight bars that don't repeat by the sample, and a ragged end."""
    rng = np.random.default_rng(0)
    pitches = rng.choice([48, 52, 55, 60, 64, 67], 32)
    true = tuple(Note(float(k), 0.9, int(pitch), 100) for k, pitch in enumerate(pitches))
    sound = play(true, BeatGrid(bpm=100.0, n_beats=32), RATE)
    sound = torch.nn.functional.pad(sound, (round(0.35 * RATE), round(0.2 * RATE)))
    score = transcribe(sound, RATE, bpm=100.0).score
    starts = np.array([note.start for note in notes_of(score)])
    assert np.median(np.abs(starts - np.round(starts))) < 0.06
    assert max(f1(score, true, shift=float(shift)) for shift in range(4)) >= 0.8


def test_an_image_on_the_beat_grid_is_heard_as_it_is(tune: Tensor) -> None:
    image = waveform_to_image(tune, RATE, CRISP, grid=GRID)
    score = transcribe_image(image).score
    assert f1(score, TUNE) >= 0.85
    assert score.n_beats == 8


@pytest.mark.slow
def test_an_image_of_another_preset_is_decoded_first(tune: Tensor) -> None:
    image = waveform_to_image(tune, RATE, RIFFUSION_V1, grid=GRID)
    assert f1(transcribe_image(image).score, TUNE) >= 0.6


def test_bass_and_the_rest_are_tracks_of_their_own() -> None:
    low = tuple(Note(2.0 * k, 1.8, pitch, 110) for k, pitch in enumerate((36, 33, 41, 31)))
    score = transcribe(play((*low, *TUNE), GRID, RATE), RATE, bpm=100.0, loop=True).score
    by_role = {track.role: track for track in score.tracks}
    if "bass" in by_role:
        assert max(note.pitch for note in by_role["bass"].notes) < 60
    assert max(note.pitch for note in notes_of(score)) >= 70


@pytest.mark.parametrize("gain", [0.0, 0.1])
def test_where_nothing_is_heard_that_is_said(gain: float) -> None:
    sound = gain * torch.randn(2, 3 * RATE, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ParameterError, match=r"^sound: contains no notes that can be heard$"):
        transcribe(sound, RATE, bpm=120.0)


@pytest.mark.parametrize(
    ("seconds", "start", "n_beats"),
    [(-0.01, 0.0, 4), (0.5, 1.0, 4), (-0.5, 3.0, 4), (2.25, 0.5, 4)],
)
def test_a_recording_begins_in_the_bar_of_its_first_note(
    seconds: float, start: float, n_beats: int
) -> None:
    """A note that is heard a moment before the downbeat is on it."""
    heard = HeardNotes((HeardNote(seconds, 0.4, 60, 90, 0.0),), (), 4.0)
    beats = Beats(120.0, lambda t: 2 * t, None, is_loop=False)
    score = heard_score(heard, beats, 4, None, "sound")
    assert [note.start for note in notes_of(score)] == [pytest.approx(start, abs=0.01)]
    assert score.n_beats == n_beats


@pytest.mark.parametrize("fades", [True, False])
def test_a_single_stroke_is_heard_and_a_cut_into_noise_is_none(fades: bool) -> None:
    seconds = torch.arange(RATE) / RATE
    noise = 0.3 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    hz = 50 + 150 * torch.exp(-seconds / 0.02)
    kick = 0.8 * torch.sin(2 * np.pi * hz.cumsum(0) / RATE) * torch.exp(-seconds / 0.09)
    if fades:
        score = transcribe(kick[None], RATE, bpm=120.0).score
        assert [(t.instrument, len(t.notes)) for t in score.tracks] == [("kick", 1)]
    else:
        with pytest.raises(ParameterError, match="contains no notes"):
            transcribe(noise[None], RATE, bpm=120.0)
