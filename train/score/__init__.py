"""Writes and renders captioned training music: two-bar loops with musical sense, by seed."""

from train.score.arrangement import write_score
from train.score.captions import captions
from train.score.model import Mix, Note, Score, ScoreFacts, Track
from train.score.render import render
from train.score.soundfont import find_soundfont
from train.score.styles import STYLES, StyleInfo

__all__ = [
    "STYLES",
    "Mix",
    "Note",
    "Score",
    "ScoreFacts",
    "StyleInfo",
    "Track",
    "captions",
    "find_soundfont",
    "render",
    "write_score",
]
