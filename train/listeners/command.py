"""`riff train listen-renders`: what the networks that listen are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(help="Folder of the training run.")]
Bands = Annotated[Path, typer.Option("--bands", help="Folder of rendered bands.")]
_HELD_OUT = 24


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


def transcriber(
    run: Run,
    bands: Bands,
    drums: Annotated[
        bool, typer.Option("--drums", help="Train the network of the drums, not of the pitches.")
    ] = False,
    images: Annotated[int, typer.Option(help="Mixes to train on in all.")] = 60_000,
    cooldown: Annotated[
        int, typer.Option(help="Mixes at the end over which the learning rate falls to 0.")
    ] = 20_000,
    batch_size: int = 8,
    learning_rate: float = 2e-3,
    ema_decay: float = 0.998,
    device: str = "auto",
) -> None:
    """Train a network of the transcriber on mixes of rendered bands. The same command resumes.

    The two lie in RUN/pitches and RUN/drums; their log.jsonl has F1 in held-out bands.
    """
    import torch

    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from train.lines import print_line
    from train.listeners.transcriber.library import Library
    from train.listeners.transcriber.task import DrumTask, PitchTask

    torch.manual_seed(0)
    config = LoopConfig(
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_images=50 * batch_size,
        ema_decay=ema_decay,
        schedule="constant",
        cooldown_images=cooldown,
        device=device,
    )
    library = Library(bands, n_held_out=_HELD_OUT)
    task = DrumTask(library) if drums else PitchTask(library)
    for line in fit(task, config, run / ("drums" if drums else "pitches")):
        print_line(line)


def export_transcriber(
    run: Run, path: Annotated[Path, typer.Argument(help="Safetensors file to write.")]
) -> None:
    """Write the transcriber of a run, in half precision."""
    from riffkit.errors import ParameterError
    from train.listeners.transcriber.export import export_transcriber as write

    states = [run / part / "state.pt" for part in ("pitches", "drums")]
    for state in states:
        if not state.exists():
            raise ParameterError(
                f"{state.parent.name}/{state.name} is missing: run `riff train transcriber`"
            )
    write(states[0], states[1], path)
