"""How many of a score's notes are heard in the image that was painted from it."""

from __future__ import annotations

from dataclasses import dataclass

from riffkit.analysis.transcription.notes import HeardNotes
from riffkit.evaluation.note_match import Matched, match_notes
from riffkit.evaluation.score_onsets import true_drums, true_pitches
from riffkit.music.transcribing import hear_image
from riffkit.score import Score
from riffkit.spectrogram.image import SpectrogramImage


@dataclass(frozen=True)
class NotesRight:
    """Counts of the pitched notes (onset within 50 ms, pitch right) and of the drums' strokes."""

    pitches: Matched
    drums: Matched


def notes_right(image: SpectrogramImage, score: Score) -> NotesRight:
    """Listen to an image on the beat grid of the score.

    The bundled transcriber hears about nine in ten notes of a single instrument's real render (see
    riffkit/weights/transcriber/README.md), so F1 is to be compared with that of real renders.
    """
    return compare(hear_image(image), score)


def compare(heard: HeardNotes, score: Score) -> NotesRight:
    """What was heard of a loop beside its score."""
    pitches = ((note.start, note.pitch) for note in heard.notes)
    strokes = ((stroke.start, stroke.drum) for stroke in heard.strokes)
    return NotesRight(
        match_notes(pitches, true_pitches(score.tracks, score), period=heard.seconds),
        match_notes(strokes, true_drums(score.tracks, score), period=heard.seconds),
    )
