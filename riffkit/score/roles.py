"""What each of a score's tracks does: the melody, the chords, the bass."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import mean, median

from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Track

_ONE_VOICE = 1.25  # notes that begin together, on average
_LOW_PITCH = 50
_QUICK_BEATS, _HELD_BEATS = 0.5, 2.0


def roles_of(tracks: Sequence[Track]) -> list[str]:
    """The role of each track that isn't drums: "solo", "lead", "comp", "pad", "arp", "bass".

    The bass is what a bass plays, or a low single line; the lead the single line that lies highest,
    louder and busier ones first; quick even lines are arpeggios, long chords pads.
    """
    if len(tracks) == 1:
        return ["solo"]
    roles = [_role(track) for track in tracks]
    lines = [k for k, role in enumerate(roles) if role == "line"]
    lead = max(lines, key=lambda k: _salience(tracks[k]), default=None)
    for k in lines:
        is_quick = median(_steps(tracks[k]) or [1.0]) <= _QUICK_BEATS
        roles[k] = "lead" if k == lead else "arp" if is_quick else "comp"
    if lead is None and "comp" in roles:
        chords = [k for k, role in enumerate(roles) if role == "comp"]
        roles[max(chords, key=lambda k: _salience(tracks[k]))] = "lead"
    return roles


def _role(track: Track) -> str:
    is_line = len(track.notes) <= _ONE_VOICE * len({note.start for note in track.notes})
    if "b" in INSTRUMENTS[track.instrument].figures:
        return "bass"
    if is_line and mean(note.pitch for note in track.notes) < _LOW_PITCH:
        return "bass"
    if is_line:
        return "line"
    is_held = median(note.duration for note in track.notes) >= _HELD_BEATS
    return "pad" if is_held else "comp"


def _steps(track: Track) -> list[float]:
    starts = sorted({note.start for note in track.notes})
    return [after - before for before, after in itertools.pairwise(starts)]


def _salience(track: Track) -> float:
    """Pitch in semitones; twice as loud or four times as many notes weigh a fifth or so."""
    notes = track.notes
    return mean(n.pitch for n in notes) + mean(n.velocity for n in notes) / 8 + len(notes) ** 0.25
