"""One run of distilling a guided model, beside the renders of its pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from riffkit.errors import ParameterError
from train.denoiser.batches import PairMusic
from train.denoiser.latents import COUNTS, PairReader, PairRing, held_out_pairs
from train.denoiser.network import read_tokenizer
from train.distill import DistillTask
from train.stream.run import KeepUp, fit_beside_renders
from train.stream.workers import Pace

_WARMUP_IMAGES = 400
_EMA_DECAY = 0.99


class FewSteps:
    """The run in `folder`, which distills the model in another; its pairs are `ring`'s."""

    def __init__(
        self, folder: Path, model: Path, ring: PairRing, *, held_out: dict[str, int] | None = None
    ) -> None:
        self._folder, self._model, self._ring = folder, model, ring
        self._held_out = COUNTS if held_out is None else held_out

    def fit(self, *, workers: int, pace: Pace, **loop: Any) -> Iterator[dict[str, float]]:
        """Train, and yield the loop's lines; `loop` are more fields of its configuration.

        ParameterError where the folder holds no guided model.
        """
        if not (self._model / "unet" / "config.json").is_file():
            raise ParameterError(
                f"model={str(self._model)!r}: is no model folder; give one of `riff train "
                "export-denoiser`"
            )
        self._folder.mkdir(parents=True, exist_ok=True)

        def begin(draw: Callable[[int], Any], by_turns: KeepUp) -> tuple[DistillTask, int]:
            pairs = PairReader(self._ring, self._folder.name, keep_up=by_turns)
            kinds = held_out_pairs(self._ring, draw, self._held_out).values()
            held_out = [pair for some in kinds for pair in some]
            return DistillTask(self._model, PairMusic(pairs, held_out, read_tokenizer())), 0

        yield from fit_beside_renders(
            begin,
            self._folder,
            self._ring,
            n_workers=workers,
            pace=pace,
            **{
                "warmup_images": _WARMUP_IMAGES,
                "schedule": "cosine",
                "ema_decay": _EMA_DECAY,
                **loop,
            },
        )
