"""What is true of the tracks that were written: what captions may say."""

from __future__ import annotations

from collections.abc import Sequence

from riffkit.score.harmony import key_names
from riffkit.score.notes import ScoreFacts, Track
from riffkit.score.plan import Plan

MOODS_OF_MODE = {
    True: ("melancholic", "sad", "brooding", "wistful", "dark", "somber"),
    False: ("happy", "bright", "cheerful", "hopeful", "joyful", "uplifting"),
}
GRIM_MOODS = frozenset(
    (
        "dark",
        "menacing",
        "cold",
        "brutal",
        "aggressive",
        "industrial",
        "moody",
        "hard",
        "rainy",
        "solemn",
    )
)
SUNNY_MOODS = frozenset(
    (
        "sunny",
        "cheerful",
        "happy",
        "festive",
        "hopeful",
        "fun",
        "feel-good",
        "bright",
        "playful",
        "uplifting",
        "light",
    )
)
PROMINENCE = {"solo": 0, "lead": 0, "arp": 1, "comp": 2, "pad": 3, "bass": 4}


def gather_facts(
    seed: int, plan: Plan, tracks: Sequence[Track], texture: str, figure: str, kit: str
) -> ScoreFacts:
    """The facts of the tracks; the tempo is drawn here, whole beats a minute of the style's."""
    pitched = sorted((t for t in tracks if not t.is_drums), key=lambda t: PROMINENCE[t.role])
    drummed = any(t.is_drums for t in tracks)
    return ScoreFacts(
        seed=seed,
        style=plan.style,
        instruments=tuple(dict.fromkeys(t.instrument for t in pitched)),
        drums=drummed,
        key=key_names(plan.mode)[plan.tonic] if pitched else None,
        mode=plan.mode if pitched else None,
        bpm=float(plan.rng.randint(*plan.info.bpm_range)),
        beats_per_bar=plan.beats_per_bar,
        n_beats=plan.n_beats,
        density=measured_density(tracks, plan.n_beats),
        mood=_draw_moods(plan, bool(pitched)),
        texture=texture,
        figure=figure,
        kit=kit if drummed else "",
    )


def measured_density(tracks: Sequence[Track], n_beats: int) -> str:
    """sparse, medium or dense, by attacks a beat; many players may strike more than one.

    The drums count as one player. The bounds part some 3,000 scores into about 20, 50 and 30 %.
    """
    attacks = {
        ("drums" if t.is_drums else k, round(n.start, 3))
        for k, t in enumerate(tracks)
        for n in t.notes
    }
    per_beat = len(attacks) / n_beats
    drummed = any(t.is_drums for t in tracks)
    n_pitched = sum(not t.is_drums for t in tracks)
    more = max(0, n_pitched - 1)
    low = 0.85 + 0.7 * more + 1.2 * drummed
    high = 1.8 + 1.4 * more + (2.2 if n_pitched else 1.5) * drummed
    return "sparse" if per_beat < low else "dense" if per_beat > high else "medium"


def _draw_moods(plan: Plan, pitched: bool) -> tuple[str, ...]:
    """One or two words of the style's that its mode doesn't belie, or of the mode's."""
    rng, minor = plan.rng, plan.mode in ("minor", "phrygian")
    wrong = SUNNY_MOODS if minor else GRIM_MOODS
    fitting = [m for m in plan.info.moods if not pitched or m not in wrong]
    moods = rng.sample(fitting, min(len(fitting), rng.choice((1, 1, 2))))
    if pitched and plan.mode in ("major", "minor") and rng.random() < 0.4:
        moods = [*moods[:-1], rng.choice(MOODS_OF_MODE[minor])]
    return tuple(dict.fromkeys(moods))
