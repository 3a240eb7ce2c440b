"""The facts that the denoiser's text encoder learns to tell from captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from riffkit.score import STYLES
from riffkit.score.caption_words import DENSITY_WORDS, FIGURE_WORDS
from riffkit.score.facts import MOODS_OF_MODE
from riffkit.score.harmony import key_names
from riffkit.score.instruments import INSTRUMENTS
from train.facts import fact_words

_TEXTURES = ("band", "duo", "solo", "drums only")


def _known() -> list[str]:
    modes = sorted({mode for info in STYLES.values() for mode in info.modes})
    moods = {mood for info in STYLES.values() for mood in info.moods}
    moods |= {mood for some in MOODS_OF_MODE.values() for mood in some}
    keys = [(key, mode) for mode in modes for key in key_names(mode)]
    named = {
        "instrument": INSTRUMENTS,
        "mood": moods,
        "style": STYLES,
        "key": {*(key for key, _ in keys), *(f"{key} {mode}" for key, mode in keys)},
        "mode": modes,
        "drums": ("True",),
        "density": DENSITY_WORDS,
        "texture": _TEXTURES,
        "figure": FIGURE_WORDS,
    }
    return sorted(f"{name} {value}" for name, values in named.items() for value in values)


FACTS = tuple(_known())
"""Those of a new run. A run and its snapshots keep theirs, whatever scores learn to tell later."""


def fact_rows(
    many: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> Bool[Tensor, "clip fact"]:
    """Which of the columns' facts are true of each clip."""
    true = map(fact_words, many)
    rows = [[fact in words for fact in columns] for words in true]
    return torch.tensor(rows, dtype=torch.bool).reshape(len(many), len(columns))


def facts_loss(
    logits: Float[Tensor, "batch fact"],
    facts: Bool[Tensor, "batch fact"],
    *,
    counted: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy, summed over the facts, of the clips that kept their caption."""
    chosen = counted.to(logits.device)[:, None].float()
    losses = functional.binary_cross_entropy_with_logits(logits, facts.to(logits), reduction="none")
    return (chosen * losses).sum(dim=1).mean()
