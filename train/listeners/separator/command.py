"""`riff train separator`, and the export of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.lines import print_line
from train.listeners.command import Bands

Run = Annotated[Path, typer.Argument(help="Folder of the training run.")]


def separator(
    run: Run,
    bands: Bands,
    images: Annotated[int, typer.Option(help="Mixtures to train on in all.")] = 60_000,
    cooldown: Annotated[
        int, typer.Option(help="Mixtures at the end over which the learning rate falls to 0.")
    ] = 12_000,
    batch_size: int = 8,
    learning_rate: float = 2e-3,
    ema_decay: float = 0.998,
    held_out: Annotated[int, typer.Option(help="Held-out bands to measure on.")] = 24,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so long, with everything written.")
    ] = None,
    device: str = "auto",
) -> None:
    """Train the separator on mixtures of rendered bands. The same command resumes.

    BANDS is a folder of `riff train listen-renders`, which may be filled meanwhile. RUN/log.jsonl
    has what held-out bands gain, in dB, by group.
    """
    import torch

    from riffkit.errors import ParameterError
    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from train.listeners.separator.task import SeparatorTask
    from train.listeners.tracks import band_paths

    if not band_paths(bands):
        raise ParameterError(
            f"bands={str(bands)!r}: contains no bands; run `riff train listen-renders` first"
        )
    torch.manual_seed(0)
    task = SeparatorTask(lambda: band_paths(bands), band_paths(bands, held_out=True)[:held_out])
    config = LoopConfig(
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_images=800,
        ema_decay=ema_decay,
        schedule="constant",
        cooldown_images=cooldown,
        checkpoint_seconds=300,
        seconds=seconds,
        device=device,
    )
    for line in fit(task, config, run):
        print_line(line)


def export_separator(
    run: Run, file: Annotated[Path, typer.Argument(help="Safetensors file to write.")]
) -> None:
    """Write a run's averaged weights in half precision."""
    from train.listeners.separator.export import export

    export(run / "state.pt", file)
