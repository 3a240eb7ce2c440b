"""What a task has painted, before it is sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from riffkit.music.finish import Ending
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import KnownPart

Join = Callable[[Float[Tensor, "channel sample"]], Float[Tensor, "channel joined"]]


@dataclass(frozen=True, eq=False)
class Painted:
    """One image, and how it becomes a clip.

    `loop`: it plays round. `seed`: the vocoder's. `known`: sound that is there already; `join` puts
    the new sound and that together. `ending`: what is done to the sound at last. `measure(sound)`
    gives lines to be read, by the whole sound.
    """

    image: SpectrogramImage
    seed: int
    ending: Ending
    loop: bool = False
    known: KnownPart | None = None
    join: Join | None = None
    measure: Callable[[Tensor], tuple[str, ...]] | None = None
