"""A score beside what is heard of its loop: unisons once, drums by their kinds."""

from __future__ import annotations

from riffkit.analysis.transcription.network import DRUMS
from riffkit.analysis.transcription.notes import HeardNote, HeardNotes, HeardStroke
from riffkit.evaluation.note_match import Matched
from riffkit.evaluation.notes_right import compare, notes_right
from riffkit.evaluation.score_onsets import drum_of, true_drums, true_pitches
from riffkit.score import write_score
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import CRISP
from tests.voice import play

SCORE = next(s for s in map(write_score, range(100)) if len(s.tracks) > 4 and s.facts.key)
SECONDS = SCORE.n_beats * 60 / SCORE.bpm


def test_what_is_heard_is_counted_by_pitches_and_drums() -> None:
    pitches, drums = true_pitches(SCORE.tracks, SCORE), true_drums(SCORE.tracks, SCORE)
    heard = HeardNotes(
        tuple(HeardNote(start + 0.03, 0.1, pitch, 90, 0.0) for start, pitch in pitches[1:]),
        tuple(HeardStroke(start - 0.08, drum, 90) for start, drum in drums[:1]),
        SECONDS,
    )
    found = compare(heard, SCORE)
    assert found.pitches == Matched(len(pitches) - 1, len(pitches) - 1, len(pitches))
    assert found.drums == Matched(0, 1, len(drums))


def test_an_image_is_listened_to() -> None:
    notes = [note for track in SCORE.tracks if not track.is_drums for note in track.notes]
    grid = BeatGrid(SCORE.bpm, SCORE.n_beats)
    image = waveform_to_image(play(notes, grid, 44_100), 44_100, CRISP, grid=grid)
    found = notes_right(image, SCORE)
    assert found.pitches.f1 > 0.5
    assert found.drums.n_right <= 0.3 * found.drums.n_true


def test_every_drum_key_is_of_a_kind_that_is_heard() -> None:
    assert {drum_of(pitch) for pitch in range(128)} == set(DRUMS)
    assert [drum_of(pitch) for pitch in (36, 39, 46, 50, 51, 49, 63, 70)] == [
        *("kick", "snare", "hats", "toms", "cymbals", "cymbals", "hand percussion", "shakers")
    ]
