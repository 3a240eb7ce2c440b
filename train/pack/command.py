"""`riff train pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pack(
    out: Annotated[Path, typer.Argument(help="Folder to write; an older one is replaced.")],
    vae: Annotated[Path, typer.Option(help="Folder of the frozen autoencoder.")],
    start: Annotated[
        Path | None, typer.Option("--from", help="Snapshot of the denoiser to go on from.")
    ] = None,
    wheels: Annotated[
        bool, typer.Option(help="With the packages that the machine lacks (Linux, Python 3.12).")
    ] = True,
) -> None:
    """Put all that training the denoiser needs into a folder, for a machine without a network.

    There, `python3 OUT/train/on_gpu.py --out RESULTS` renders on all cores and trains.
    """
    from train.pack.build import build
    from train.sounds.soundfonts import find_soundfont

    size = build(out, vae, find_soundfont(), snapshot=start, wheels=wheels)
    print(f"{size / 1e6:.1f} MB → {out}")
