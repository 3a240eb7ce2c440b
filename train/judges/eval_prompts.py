"""The prompts of `riff eval`: unseen scores' facts in words that the captions don't use.

python -m train.judges.eval_prompts > riffkit/evaluation/prompts.jsonl
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict

from riffkit.evaluation.prompts import EvalPrompt
from riffkit.limits import MAJOR_KEYS, MINOR_KEYS
from riffkit.prompt.key import parse_tonic
from riffkit.score import ScoreFacts, write_score
from train.loops.render import NATIVE_TONICS

N_PROMPTS = 200
FIRST_SEED = 900_000
TRANSPOSITIONS = range(-3, 3)  # of two tonics six semitones apart: every key once
_KEY_SHARE, _STYLE_SHARE, _DENSITY_SHARE, _MOOD_SHARE = 0.6, 0.85, 0.3, 0.5

_BANDS = (
    "Please play {players}. It should sound like {style}{mood}{density}{key}.",
    "I need {style} for a short film{mood}: {players}{density}{key}",
    "{players}; genre: {style}{density}{mood}{key}",
    "something{mood} that you would file under {style}, performed by {players}{key}{density}",
    "background for a video, {style} as {players} would play it{key}{mood}{density}",
    "{style}! we hear {players}{density}{key}{mood}",
    "two bars of {style} written for {players}{key}{density}{mood}",
)
_NO_STYLE = (
    "nothing else than {players}{mood}{key}{density}",
    "could you make {players} play{mood}{density}{key}?",
    "we hear {players}{key}{density}{mood}",
)
_MOODS = (", feeling {}", ", {} in mood", ", quite {}")
_DENSITIES = {
    "sparse": (", with few notes", ", leaving much space"),
    "dense": (", with lots of notes", ", very busy"),
}
_KEYS = (", the key is {}", ", set in {}", ", tonality {}")


def eval_prompts(n: int = N_PROMPTS, *, first_seed: int = FIRST_SEED) -> Iterator[EvalPrompt]:
    """The prompts of the scores with seeds from `first_seed` on."""
    tonics = [parse_tonic(name) for name in NATIVE_TONICS]
    for seed in range(first_seed, first_seed + n):
        yield _prompt(write_score(seed, tonics=tonics).facts)


def _prompt(facts: ScoreFacts) -> EvalPrompt:
    rng = random.Random(f"riffkit eval {facts.seed}")
    transpose = rng.choice(TRANSPOSITIONS)
    key = density = None
    if facts.key and facts.mode in ("major", "minor") and rng.random() < _KEY_SHARE:
        names = MINOR_KEYS if facts.mode == "minor" else MAJOR_KEYS
        key = f"{names[(parse_tonic(facts.key) + transpose) % 12]} {facts.mode}"
    if facts.density in _DENSITIES and rng.random() < _DENSITY_SHARE:
        density = facts.density
    styled = facts.texture not in ("solo", "duo") or rng.random() < _STYLE_SHARE / 2
    mood = rng.choice(facts.mood) if facts.mood and rng.random() < _MOOD_SHARE else None
    text = rng.choice(_BANDS if styled else _NO_STYLE).format(
        players=_players(facts, rng),
        style=facts.style,
        mood=rng.choice(_MOODS).format(mood) if mood else "",
        density=rng.choice(_DENSITIES[density]) if density else "",
        key=rng.choice(_KEYS).format(key) if key else "",
    )
    text += " in 3/4" if facts.beats_per_bar == 3 else ""
    return EvalPrompt(
        text=" ".join(text.split()),
        seed=facts.seed,
        bpm=facts.bpm,
        beats_per_bar=facts.beats_per_bar,
        instruments=facts.instruments,
        drums=facts.drums,
        style=facts.style if styled else None,
        key=key,
        density=density,
        transpose=transpose,
    )


def _players(facts: ScoreFacts, rng: random.Random) -> str:
    """All of them; that there are no drums is said where one might expect some."""
    if not facts.instruments:
        return rng.choice(("a drummer alone", "drums and nothing more", "one drum kit by itself"))
    names = list(facts.instruments)
    rng.shuffle(names)
    if facts.drums:
        names.append(rng.choice(("drums", "a drum kit", "a drummer")))
    text = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    if not facts.drums and rng.random() < 0.7:
        text += rng.choice((", but no drums", ", leaving out the drums", " (no drummer)"))
    return text


if __name__ == "__main__":
    for prompt in eval_prompts():
        print(json.dumps(asdict(prompt), ensure_ascii=False))
