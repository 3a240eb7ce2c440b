"""Pairs as latents: the cache of them, what is read from it, and those that are held out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.spectrogram.params import SpectrogramParams
from train.denoiser.fingerprint import fingerprint_of
from train.denoiser.pictures import Pictures, draw_pictures
from train.stream import DEFAULT_MEGABYTES
from train.stream.held_out import held_out_number
from train.stream.reader import MOST_INDEXED, Reader
from train.stream.shards import Shards

PAIRS_VERSION = 1
COUNTS = {"stem": 48, "mix": 24}

Latents = Float[Tensor, "sound latent_row latent_column"]


@dataclass(frozen=True, eq=False)
class Pair:
    """The latents of music and guide, in the autoencoder's own scale, and what is true of them."""

    music: Latents
    guide: Latents
    facts: dict[str, Any]


class PairRing(Shards):
    """The cache in `folder`: pairs of `params`, as the autoencoder in `vae` encodes them.

    A cache of another autoencoder is refused.
    """

    def __init__(
        self,
        folder: Path,
        params: SpectrogramParams,
        vae: Path,
        *,
        max_bytes: int = DEFAULT_MEGABYTES << 20,
    ) -> None:
        self.params, self.vae, self.fingerprint = params, vae, fingerprint_of(vae)
        contents = {
            "recipe": PAIRS_VERSION,
            "params": params.to_dict(),
            "autoencoder": self.fingerprint,
        }
        super().__init__(folder, contents, max_bytes=max_bytes)

    @property
    def sound_channels(self) -> int:
        """Of the latents."""
        return int(json.loads((self.vae / "config.json").read_text())["latent_channels"]) - 1

    def drawer(self, fonts: Sequence[Path]) -> Callable[..., Pair]:
        from train.denoiser.autoencoder import Encoder

        encode = Encoder(self.vae)

        def draw(number: int, *, kind: str | None = None) -> Pair:
            return encoded(draw_pictures(number, self.params, fonts, kind=kind), encode)

        return draw

    def write(self, shard: int, items: Sequence[Pair]) -> None:
        self._store(shard, _tensors(items), [pair.facts for pair in items])

    def pair(self, shard: int, row: int) -> Pair:
        """A pair of a shard; raises FileNotFoundError where the shard is gone."""
        with self._opened(shard) as file:
            facts = json.loads(file.metadata()["facts"])[row]
            return Pair(_read(file, row, "music"), _read(file, row, "guide"), facts)


class PairReader(Reader[PairRing]):
    """Draws pairs of a ring, those of a batch all of one width."""

    def __init__(
        self, ring: PairRing, name: str, *, keep_up: Callable[[int], None] | None = None
    ) -> None:
        super().__init__(ring, name, keep_up=keep_up)
        self._beats = lru_cache(maxsize=MOST_INDEXED)(self._beats_of)

    @property
    def n_rendered(self) -> int:
        """How many pairs there have been, those that are gone included."""
        return self.ring.n_rendered()

    def draw(self, n_pairs: int, generator: torch.Generator) -> list[Pair]:
        """Pairs as wide as the first that is picked; waits where nothing has been rendered yet."""
        with self.drawing(n_pairs):
            pairs = [self.pick(generator, lambda shard, row, _: self.ring.pair(shard, row))]
            n_beats = int(pairs[0].facts["n_beats"])

            def read(shard: int, row: int, _: int) -> Pair | None:
                wide = self._beats(shard)[row] == n_beats
                return self.ring.pair(shard, row) if wide else None

            pairs += [self.pick(generator, read) for _ in range(n_pairs - 1)]
        return pairs

    def _beats_of(self, shard: int) -> list[int]:
        return [int(facts["n_beats"]) for facts in self.ring.facts(shard)]


def encoded(pictures: Pictures, encode: Callable[[np.ndarray], Latents]) -> Pair:
    """The latents of both pictures."""
    return Pair(encode(pictures.music), encode(pictures.guide), pictures.facts)


def held_out_pairs(
    ring: PairRing, draw: Callable[..., Pair], counts: dict[str, int]
) -> dict[str, list[Pair]]:
    """Pairs by kind that are never trained on, the same ones for every run; kept by the ring."""
    return {kind: _held_out(ring, draw, kind, count) for kind, count in counts.items()}


def _held_out(ring: PairRing, draw: Callable[..., Pair], kind: str, count: int) -> list[Pair]:
    path = ring.folder / f"held-out-{kind}-{count}.safetensors"
    if not path.exists():
        pairs = [draw(held_out_number(kind, n), kind=kind) for n in range(count)]
        facts = json.dumps([pair.facts for pair in pairs], ensure_ascii=False)
        with atomic_path(path) as temporary:
            save_file(_tensors(pairs), temporary, metadata={"facts": facts})
    with safe_open(path, framework="np") as file:
        said = json.loads(file.metadata()["facts"])
        return [
            Pair(_read(file, n, "music"), _read(file, n, "guide"), facts)
            for n, facts in enumerate(said)
        ]


def _tensors(pairs: Sequence[Pair]) -> dict[str, Tensor]:
    return {
        f"{n}.{part}": getattr(pair, part).half().contiguous()
        for n, pair in enumerate(pairs)
        for part in ("music", "guide")
    }


def _read(file: Any, row: int, part: str) -> Latents:
    return torch.from_numpy(file.get_tensor(f"{row}.{part}").astype(np.float32))
