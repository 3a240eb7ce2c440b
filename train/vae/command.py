"""`riff train vae`, with its cache of rendered clips and its export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from train.lines import print_line
from train.stream import DEFAULT_AHEAD, DEFAULT_MEGABYTES

if TYPE_CHECKING:
    from train.vae.network import VaeConfig

Run = Annotated[Path, typer.Argument(help="Folder of the training run.")]
Cache = Annotated[Path, typer.Option(help="Folder for rendered clips.")]
Preset = Annotated[str, typer.Option(help="Spectrogram preset of the images.")]
Megabytes = Annotated[int, typer.Option(help="Maximum size of the cache.")]
Ahead = Annotated[int, typer.Option(help="Clips to render ahead of the training.")]
Workers = Annotated[
    int, typer.Option(help="Rendering processes. 0: alternate rendering and training.")
]


def stream(
    cache: Cache,
    preset: Preset = "crisp",
    megabytes: Megabytes = DEFAULT_MEGABYTES,
    ahead: Ahead = DEFAULT_AHEAD,
) -> None:
    """Render clips into a cache that trainings read from, until stopped. One process."""
    from riffkit.spectrogram.params import preset as find_preset
    from train.stream.ring import Ring
    from train.stream.workers import Pace, fill

    fill(Ring(cache, find_preset(preset), max_bytes=megabytes << 20), Pace(ahead))


def vae(
    run: Run,
    cache: Cache,
    preset: Preset = "crisp",
    workers: Workers = 1,
    images: Annotated[int, typer.Option(help="Crops to train on in all.")] = 1_000_000,
    cooldown: Annotated[
        int, typer.Option(help="Crops at the end over which the learning rate falls to 0.")
    ] = 0,
    batch_size: int = 4,
    learning_rate: float = 7e-4,
    ema_decay: float = 0.9995,
    sound_channels: Annotated[int, typer.Option(help="Latent channels besides the bar cue's.")] = 8,
    fold: Annotated[int, typer.Option(help="Pixels per side folded into channels: 4 or 1.")] = 4,
    start: Annotated[
        Path | None, typer.Option("--from", help="Snapshot whose weights a new run starts from.")
    ] = None,
    megabytes: Megabytes = DEFAULT_MEGABYTES,
    ahead: Ahead = DEFAULT_AHEAD,
    device: str = "auto",
) -> None:
    """Train riff-mini 2's autoencoder on rendered clips as they arrive. The same command resumes.

    RUN/log.jsonl has the mean errors of held-out mixes, single tracks and guides, in 8-bit
    levels. RUN/snapshots has the averaged weights at intervals.
    """
    import torch

    from riffkit.spectrogram.params import preset as find_preset
    from train.stream.ring import Ring
    from train.stream.workers import Pace
    from train.vae.run import VaeRun

    torch.manual_seed(0)
    ring = Ring(cache, find_preset(preset), max_bytes=megabytes << 20)
    training = VaeRun(run, ring, workers=workers, pace=Pace(ahead))
    for line in training.fit(
        network=_network(sound_channels, fold),
        start=start,
        images=images,
        cooldown_images=cooldown,
        batch_size=batch_size,
        learning_rate=learning_rate,
        ema_decay=ema_decay,
        device=device,
    ):
        print_line(line)


def export_vae(
    run: Run,
    folder: Annotated[Path, typer.Argument(help="Diffusers folder to write.")],
    cache: Cache,
    preset: Preset = "crisp",
) -> None:
    """Write a run's autoencoder, with its latents standardized on the clips of the cache."""
    from riffkit.spectrogram.params import preset as find_preset
    from train.stream.ring import Ring
    from train.vae.export import export_vae as write

    write(run, Ring(cache, find_preset(preset)), folder)


def _network(sound_channels: int, fold: int) -> VaeConfig:
    from train.vae.network import FOLDED, UNFOLDED

    base = FOLDED if fold == 4 else UNFOLDED
    return base.with_sound_channels(sound_channels)
