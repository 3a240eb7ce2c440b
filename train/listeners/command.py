"""`riff train listen-renders`: what the networks that listen are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Bands = Annotated[Path, typer.Option("--bands", help="Folder of rendered bands.")]


def listen_renders(
    folder: Annotated[Path, typer.Argument(help="Folder for the rendered bands.")],
    bands: Annotated[int, typer.Option(min=1, help="Number of bands, from 0 on.")] = 2_000,
    held_out: Annotated[
        int, typer.Option(min=0, help="Number of bands for measuring; they come first.")
    ] = 60,
) -> None:
    """Render bands track by track, for the networks that listen.

    The same command goes on where it stopped, and several may fill one folder.
    """
    import torch

    from riffkit.errors import ParameterError
    from train.listeners.tracks import MAX_BANDS, write_bands
    from train.sounds.soundfonts import find_soundfonts
    from train.stream.recipe import FIRST_HELD_OUT

    if bands > MAX_BANDS:
        raise ParameterError(f"bands={bands}: must be at most {MAX_BANDS}")
    torch.set_num_threads(1)
    numbers = [*range(FIRST_HELD_OUT, FIRST_HELD_OUT + held_out), *range(bands)]
    for done, number in enumerate(write_bands(folder, numbers, find_soundfonts()), start=1):
        if done % 50 == 0:
            print(f"{done} bands rendered, the last is number {number}", flush=True)
