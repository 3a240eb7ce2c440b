"""Finds the files with a network's weights by their names.

Weights are safetensors or pickled (.bin), whole or in shards, plain or as a variant in another
precision, in any mixture; the names are diffusers' and transformers'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

FULL_PRECISION = "fp32"
"""The variant of files without one in their names."""
_STEMS = {
    "unet": ("diffusion_pytorch_model",),
    "vae": ("diffusion_pytorch_model",),
    "text_encoder": ("model", "pytorch_model"),
}
NETWORKS = tuple(_STEMS)
_KNOWN_VARIANTS = (FULL_PRECISION, "fp16", "bf16")
_WEIGHTS = re.compile(
    r"(?P<stem>\w+_model|model)(?:\.(?P<variant>[\w-]+?))?"
    r"(?:-\d{5}-of-(?P<shards>\d{5}))?\.(?P<kind>safetensors|bin)"
)


@dataclass(frozen=True)
class Weights:
    """Files that hold a whole network's weights together; `index` says so in diffusers' way."""

    variant: str
    kind: str
    files: tuple[str, ...]
    index: str | None = None


def weights_in(part: str, names: Iterable[str]) -> list[Weights]:
    """All variants in a network's folder, the preferred one first.

    Full precision is preferred to fp16, that to bf16 and others; .safetensors to .bin; one file to
    several. Shards count where all of them are there.
    """
    there = frozenset(names)
    found = {_weights(match) for match in map(_WEIGHTS.fullmatch, there) if match}
    stems = tuple(f"{stem}{end}" for stem in _STEMS[part] for end in ".-")
    whole = [w for w in found if there.issuperset(w.files) and w.files[0].startswith(stems)]
    return sorted(whole, key=_rank)


def choose_weights(part: str, names: Iterable[str], variant: str) -> Weights | None:
    """Those of the variant if present, else the preferred ones; None if there are none."""
    found = weights_in(part, names)
    return min(found, key=lambda weights: weights.variant != variant, default=None)


def _weights(match: re.Match[str]) -> Weights:
    stem, kind, given = match["stem"], match["kind"], match["variant"]
    full, variant = f"{stem}.{given}" if given else stem, given or FULL_PRECISION
    if match["shards"] is None:
        return Weights(variant, kind, (match.string,))
    n_shards = int(match["shards"])
    files = (f"{full}-{n:05}-of-{n_shards:05}.{kind}" for n in range(1, n_shards + 1))
    index = f"{stem}.{kind}.index.{given}.json" if given else f"{stem}.{kind}.index.json"
    return Weights(variant, kind, tuple(files), index)


def _rank(weights: Weights) -> tuple[int, str, bool, int]:
    known = weights.variant in _KNOWN_VARIANTS
    order = _KNOWN_VARIANTS.index(weights.variant) if known else len(_KNOWN_VARIANTS)
    return order, weights.variant, weights.kind == "bin", len(weights.files)
