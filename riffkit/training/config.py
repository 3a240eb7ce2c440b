"""Settings of a training run; each model's own numbers are beside the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from riffkit.errors import ParameterError

Precision = Literal["auto", "no", "bf16", "fp16"]
Optimizer = Literal["adamw", "adamw8bit", "muon"]
Schedule = Literal["cosine", "constant", "inverse_sqrt"]


@dataclass(frozen=True)
class LoopConfig:
    """One training run. Progress is counted in images, so batch size and machine can change.

    The learning rate rises over `warmup_images`, then falls to zero by a cosine until `images`. For
    runs whose end is open it is constant instead, or, once `flat_images` have been seen, falls with
    their inverse square root (EDM2, arXiv:2312.02696); either falls in a straight line over the
    last `cooldown_images`. `first_image` is the number of images that a new run's weights have
    already seen. `batch_size` counts a whole step, over all processes; each process splits its
    share into `accumulation` parts. `precision` "auto" uses bf16 if the machine supports it. Lines
    are logged and checkpoints written by the clock, or at intervals counted in images if given; the
    last `keep` checkpoints are kept. Averages of the weights with `more_ema_decays` are kept beside
    the main one. After `seconds` a run ends as if it were done, and can be gone on with.
    """

    images: int
    batch_size: int
    learning_rate: float
    warmup_images: int = 5_000
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    max_grad_norm: float = 1.0
    ema_decay: float = 0.999
    more_ema_decays: tuple[float, ...] = ()
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    accumulation: int = 1
    optimizer: Optimizer = "adamw"
    keep: int = 1
    log_seconds: float = 30.0
    checkpoint_seconds: float = 240.0
    log_images: int | None = None
    checkpoint_images: int | None = None
    sample_images: int | None = None
    schedule: Schedule = "cosine"
    flat_images: int = 1
    cooldown_images: int = 0
    first_image: int = 0
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in (
            "images",
            "batch_size",
            "learning_rate",
            "accumulation",
            "keep",
            "flat_images",
        ):
            if not getattr(self, name) > 0:
                raise ParameterError(f"{name}={getattr(self, name)}: must be above 0")
        for name in ("log_images", "checkpoint_images", "sample_images"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ParameterError(f"{name}={getattr(self, name)}: must be above 0")
        for decay in (self.ema_decay, *self.more_ema_decays):
            if not 0 <= decay < 1:
                raise ParameterError(f"ema_decay={decay}: must be at least 0 and below 1")
