"""The Python API's one object: a loaded model, and what it can do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from riffkit.diffusion.checkpoint import Checkpoint, load_checkpoint
from riffkit.diffusion.denoise import OnStep
from riffkit.music.clip import Clip
from riffkit.music.generate import GenerateRequest, generate

SEED_BITS = 32


def random_seed() -> int:
    """A seed to use where none was asked for; the recipe keeps it."""
    return secrets.randbits(SEED_BITS)


@dataclass(frozen=True)
class Riff:
    """A loaded model; `riffkit.load` makes one."""

    checkpoint: Checkpoint

    @classmethod
    def load(cls, model: str, *, device: str = "auto") -> Riff:
        return cls(load_checkpoint(model, device=device))

    def generate(
        self,
        prompt: str,
        *,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """Music for a prompt. `options` are the other fields of `GenerateRequest`.

        Without a seed each call gives other music; `clip.recipe` says which seed was drawn.
        """
        chosen = random_seed() if seed is None else seed
        request = GenerateRequest(prompt, seed=chosen, **options)
        return generate(self.checkpoint, request, on_step=on_step)
