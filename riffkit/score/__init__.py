"""Composing two-bar loops with musical sense, by seed, and the captions that tell of them."""

from riffkit.score.arrangement import write_score
from riffkit.score.captions import captions
from riffkit.score.notes import Mix, Note, Score, ScoreFacts, Section, Track
from riffkit.score.styles import STYLES, StyleInfo

__all__ = [
    "STYLES",
    "Mix",
    "Note",
    "Score",
    "ScoreFacts",
    "Section",
    "StyleInfo",
    "Track",
    "captions",
    "write_score",
]
