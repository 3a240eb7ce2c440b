"""The held-out prompts of `riff eval`: unseen scores' facts as strangers would ask for them.

Instruments and genres go by nicknames, the sentences are those of messages and searches. Written
before any result of it was seen, and without a look at the words that riffkit knows
(riffkit/score/words), so that it may not know some. It is to be measured once a model is finished,
and nothing is to be tuned on it.

python -m train.judges.held_out_prompts > riffkit/evaluation/held_out_prompts.jsonl
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from riffkit.evaluation.prompts import EvalPrompt
from riffkit.score import ScoreFacts, write_score

FIRST_SEED = 950_000
_QUOTAS = {"alone": 28, "in three": 10, "odd metre": 6, "drums only": 4, "band": 52}
_MOST_OF_A_STYLE = 4
_KEY_SHARE, _SCENE_SHARE, _MOOD_SHARE, _DENSITY_SHARE = 0.35, 0.5, 0.3, 0.25

NICKNAMES: dict[str, tuple[str, ...]] = {
    "piano": ("grand piano", "old upright piano", "piano"),
    "electric piano": ("Rhodes", "Wurlitzer", "e-piano"),
    "harpsichord": ("cembalo", "harpsichord"),
    "clavinet": ("clav", "funky clavinet"),
    "celesta": ("celeste", "celesta"),
    "glockenspiel": ("glock", "glockenspiel"),
    "music box": ("wind-up music box", "toy music box"),
    "vibraphone": ("vibes", "vibraphone"),
    "marimba": ("marimba",),
    "xylophone": ("xylo", "xylophone"),
    "tubular bells": ("tubular bells", "orchestral chimes"),
    "organ": ("Hammond", "B3 organ"),
    "church organ": ("pipe organ", "cathedral organ"),
    "accordion": ("squeezebox", "French accordion"),
    "harmonica": ("mouth organ", "blues harp"),
    "acoustic guitar": ("nylon-string guitar", "campfire guitar", "steel-string acoustic"),
    "jazz guitar": ("archtop guitar", "hollow-body guitar"),
    "electric guitar": ("clean Strat", "clean electric guitar"),
    "muted guitar": ("palm-muted guitar", "chucking muted guitar"),
    "overdriven guitar": ("crunchy guitar", "overdriven Les Paul"),
    "distorted guitar": ("fuzz guitar", "heavy distorted guitar"),
    "upright bass": ("double bass", "stand-up bass", "contrabass"),
    "bass guitar": ("electric bass", "P-bass", "fingered bass guitar"),
    "fretless bass": ("fretless", "fretless bass"),
    "slap bass": ("slapped bass", "slap bass"),
    "synth bass": ("Moog bass", "analog synth bass"),
    "violin": ("fiddle", "violin"),
    "viola": ("viola",),
    "cello": ("cello",),
    "pizzicato strings": ("plucked strings", "pizzicato strings"),
    "harp": ("concert harp", "harp"),
    "strings": ("string section", "string orchestra"),
    "synth strings": ("string machine", "synthetic strings"),
    "choir": ("oohing choir", "chorus of voices"),
    "trumpet": ("trumpet",),
    "trombone": ("slide trombone", "trombone"),
    "muted trumpet": ("trumpet with a mute", "harmon-mute trumpet"),
    "french horn": ("horn in F", "French horn"),
    "brass": ("horn section", "brass section"),
    "synth brass": ("80s synth brass", "fat synth horns"),
    "saxophone": ("sax", "tenor sax"),
    "oboe": ("oboe",),
    "clarinet": ("clarinet",),
    "flute": ("transverse flute", "flute"),
    "pan flute": ("panpipes", "Andean pan pipes"),
    "square lead": ("Game Boy lead", "square-wave lead"),
    "synth lead": ("saw lead", "trance lead"),
    "synth pad": ("warm pad", "lush pads"),
    "sitar": ("Indian sitar", "sitar"),
    "banjo": ("five-string banjo", "banjo"),
    "kalimba": ("thumb piano", "mbira"),
    "steel drums": ("steelpan", "Caribbean steel drum"),
    "timpani": ("kettledrums", "timpani"),
}
"""What people call them, by the names of riffkit.score.instruments."""

GENRES: dict[str, tuple[str, ...]] = {
    "lo-fi hip hop": ("lofi study beats", "chillhop"),
    "hip hop": ("boom bap", "old-school hip-hop"),
    "house": ("deep house", "four-on-the-floor house"),
    "techno": ("warehouse techno", "Berlin techno"),
    "drum and bass": ("dnb", "jungle"),
    "trap": ("Atlanta trap", "a trap beat"),
    "ambient": ("ambient", "drifting ambient"),
    "synthwave": ("outrun", "retrowave"),
    "funk": ("funk", "70s P-funk"),
    "disco": ("disco", "Studio 54 disco"),
    "jazz swing": ("swing", "swinging jazz"),
    "bossa nova": ("bossa", "Brazilian bossa"),
    "latin": ("salsa", "something Cuban"),
    "blues": ("twelve-bar blues", "Chicago blues"),
    "rock": ("garage rock", "classic rock"),
    "metal": ("heavy metal", "thrash metal"),
    "reggae": ("roots reggae", "Jamaican reggae"),
    "waltz": ("a Viennese waltz", "an old waltz"),
    "chorale": ("a Bach chorale", "a church hymn"),
    "orchestral": ("film score", "cinematic orchestra"),
    "classical": ("classical chamber music", "something like Mozart"),
    "folk": ("folk", "fireside folk"),
    "chiptune": ("8-bit", "NES music"),
    "ballad": ("a slow ballad", "a love ballad"),
    "pop": ("radio pop", "chart pop"),
}
"""What people call the styles."""

_ALONE = (
    "just a {players}, nothing else",
    "{players} on its own{genre}",
    "only {players}. No band, no drums",
    "somebody practising {players} next door{genre}",
    "a lonely {players}, nobody else",
    "unaccompanied {players}{genre}",
)
_BAND = (
    "hey can you do {genre} with {players}",
    "{genre}, {players}",
    "need {genre}: {players}",
    "{players}, {genre} kind of thing",
    "{genre} played by {players} and nothing else",
    "looking for {genre}. {players} please",
)
_DRUMS = ("just drums, {genre}", "a drum solo, nothing else", "only the drummer, {genre}")
_SCENES = (
    "for the end credits",
    "for a train ride in the rain",
    "while the dishes get done",
    "for a shop window at night",
    "to open my podcast",
    "like in a café before noon",
    "for a drone shot over the coast",
    "at three in the morning",
    "for the level where you swim",
    "for my grandmother's birthday",
)
_DENSITIES = {"sparse": ("not many notes", "lots of air"), "dense": ("super busy", "full of notes")}
_KEYS = ("in {}", "key of {}", "{} if possible")
_THREES = ("in 3/4", "in three", "waltz time", "3/4 please")
_ODD = {5: ("in 5/4", "in five"), 7: ("in 7/4", "in seven"), 2: ("in 2/4", "two beats to the bar")}


@dataclass(frozen=True)
class _Wanted:
    """A score's facts, the kind of prompt that is made of them, and its metre."""

    facts: ScoreFacts
    kind: str
    beats_per_bar: int


def held_out_prompts() -> Iterator[EvalPrompt]:
    """A hundred: single instruments, bands, drums; some in three, five, seven or two."""
    for wanted in _chosen():
        yield _prompt(wanted)


def _chosen() -> Iterator[_Wanted]:
    """Of the seeds in their order, those whose kind, style or instrument isn't had enough of."""
    kinds, styles, alone = Counter[str](), Counter[str](), set[str]()
    odd = list(_ODD)
    seed = FIRST_SEED
    while any(kinds[kind] < quota for kind, quota in _QUOTAS.items()):
        facts = write_score(seed).facts
        seed += 1
        kind = _kind(facts, kinds)
        if kind == "alone" and facts.instruments[0] in alone:
            continue
        is_band = kind in ("band", "odd metre")
        if is_band and styles[facts.style] >= _MOST_OF_A_STYLE:
            continue
        if kinds[kind] >= _QUOTAS[kind]:
            continue
        beats = odd[kinds[kind] % len(odd)] if kind == "odd metre" else facts.beats_per_bar
        kinds[kind] += 1
        if kind == "alone":
            alone.add(facts.instruments[0])
        styles[facts.style] += is_band
        yield _Wanted(facts, kind, beats)


def _kind(facts: ScoreFacts, so_far: Counter[str]) -> str:
    if not facts.instruments:
        return "drums only"
    if facts.texture == "solo":
        return "alone"
    if facts.beats_per_bar == 3:
        return "in three"
    is_due = so_far["odd metre"] * 8 < so_far["band"]
    return "odd metre" if is_due and so_far["odd metre"] < _QUOTAS["odd metre"] else "band"


def _prompt(wanted: _Wanted) -> EvalPrompt:
    facts, rng = wanted.facts, random.Random(f"riffkit held out {wanted.facts.seed}")
    key = density = style = None
    said = rng.choice({"alone": _ALONE, "drums only": _DRUMS}.get(wanted.kind, _BAND))
    if "{genre}" in said:
        style = facts.style
    nickname = rng.choice(GENRES[facts.style])
    genre = f", {nickname}" if wanted.kind == "alone" else nickname
    text = said.format(players=_players(facts, rng), genre=genre)
    more = []
    if wanted.kind != "alone" and not facts.drums:
        more.append(rng.choice(("no drums", "without a drummer", "no percussion whatsoever")))
    if wanted.beats_per_bar != 4:
        metres = _THREES if wanted.beats_per_bar == 3 else _ODD[wanted.beats_per_bar]
        more.append(rng.choice(metres))
    if facts.key and facts.mode in ("major", "minor") and rng.random() < _KEY_SHARE:
        key = f"{facts.key} {facts.mode}"
        short = f"{facts.key}m" if facts.mode == "minor" else key
        more.append(rng.choice(_KEYS).format(rng.choice((key, short))))
    if facts.density in _DENSITIES and rng.random() < _DENSITY_SHARE:
        density = facts.density
        more.append(rng.choice(_DENSITIES[density]))
    if facts.mood and rng.random() < _MOOD_SHARE:
        more.append(rng.choice(facts.mood))
    if rng.random() < _SCENE_SHARE:
        more.append(rng.choice(_SCENES))
    return EvalPrompt(
        text=", ".join((text, *more)),
        seed=facts.seed,
        bpm=facts.bpm,
        beats_per_bar=wanted.beats_per_bar,
        instruments=facts.instruments,
        drums=facts.drums,
        style=style,
        key=key,
        density=density,
        transpose=0,
    )


def _players(facts: ScoreFacts, rng: random.Random) -> str:
    names = [rng.choice(NICKNAMES[name]) for name in facts.instruments]
    rng.shuffle(names)
    if facts.texture == "solo":
        return names[0]
    if facts.drums:
        names.append(rng.choice(("drums", "a drummer", "kit")))
    return rng.choice((", ".join(names), " + ".join(names)))


if __name__ == "__main__":
    for prompt in held_out_prompts():
        print(json.dumps(asdict(prompt), ensure_ascii=False))
