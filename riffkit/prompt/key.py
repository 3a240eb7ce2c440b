"""The key in a prompt, and how a model with few tonics plays in every key.

As the beat grid takes the tempo out of the image, so transposing takes the tonic out: the bundled
model paints in two keys, six semitones apart, and the image is played up to three semitones
higher or lower (`SpectrogramImage.transpose`). The key is then as exact as the tempo, and a
small model learns its scales from every picture that it sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from riffkit.errors import ParameterError
from riffkit.limits import MAJOR_KEYS, MINOR_KEYS, MINOR_MODES
from riffkit.prompt.languages import to_english
from riffkit.prompt.traits import ModelTraits

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_MODES = {
    "major": "major",
    "maj": "major",
    "dur": "major",
    "ionian": "major",
    "lydian": "major",
    "minor": "minor",
    "min": "minor",
    "moll": "minor",
    "aeolian": "minor",
    "dorian": "dorian",
    "phrygian": "phrygian",
    "mixolydian": "mixolydian",
    "blues": "blues",
}
_ACCIDENTAL = r"(#|♯|b|♭|[ -]sharp|[ -]flat)?"
_NAMED_KEYS = (
    re.compile(rf"(?<![\w'])([A-G]){_ACCIDENTAL}[ -]?({'|'.join(_MODES)})\b(?! third)", re.I),
    re.compile(r"\b([A-G])(#|♯|b|♭)?(m)(?![\w'])"),  # F#m
    re.compile(r"\bin ([a-g])(#|♯|b|♭)?(m)\b(?![\w'])"),  # in f#m
    re.compile(
        rf"\b(?:in|key|key of|key is|key:|tuned to|(?:in )?(?:open|drop)) ([A-G]){_ACCIDENTAL}()"
        r"(?![\w'’&#-])"  # blues in A, key of G, open D
    ),
    re.compile(rf"(?:^|, *)([A-G]){_ACCIDENTAL}()(?=\s*(?:,|$))"),  # piano, Db
)
_ARTICLE = re.compile(r"a[ -](major|minor)\b", re.I)
_BEFORE_A_KEY = re.compile(r"(^|[,;:(]|\b(in|of|key))\s*$", re.I)
_NOT_A_KEY = re.compile(r"[ -](key|mood|mode|scale|feel|tonality|harmony|chords?)\b", re.I)


@dataclass(frozen=True)
class MusicalKey:
    """A tonic, in semitones above C, and a mode; "" if no mode is named."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """ "A minor", the tonic spelled as is usual in the mode."""
        names = MINOR_KEYS if self.mode in MINOR_MODES else MAJOR_KEYS
        return f"{names[self.tonic]} {self.mode}".strip()

    @property
    def short_name(self) -> str:
        """ "Am" or "F#", as DJ programs write it; other modes by their third."""
        letters, _, _ = self.name.partition(" ")
        return letters + "m" * (self.mode in MINOR_MODES)

    def agrees_with(self, other: MusicalKey) -> bool:
        """Whether both may be the same key, where one doesn't say its mode."""
        same_mode = self.mode == other.mode or not (self.mode and other.mode)
        return self.tonic == other.tonic and same_mode


@dataclass(frozen=True)
class _Named:
    key: MusicalKey
    start: int
    end: int


def parse_key(text: str) -> MusicalKey:
    """The key of "A minor", "f# major", "Ebm", "B flat dorian", "h-moll"; ParameterError for
    others.
    """
    words = to_english(text).strip()
    named = _find_key(words)
    if named and named.key.mode and (named.start, named.end) == (0, len(words)):
        return named.key
    raise ParameterError(f"key={text!r}: must be a note and a mode, such as {_near(words)!r}")


def _near(words: str) -> str:
    """The key that may be meant: "A minr" is near "A minor"."""
    note = re.search(r"\b([A-H])(#|♯|b|♭|[ -]sharp|[ -]flat)?(?![\w#])", words, re.I)
    near = (get_close_matches(word.lower(), _MODES, n=1) for word in re.findall(r"\w{3,}", words))
    mode = next((_MODES[found[0]] for found in near if found), "minor")
    if note is None:
        return f"A {mode}"
    shift = _ACCIDENTALS[note[2].strip(" -").lower()] if note[2] else 0
    tonic = _SEMITONES[note[1].upper().replace("H", "B")] + shift  # H is the German B
    return MusicalKey(tonic % 12, mode).name


def named_key(text: str) -> MusicalKey | None:
    """The key named in a text ("in A minor", "F#m", "blues in A"), or None."""
    named = _find_key(text)
    return None if named is None else named.key


def named_mode(text: str) -> str | None:
    """A mode that a text names other than major and minor, with a tonic or without."""
    found = re.search(r"\b(dorian|phrygian|mixolydian)\b", text, re.I)
    return None if found is None else found[1].lower()


def _find_key(text: str) -> _Named | None:
    for pattern in _NAMED_KEYS:
        for match in pattern.finditer(text):
            note, accidental, mode = match.groups()
            may_be_article = note == "a" and _ARTICLE.match(match[0]) is not None
            if may_be_article and (
                _NOT_A_KEY.match(text, match.end())  # "in a minor key"
                or not _BEFORE_A_KEY.search(text, 0, match.start())  # "I had a major hit"
            ):
                continue
            shift = _ACCIDENTALS[accidental.strip(" -").lower()] if accidental else 0
            tonic = (_SEMITONES[note.upper()] + shift) % 12
            name = "minor" if mode == "m" else _MODES.get(mode.lower(), "")
            return _Named(MusicalKey(tonic, name), match.start(1), match.end())
    return None


def parse_tonic(name: str) -> int:
    """Semitones above C of "D" or "Ab"."""
    return (_SEMITONES[name[0]] + sum(_ACCIDENTALS[sign] for sign in name[1:])) % 12


def semitones_to_key(key: MusicalKey | None, traits: ModelTraits) -> int:
    """Semitones from the painted key to the key that should sound, from -6 to 6.

    The interval from the nearest of the model's own tonics to the key's.
    """
    if key is None or not traits.native_tonics:
        return 0
    ways = [(key.tonic - parse_tonic(native) + 6) % 12 - 6 for native in traits.native_tonics]
    return min(ways, key=lambda way: (abs(way), way))


def with_key(text: str, key: MusicalKey | None, traits: ModelTraits) -> str:
    """A text with its key replaced by the one that the model should paint in."""
    if key is None:
        return text
    semitones = semitones_to_key(key, traits)
    painted = MusicalKey((key.tonic - semitones) % 12, key.mode).name
    named = _find_key(text)
    if named is not None and named.key == key and not semitones:
        return text
    if named is None:
        return f"{text}, {painted}"
    return text[: named.start] + painted + text[named.end :]
