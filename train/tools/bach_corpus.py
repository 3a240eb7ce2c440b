"""Two-bar phrases of Bach's four-part chorales, out of music21's corpus (public domain).

The corpus is needed once, `riffkit/score/bach_chorales.txt` is what came of it; `riff train
chorales` makes it anew (`pip install music21`). A line is one phrase:

    bwv10.7 minor 75:8,74:8,72:16 | … | … | …

the chorale, its mode, and four voices, soprano first, each a row of pitch:sixteenths in a key
on C.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError

_N_VOICES = 4
_PHRASE_QUARTERS = 8
_MODES = ("major", "minor")
_LOWEST, _HIGHEST = 36, 82  # any key is six semitones away at most


def write_phrases(path: Path) -> int:
    """All phrases that play round in their key; returns how many."""
    try:
        from music21 import corpus
    except ImportError as error:
        raise ParameterError("music21 is not installed; run `pip install music21`") from error
    lines = sorted({line for file in corpus.getComposer("bach") for line in _phrases_of(file)})
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def _phrases_of(file: Path) -> Iterator[str]:
    from music21 import converter

    chorale = converter.parse(file)
    parts = list(chorale.parts)
    meters = {t.ratioString for t in chorale.recurse().getElementsByClass("TimeSignature")}
    key = chorale.analyze("key")
    if len(parts) != _N_VOICES or meters != {"4/4"} or key.mode not in _MODES:
        return
    tonic = key.tonic.pitchClass
    shift = -tonic if tonic <= 6 else 12 - tonic
    for measure in parts[0].getElementsByClass("Measure"):
        excerpt = chorale.measures(measure.number, measure.number + 1)
        voices = [_voice(part, shift) for part in excerpt.parts]
        if all(voices) and excerpt.analyze("key") == key:
            yield f"{file.stem} {key.mode} {' | '.join(voices)}"


def _voice(part: Any, shift: int) -> str:
    """The part's notes, tied ones as one; "" unless they fill two bars in whole sixteenths.

    Rests would leave a beat without a chord, and are as rare in chorales as they sound.
    """
    notes = list(part.stripTies().flatten().notesAndRests)
    lengths = [float(4 * note.duration.quarterLength) for note in notes]
    whole = all(length >= 1 and length == int(length) for length in lengths)
    if sum(lengths) != 4 * _PHRASE_QUARTERS or not whole or not all(n.isNote for n in notes):
        return ""
    pitches = [note.pitch.midi + shift for note in notes]
    if min(pitches) < _LOWEST or max(pitches) > _HIGHEST:
        return ""
    return ",".join(f"{p}:{int(n)}" for p, n in zip(pitches, lengths, strict=True))
