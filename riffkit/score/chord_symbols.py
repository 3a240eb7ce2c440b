"""One chord symbol, such as "F#m7b5/C": read into a chord, and a chord named by it."""

from __future__ import annotations

import functools
import itertools
import re
from difflib import get_close_matches

from riffkit.errors import ParameterError
from riffkit.limits import MAJOR_KEYS, MINOR_KEYS
from riffkit.score.harmony import Chord

NO_CHORD = "N.C."
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_SYMBOL = re.compile(r"([A-Ga-g])(##|bb|[#b]?)(.*?)(?:/([A-Ga-g])(##|bb|[#b]?))?")
_SILENT = re.compile(r"\(?n\.?c\.?\)?", re.I)
_USUAL = (
    *("", "m", "7", "m7", "maj7", "mMaj7", "6", "m6", "6/9", "m6/9", "9", "m9", "maj9", "mMaj9"),
    *("11", "m11", "maj11", "13", "m13", "maj13", "sus2", "sus4", "7sus2", "7sus4", "9sus4"),
    *("13sus4", "add9", "madd9", "add11", "madd11", "5", "dim", "dim7", "dimMaj7", "m7b5", "m9b5"),
    *("aug", "aug7", "augMaj7", "7b5", "7b9", "7#9", "7#11", "7b13", "7alt", "9#11", "13b9"),
    *("13#11", "maj7#11", "maj9#11", "maj7b5", "7sus4b9", "sus2sus4"),
    *("6sus2", "6sus4"),
)
_WORDS = (  # longest first; what is left is case-sensitive: M7 is major, m7 is minor
    (re.compile(r"major|maj|ma(?!dd)|j(?=\d|$)", re.I), "M"),
    (re.compile(r"M(?=i?n?or)", re.I), "m"),
    (re.compile(r"minor|min|mi|moll", re.I), "m"),
    (re.compile(r"[Δ△∆^](?=9|11|13)"), "M"),
    (re.compile(r"[Δ△∆^]7?"), "M7"),
    (re.compile(r"half[- ]?dim(?:inished)?|[øØ∅]", re.I), "h"),
    (re.compile(r"dim(?:inished)?|[°º]", re.I), "o"),
    (re.compile(r"aug(?:mented)?", re.I), "+"),
    (re.compile(r"dom|dur", re.I), ""),
    (re.compile(r"sus(?![24])", re.I), "sus4"),
    (re.compile(r"omit", re.I), "no"),
    (re.compile(r"^\+5"), "+"),
    (re.compile(r"^-"), "m"),
    (re.compile(r"6/9|6add9"), "69"),
    (re.compile(r"[(),\s]"), ""),
)
_QUALITY = re.compile(
    r"(?P<triad>m|h|o|\+|)(?P<major>M?)(?P<extension>69|6|7|9|11|13|5|2|4|)"
    r"(?P<changes>(?:sus[24]|add(?:2|4|6|9|11|13)|[b#+-](?:5|9|11|13)|alt|no[35]|M7|\+)*)"
)
_CHANGE = re.compile(r"sus[24]|add\d+|[b#+-]\d+|alt|no[35]|M7|\+")
_TRIADS = {"": (4, 7), "m": (3, 7), "h": (3, 6), "o": (3, 6), "+": (4, 8)}
_DEGREES = {2: 14, 4: 17, 5: 7, 6: 9, 9: 14, 11: 17, 13: 21}
_STEPS = (0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6)
"""Letters up from the root for each semitone."""


def parse_chord(symbol: str) -> Chord:
    """One symbol as a chord of one beat; ParameterError names the nearest known."""
    if _SILENT.fullmatch(symbol):
        return Chord("", 0, (), 0.0, 1.0)
    match = _SYMBOL.fullmatch(_plain(symbol))
    intervals = None if match is None else _intervals(match[3])
    if match is None or intervals is None:
        raise ParameterError(f"chords={symbol!r}: unknown; {_nearest(symbol)}")
    root = _pitch_class(match[1], match[2])
    bass = None if match[4] is None else _pitch_class(match[4], match[5])
    return Chord("", root, intervals, 0.0, 1.0, None if bass == root else bass)


def chord_name(chord: Chord, *, flats: bool | None = None) -> str:
    """A chord's symbol, which `parse_chord` reads as the same chord.

    Args:
        chord: any chord; one that has no symbol gets the nearest.
        flats: spell black keys as flats (True) or sharps. Default: as keys usually are, Bb and F#.

    Returns:
        Such as "F#m7" or "C/G"; "N.C." for silence.

    Example:
        chord_name(parse_chord("C-7/Bb"))  # "Cm7/Bb"
    """
    if not chord.intervals:
        return NO_CHORD
    usual = MINOR_KEYS if 3 in chord.intervals else MAJOR_KEYS
    root = (usual if flats is None else _FLATS if flats else _SHARPS)[chord.root]
    name = root + _suffix(frozenset(chord.intervals))
    return name if chord.bass is None else f"{name}/{_spelled_over(root, chord)}"


def is_chord(symbol: str) -> bool:
    """Whether `parse_chord` knows it."""
    match = _SYMBOL.fullmatch(_plain(symbol))
    return match is not None and _intervals(match[3]) is not None


def _plain(symbol: str) -> str:
    return symbol.replace("♯", "#").replace("♭", "b").replace("−", "-")


def _pitch_class(letter: str, sign: str) -> int:
    return (_LETTERS[letter.upper()] + sign.count("#") - sign.count("b")) % 12


@functools.cache
def _intervals(quality: str) -> tuple[int, ...] | None:
    """Semitones above the root, as voicings want them: an unaltered fifth is the last."""
    for pattern, plain in _WORDS:
        quality = pattern.sub(plain, quality)
    match = _QUALITY.fullmatch(quality)
    if match is None:
        return None
    triad, extension = match["triad"], match["extension"]
    number = int(extension or 0)
    third, fifth = _TRIADS[triad]
    thirds, fifths, above = {third}, {fifth}, set[int]()
    if number in (2, 4, 5):
        if triad or match["major"]:
            return None
        thirds = {2: {2}, 4: {5}, 5: set[int]()}[number]
    elif number in (6, 69):
        above = {9, 14} if number == 69 else {9}
    elif number or triad == "h" or (triad == "m" and match["major"]):
        seventh = 11 if match["major"] else 9 if triad == "o" and number == 7 else 10
        above = {seventh, *(_DEGREES[n] for n in (9, 11, 13) if n <= number)}
        if number >= 11:
            fifths -= {7}
        if number == 11 and not triad and not match["major"]:
            thirds, fifths = set(), {7}
        if number == 13:
            above -= {17}
    for change in _CHANGE.findall(match["changes"]):
        if change == "alt":
            above, fifths = {10, 15}, {8}
        elif change == "M7":
            above.add(11)
        elif change in ("+", "+5", "#5"):
            fifths = (fifths - {7}) | {8}
        elif change in ("-5", "b5"):
            fifths = (fifths - {7}) | {6}
        elif change.startswith("no"):
            (thirds if change == "no3" else fifths).clear()
        elif change.startswith("sus"):
            thirds = (thirds - {3, 4}) | ({2} if change == "sus2" else {5})
        elif change.startswith("add"):
            above.add(_DEGREES[int(change[3:])])
        else:  # an altered tension stands for the plain one
            degree = _DEGREES[int(change[1:])]
            above.discard(degree)
            above.add(degree + (1 if change[0] in "#+" else -1))
    order = sorted(above, key=lambda tone: tone if tone < 12 else 100 - tone)  # 13 before 9
    last = [7] if 7 in fifths else []
    return (0, *sorted(thirds), *sorted(fifths - {7}), *order, *last)


@functools.cache
def _suffix(intervals: frozenset[int]) -> str:
    """What is written behind the root."""
    for suffix in _USUAL:
        if frozenset(_intervals(suffix) or ()) == intervals:
            return suffix
    if (rare := _rare().get(intervals)) is not None:
        return rare
    classes = {interval % 12 for interval in intervals}

    def likeness(suffix: str) -> float:
        other = {interval % 12 for interval in _intervals(suffix) or ()}
        return len(classes & other) / len(classes | other)

    return max(_USUAL, key=likeness)


@functools.cache
def _rare() -> dict[frozenset[int], str]:
    """Suffixes with one or two changes, the shortest for each chord."""
    changes = ("b5", "#5", "b9", "#9", "#11", "b13", "add9", "add11", "add13", "no3", "no5")
    bases = [suffix for suffix in _USUAL if not set("b#") & set(suffix)]
    pairs = ("".join(pair) for pair in itertools.permutations(changes, 2))
    found: dict[frozenset[int], str] = {}
    for change in (*changes, *pairs):
        for base in bases:
            if (intervals := _intervals(base + change)) is not None:
                found.setdefault(frozenset(intervals), base + change)
    return found


def _spelled_over(root: str, chord: Chord) -> str:
    """The bass note, by the letter that its interval has above the root's."""
    assert chord.bass is not None
    letters = tuple(_LETTERS)
    step = _STEPS[(chord.bass - chord.root) % 12]
    letter = letters[(letters.index(root[0]) + step) % 7]
    sign = (chord.bass - _LETTERS[letter] + 6) % 12 - 6
    if abs(sign) <= 1:
        return letter + {-1: "b", 0: "", 1: "#"}[sign]
    return (_FLATS if root.endswith("b") else _SHARPS)[chord.bass]


def _nearest(symbol: str) -> str:
    """What to say of a symbol that isn't known."""
    plain = _plain(symbol)
    plain = re.sub(r"(^|/)[Hh]", r"\1B", plain)
    plain = plain[:1].upper() + plain[1:]
    match = re.match(r"([A-G][#b]?)([^/]*)(/[A-G][#b]?$)?", plain)
    if match is None:
        return "write chords as 'Am7 | F | C/G'"
    near = [match[2]] if _intervals(match[2]) is not None else []
    near = near or get_close_matches(match[2], _USUAL, n=1, cutoff=0.4) or [""]
    return f"nearest: {match[1]}{near[0]}{match[3] or ''}"
