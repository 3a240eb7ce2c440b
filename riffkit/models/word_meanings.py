"""Which words are alike, by the token vectors of the bundled model's text encoder.

They come from a sentence encoder: words of a like meaning lie near each other.
Read without torch.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors import safe_open

_TABLE = "embeddings.token_embedding.weight"
_END = "</w>"
NEAR = 0.62
"""Cosine from which on words are alike."""
_SHORTEST = 4
_SAME_LETTERS = 3  # words that begin alike lie near each other whatever they mean


class TokenMeanings:
    """The words that are one token each, with their vectors; read when they are first asked for."""

    def __init__(self, model: Path) -> None:
        self._model = model

    @cached_property
    def _ids(self) -> dict[str, int]:
        with (self._model / "tokenizer" / "vocab.json").open(encoding="utf-8") as file:
            tokens = json.load(file)
        return {t.removesuffix(_END): i for t, i in tokens.items() if t.endswith(_END)}

    @cached_property
    def _table(self) -> Float[np.ndarray, "token feature"]:
        with safe_open(self._model / "text_encoder" / "model.safetensors", "np") as file:
            table: np.ndarray = file.get_tensor(_TABLE)
        return table

    def is_word(self, word: str) -> bool:
        """Whether it is common enough to be a token."""
        return word in self._ids

    def nearest(self, word: str, among: Collection[str]) -> str | None:
        """Of these words, the one that is nearest in meaning; None if none is near enough."""
        able = [
            o for o in sorted(among) if o in self._ids and o[:_SAME_LETTERS] != word[:_SAME_LETTERS]
        ]
        if len(word) < _SHORTEST or word not in self._ids or not able:
            return None
        cosines = self._unit([self._ids[o] for o in able]) @ self._unit([self._ids[word]])[0]
        best = int(np.argmax(cosines))
        return able[best] if cosines[best] >= NEAR else None

    def _unit(self, ids: list[int]) -> Float[np.ndarray, "token feature"]:
        vectors = self._table[ids].astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@lru_cache(maxsize=1)
def token_meanings(model: Path) -> TokenMeanings:
    """The words of a model's folder, read once."""
    return TokenMeanings(model)
