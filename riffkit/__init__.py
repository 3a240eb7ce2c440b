"""Music by image diffusion: prompts become spectrogram images, images become sound.

    import riffkit
    riff = riffkit.load()
    clip = riff.generate("lo-fi piano, rainy", bars=4, bpm=84, seed=7)
    clip.save("piano.wav")
    clip.image.save("piano.png")

Importing is light: torch and diffusers come in when `load` is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riffkit.errors import RiffkitError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riffkit.music.riff import Riff

__all__ = ["RiffkitError", "load"]


def load(
    model: str = "mini",
    *,
    device: str = "auto",
    loras: Sequence[str | Path | tuple[str | Path, float]] = (),
    dtype: str = "auto",
    compile: bool = False,  # noqa: A002 (torch.compile)
    offload: bool = False,
) -> Riff:
    """A model ready to play: a bundled name, a folder, a single file, or a hub id.

    `device` is "auto", "cpu", "cuda" or "mps". `loras` are added to the model: each a file or
    the folder of a training run, as "PATH[:WEIGHT]" or (path, weight). `dtype` is "auto",
    "float32", "float16" or "bfloat16"; `compile` compiles the network at its first use; `offload`
    keeps networks in main memory while a GPU doesn't need them. Raises ModelError for a model or
    LoRA that is missing, incomplete, or doesn't fit.
    """
    from riffkit.music.riff import Riff

    return Riff.load(
        model, device=device, loras=loras, dtype=dtype, compile=compile, offload=offload
    )
