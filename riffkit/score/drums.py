"""Drum grooves by style, and how a groove is varied and filled.

A groove reads "part pattern part pattern ..."; patterns are those of riffkit.score.rhythm.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from riffkit.score.notes import Note
from riffkit.score.rhythm import Hit, loudness, read_rhythm

PARTS: dict[str, int] = {
    "kick": 36,
    "snare": 38,
    "rim": 37,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "ride": 51,
    "bell": 53,
    "crash": 49,
    "low": 45,
    "mid": 47,
    "high": 50,
    "floor": 41,
    "tamb": 54,
    "cowbell": 56,
    "shaker": 70,
    "clave": 75,
    "conga": 63,
    "tumba": 64,
    "bongo": 61,
}
_BACKBONE = frozenset(("kick", "snare", "clap", "rim"))
_TRIMMINGS = frozenset(("shaker", "tamb", "conga", "cowbell"))
_BALANCE = {"open": 0.9, "pedal": 0.9, "clave": 0.8, "cowbell": 0.75}

# Parts that are brought to a level together, and that level in dB re full scale: in one soundfont
# a hi-hat may lie 14 dB under the kick of its kit, in the next kit 33 dB.
SECTIONS: dict[str, tuple[float, tuple[str, ...]]] = {
    "kick": (-14.5, ("kick",)),
    "snare": (-17.0, ("snare", "rim", "clap")),
    "toms": (-18.0, ("floor", "low", "mid", "high")),
    "hats": (-26.0, ("hat", "open", "pedal")),
    "ride": (-29.0, ("ride", "bell")),
    "crash": (-24.0, ("crash",)),
    "hand percussion": (-21.0, ("conga", "tumba", "bongo", "cowbell", "clave")),
    "shakers": (-28.0, ("tamb", "shaker")),
}
# The orchestral kit has timpani where the others have toms, tuned to no key of ours.
_ORCHESTRAL = {41: 36, 45: 36, 47: 36, 50: 36, 49: 57}

GROOVES: dict[str, tuple[str, ...]] = {
    "boom bap": (
        "kick X......x..x..... snare ....X.......X..o hat x.x.x.x.x.x.x.x.",
        "kick X.....x...x..... snare ....X.......X... hat x.xox.x.x.x.x.xo",
        "kick X..x......x..x.. snare ....X..o....X... hat x.x.x.x.x.x.x.x. shaker ..o...o...o...o.",
        "kick X.........x..... rim ....X.......X... hat x...x...x...x...",
        "kick X.......x.x.....|X..x....x....... snare ....X..o.o..X... hat x.x.x.xox.x.x.x.",
    ),
    "house": (
        "kick X...X...X...X... clap ....X.......X... open ..x...x...x...x.",
        "kick X...X...X...X... clap ....X.......X... open ..x...x...x...x. hat x.oxx.oxx.oxx.ox",
        "kick X...X...X...X... snare ....X.......X..o hat x.x.x.x.x.x.x.x. open ..x...x...x...x. "
        "tamb ..x...x...x...x.",
        "kick X...X...X...X... clap ....X.......X... open ..x...x...x...x. "
        "conga ...x..x....x..x. shaker xoxoxoxoxoxoxoxo",
        "kick X...X...X...X... rim ...x..x....x..x. open ..x...x...x...x.",
    ),
    "techno": (
        "kick X...X...X...X... hat ..X...X...X...X.",
        "kick X...X...X...X... hat xoXoxoXoxoXoxoXo clap ....X.......X...",
        "kick X...X...X...X... open ..X...X...X...X. rim ...x..x...x..x.. ",
        "kick X...X...X..xX... hat ..X...X...X...X. low ...x......x..x.. ride x.x.x.x.x.x.x.x.",
        "kick X...X...X...X... clap ....X.......X..x hat oxXxoxXxoxXxoxXx cowbell ...x..x...x.....",
    ),
    "breakbeat": (
        "kick X.........X..... snare ....X..o.o..X... hat x.x.x.x.x.x.x.x.",
        "kick X.X.......XX.... snare ....X..o.o..X..o hat x.x.x.x.x.x.x.x.",
        "kick X.........X..... snare ....X.......X... hat xoxoxoxoxoxoxoxo",
        "kick X.X.......X.....|X.X......XX..... snare ....X..o.o..X...|....X..o.o....X. "
        "ride x.x.x.x.x.x.x.x.",
    ),
    "trap": (
        "kick X......x..X..... snare ........X....... hat x.x.x.x.x.x.x.x.",
        "kick X.....x...X...x. clap ........X....... hat x.x.x.xxx.x.x.x.",
        "kick X..x......X..x.. clap ........X....... hat xxx.x.xxx.x.xxx. open ..............x.",
        "kick X.....X......x.. snare ........X....... clap ........X....... hat x.xxx.x.x.xxx.x. "
        "rim ...x......x.....",
    ),
    "soft": (
        "kick X.......x....... rim ........X....... shaker x.o.x.o.x.o.x.o.",
        "kick X............... ride x...x...x...x...",
        "kick X.......X....... hat ..x...x...x...x. rim ....x.......x...",
        "shaker x.o.x.o.x.o.x.o. kick X.........x.....",
    ),
    "synthwave": (
        "kick X.......X....... snare ....X.......X... hat x.x.x.x.x.x.x.x.",
        "kick X...X...X...X... snare ....X.......X... hat ..x...x...x...x.",
        "kick X.......X.x..... snare ....X.......X... hat xoxoxoxoxoxoxoxo",
        "kick X.....x.X....... snare ....X.......X... hat x.x.x.x.x.x.x.x. high .............x.. "
        "mid ..............x. floor ...............x",
    ),
    "funk": (
        "kick X..x..x...x..x.. snare ....X..o.o..X..o hat x.x.x.x.x.x.x.x.",
        "kick X.x.......xx.... snare ....X..o.o.oX... hat xxxxxxxxxxxxxxxx",
        "kick X.....x...x..... snare ....X..o....X..o hat x.xxx.x.x.xxx.x. open ..............x.",
        "kick X..x......xx.... snare ....X.o..o..X.o. hat x.x.x.x.x.x.x... open ..............X. "
        "tamb ....x.......x...",
    ),
    "jazz": (
        "ride X.x.X.x.|X.xoX.xo pedal ..x...x. kick o...o...",
        "ride X.xxX.xx pedal ..x...x. snare ...o...o",
        "ride X.xxX.xx pedal ..x...x. snare .....o..|...o...o kick o.......|...o....",
        "hat x.xxx.xx snare ..o...o. kick x...x...",
    ),
    "bossa": (
        "kick X..xX..xX..xX..x rim x..x..x...x..x.. hat x.x.x.x.x.x.x.x.",
        "kick X..xX..xX..xX..x rim x..x..x...x..x..|..x..x..x..x..x. shaker xoxoxoxoxoxoxoxo",
        "kick X..xX..xX..xX..x rim ..x..x....x..x.. ride x.x.x.x.x.x.x.x.",
    ),
    "shuffle": (
        "kick X...X... snare ..X...X. hat x.xxx.xx",
        "kick X..xX... snare ..X...X. ride x.xxx.xx",
        "kick X...X..x snare ..X..oX. hat xxxxxxxx",
    ),
    "slow blues": (
        "kick X..x.x.. snare ..X...X. ride xxxxxxxx",
        "kick X...x... snare ..X...X. hat x.xxx.xx",
    ),
    "rock": (
        "kick X.......X....... snare ....X.......X... hat x.x.x.x.x.x.x.x.",
        "kick X.......X.x..... snare ....X.......X... hat X.x.X.x.X.x.X.x.",
        "kick X.x.....X.x..... snare ....X.......X... ride x.x.x.x.x.x.x.x.",
        "kick X......xX.x..... snare ....X.......X... open x...x...x...x...",
        "kick X.x...x...x..... snare ....X.......X... "
        "hat x.x.x.x.x.x.x.x. crash X...............|.",
    ),
    "metal": (
        "kick XxXxXxXxXxXxXxXx snare ....X.......X... ride X...X...X...X...",
        "kick X.xxX.xxX.xxX.xx snare ....X.......X... crash X...X...X...X...",
        "kick XxxxxxxxXxxxxxxx snare ........X....... crash X.......X.......",
        "kick X.X.X.X.X.X.X.X. snare .X.X.X.X.X.X.X.X ride X...X...X...X...",
        "kick X..X..X..X..X.X. snare ....X.......X... open X...X...X...X...",
    ),
    "reggae": (
        "kick ........X....... rim ........X....... hat x.x.x.x.x.x.x.x.",
        "kick ........X....... snare ........X....... hat x.xox.xox.xox.xo rim ..............x.",
        "kick X.......X....... rim ....x.......x..x hat ..x...x...x...x.",
        "kick X...X...X...X... rim ........X....... hat x.x.x.x.x.x.x.x.",
    ),
    "waltz": (
        "kick X..... snare ..o.o.",
        "kick X..... pedal ..x.x. ride x.x.x.",
        "kick X..... hat ..x.x. snare ....o.",
    ),
    "march": (
        "floor X.......X....... low ............x...|..............xx",
        "snare X..oX.ooX..oX.oo floor X.......X.......",
        "floor X.....x.X....... snare ....ooX.....ooX.",
        "crash X...............|. floor X.......X.......",
    ),
    "folk": (
        "kick X.......X....... tamb ....x.......x...",
        "kick X.......X....... snare ....o.......o... shaker x.x.x.x.x.x.x.x.",
        "kick X...X...X...X... tamb ..x...x...x...x.",
        "shaker xoxoxoxoxoxoxoxo kick X.......X.x.....",
    ),
    "folk three": ("kick X..... tamb ..x.x.", "kick X..... shaker xoxoxo", "tamb ..x.x."),
    "chip": (
        "kick X...X...X...X... snare ....X.......X... hat x.x.x.x.x.x.x.x.",
        "kick X..x..x.X..x..x. snare ....X.......X... hat xxxxxxxxxxxxxxxx",
        "kick X.......X.x..... snare ....X.......X.xx hat x.x.x.x.x.x.x.x.",
    ),
    "pop": (
        "kick X.......X....... snare ....X.......X... hat x.x.x.x.x.x.x.x.",
        "kick X......x..x..... snare ....X.......X... hat x.x.x.x.x.x.x.x. shaker xoxoxoxoxoxoxoxo",
        "kick X.......x.x..... rim ....X.......X... hat x.x.x.x.x.x.x.x.",
        "kick X...X...X...X... clap ....X.......X... hat ..x...x...x...x.",
        "kick X.........x..... rim ........X....... hat x...x...x...x...",
    ),
    "disco": (
        "kick X...X...X...X... snare ....X.......X... open ..x...x...x...x. hat xx.xxx.xxx.xxx.x",
        "kick X...X...X...X... clap ....X.......X... open ..X...X...X...X. tamb xxxxxxxxxxxxxxxx",
        "kick X...X...X...X... snare ....X.......X.o. open ..x...x...x...x. "
        "cowbell x...x...x...x... conga ..x..x....x..xx.",
    ),
    "latin": (
        "kick X.....X.....X... conga x..xx.x.x..xx.xx clave x..x..x.....x...|....x...x.......",
        "kick X...X...X...X... conga ..x...xx..x...xx cowbell x.x.x.xxx.x.x.xx",
        "kick X..xX..xX..xX..x shaker xoxoxoxoxoxoxoxo "
        "conga ..xx..x...xx..x. clave x..x..x...x.x...",
    ),
    "hip hop": (
        "kick X..x......x..... snare ....X.......X... hat x.x.x.x.x.x.x.x.",
        "kick X.....x.x.x..... snare ....X.......X..o hat x.x.x.xxx.x.x.x.",
        "kick X.x....x..x..... clap ....X.......X... hat xoxoxoxoxoxoxoxo open ......x.........",
    ),
}

_FILLS: tuple[str, ...] = (
    "snare oxxX",
    "snare x.xX",
    "high xx.. mid ..xx",
    "high x... mid .x.. low ..x. floor ...X",
    "snare x... high .x.. floor ..xX",
    "snare XX.X kick ..X.",
    "kick x..x snare .xx.",
)
_LONG_FILLS: tuple[str, ...] = (
    "high xx...... mid ..xx.... low ....xx.. floor ......xX",
    "snare x.xxx.xX kick ..x...x.",
    "snare ooxxxxXX",
    "snare X..X..X. floor .xx.xx.X",
    "snare x.x.xxxx",
)


def groove_notes(
    groove: str,
    beats_per_bar: int,
    density: str,
    rng: random.Random,
    *,
    fills: bool,
    rolls: bool,
    sure: bool = False,
) -> list[Note]:
    """Two bars of a groove, thinned where sparse, sometimes (or surely) with a fill at the end.

    With `rolls` some closed hats become quick pairs or triplets, as in trap.
    """
    n_beats = 2 * beats_per_bar
    hits = _read_parts(groove, beats_per_bar, 2)
    hits = _vary(hits, density, beats_per_bar, rng)
    if fills and (sure or rng.random() < (0.5 if density == "dense" else 0.3)):
        hits = _fill(hits, n_beats, rng)
    notes = [_note(part, hit, rng) for part, hit in hits]
    return _roll_hats(notes, rng) if rolls else notes


def sections(
    notes: Sequence[Note], section_of: Callable[[int], str], *, orchestral: bool = False
) -> dict[str, tuple[float, list[Note]]]:
    """The notes by section with each section's level, lower where it has only ghost notes."""
    found: dict[str, list[Note]] = {}
    for note in notes:
        found.setdefault(section_of(note.pitch), []).append(note)
    levelled = {}
    for name, (level_db, _) in SECTIONS.items():
        if mine := found.get(name):
            softness_db = 40 * math.log10(max(n.velocity for n in mine) / 112)
            if orchestral:
                mine = [replace(n, pitch=_ORCHESTRAL.get(n.pitch, n.pitch)) for n in mine]
            levelled[name] = (level_db + softness_db, mine)
    return levelled


def _read_parts(text: str, beats_per_bar: int, n_bars: int) -> list[tuple[str, Hit]]:
    words = text.split()
    pairs = zip(words[::2], words[1::2], strict=True)
    return [(part, hit) for part, line in pairs for hit in read_rhythm(line, beats_per_bar, n_bars)]


def _vary(
    hits: list[tuple[str, Hit]], density: str, beats_per_bar: int, rng: random.Random
) -> list[tuple[str, Hit]]:
    """Sparse grooves lose ghosts and what isn't on the eighths; some gain a kick in bar two."""
    if density == "sparse":
        grid = rng.choice((0.5, 0.5, 1.0)) if len(hits) > 10 else 0.5
        hits = [(p, h) for p, h in hits if h.symbol != "o"]
        thinned = [(p, h) for p, h in hits if p in _BACKBONE or h.start % grid == 0]
        hits = thinned or hits
        if rng.random() < 0.5:
            hits = [(p, h) for p, h in hits if p not in _TRIMMINGS] or hits
    if rng.random() < 0.4:
        spot = beats_per_bar + rng.choice((1.5, 2.5, 2.75))
        taken = any(p == "kick" and h.start == spot for p, h in hits)
        has_kick = any(p == "kick" for p, _ in hits)
        if has_kick and not taken and spot < 2 * beats_per_bar:
            hits = [*hits, ("kick", Hit(spot, 0.25, "x"))]
    return hits


def _fill(hits: list[tuple[str, Hit]], n_beats: int, rng: random.Random) -> list[tuple[str, Hit]]:
    length, text = rng.choice([(1, t) for t in _FILLS] + [(2, t) for t in _LONG_FILLS])
    start = n_beats - length
    kept = [
        (p, h)
        for p, h in hits
        if h.start < start or (p in ("hat", "ride", "kick") and h.start % 1 == 0)
    ]
    fill = [
        (p, Hit(start + h.start, h.duration, h.symbol)) for p, h in _read_parts(text, length, 1)
    ]
    taken = {(p, h.start) for p, h in kept}
    return kept + [(p, h) for p, h in fill if (p, h.start) not in taken]


def _note(part: str, hit: Hit, rng: random.Random) -> Note:
    velocity = int(loudness(hit.symbol, rng) * _BALANCE.get(part, 1.0))
    return Note(hit.start, max(0.25, min(hit.duration, 0.5)), PARTS[part], velocity)


def _roll_hats(notes: list[Note], rng: random.Random) -> list[Note]:
    """Split some hats into 2 or 3 within a sixteenth, or 4 within an eighth, getting louder."""
    rolled: list[Note] = []
    for note in notes:
        if note.pitch == PARTS["hat"] and rng.random() < 0.18:
            n = rng.choice((2, 3, 2, 4))
            length = 0.25 if n < 4 else 0.5
            rolled += [
                Note(
                    note.start + k * length / n,
                    length / n,
                    note.pitch,
                    min(127, note.velocity - 18 + 7 * k),
                )
                for k in range(n)
            ]
        else:
            rolled.append(note)
    return rolled
