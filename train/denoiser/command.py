"""`riff train denoiser`, with its cache of rendered pairs and its export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riffkit.errors import ParameterError
from train.lines import print_line
from train.stream import DEFAULT_AHEAD, DEFAULT_MEGABYTES, DEFAULT_VIEWS

if TYPE_CHECKING:
    from train.denoiser.latents import PairRing

Vae = Annotated[
    Path,
    typer.Option(help="Frozen autoencoder: a folder of `riff train export-vae`, or a snapshot."),
]
Cache = Annotated[Path, typer.Option(help="Folder for rendered pairs.")]
Preset = Annotated[str, typer.Option(help="Spectrogram preset of the images.")]
Megabytes = Annotated[int, typer.Option(help="Maximum size of the cache.")]
Ahead = Annotated[int, typer.Option(help="Pairs to render ahead of the training.")]
Views = Annotated[int, typer.Option(min=1, help="Pictures to train on for each pair rendered.")]
Workers = Annotated[
    int, typer.Option(help="Rendering processes. 0: alternate rendering and training.")
]
PerLevel = "Comma-separated, one number per level, from the latents' resolution down."


def pairs(
    cache: Cache,
    vae: Vae,
    preset: Preset = "crisp",
    megabytes: Megabytes = DEFAULT_MEGABYTES,
    ahead: Ahead = DEFAULT_AHEAD,
    views: Views = DEFAULT_VIEWS,
) -> None:
    """Render pairs of music and guide into a cache that trainings read from, until stopped."""
    from train.stream.workers import Pace, fill

    fill(_ring(cache, vae, preset, megabytes), Pace(ahead, views))


def denoiser(
    run: Annotated[Path, typer.Argument(help="Folder of the training run.")],
    vae: Vae,
    cache: Cache,
    preset: Preset = "crisp",
    workers: Workers = 1,
    images: Annotated[int, typer.Option(help="Pictures to train on in all.")] = 2_000_000,
    cooldown: Annotated[
        int, typer.Option(help="Pictures at the end over which the learning rate falls to 0.")
    ] = 0,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    ema_decay: float = 0.999,
    channels: Annotated[str, typer.Option(help=f"Channels. {PerLevel}")] = "128,96,128,144",
    layers: Annotated[
        str, typer.Option(help=f"Blocks. {PerLevel} 0: the level only folds.")
    ] = "1,1,1,1",
    attention: Annotated[
        str, typer.Option(help=f"1 for levels with attention. {PerLevel}")
    ] = "0,0,1,1",
    start: Annotated[
        Path | None, typer.Option("--from", help="Snapshot whose weights a new run starts from.")
    ] = None,
    megabytes: Megabytes = DEFAULT_MEGABYTES,
    ahead: Ahead = DEFAULT_AHEAD,
    views: Views = DEFAULT_VIEWS,
    checkpoint_seconds: Annotated[
        float, typer.Option(help="Seconds between checkpoints, each with the held-out losses.")
    ] = 480.0,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so long, with everything written.")
    ] = None,
    device: str = "auto",
) -> None:
    """Train riff-mini 2's denoiser on pairs of music and guide. The same command resumes.

    RUN/log.jsonl has the losses on held-out stems and mixes: guided, unguided, and without a
    caption. RUN/snapshots has the averaged weights at intervals.
    """
    from train.denoiser.network import DenoiserConfig
    from train.denoiser.run import DenoiserRun
    from train.stream.workers import Pace

    config = DenoiserConfig(
        channels=_numbers("channels", channels),
        layers=_numbers("layers", layers),
        attention=_numbers("attention", attention),
    )
    ring = _ring(cache, vae, preset, megabytes)
    training = DenoiserRun(run, ring, workers=workers, pace=Pace(ahead, views))
    for line in training.fit(
        network=replace(config, sound_channels=ring.sound_channels),
        start=start,
        images=images,
        cooldown_images=cooldown,
        batch_size=batch_size,
        learning_rate=learning_rate,
        ema_decay=ema_decay,
        checkpoint_seconds=checkpoint_seconds,
        seconds=seconds,
        device=device,
    ):
        print_line(line)


def distill(
    run: Annotated[Path, typer.Argument(help="Folder of the training run.")],
    model: Annotated[Path, typer.Argument(help="Model folder to write the few-step LoRA into.")],
    vae: Vae,
    cache: Cache,
    preset: Preset = "crisp",
    workers: Workers = 1,
    images: Annotated[int, typer.Option(help="Pictures to train on in all.")] = 12_000,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    megabytes: Megabytes = DEFAULT_MEGABYTES,
    ahead: Ahead = DEFAULT_AHEAD,
    views: Views = DEFAULT_VIEWS,
    device: str = "auto",
) -> None:
    """Teach a guided model to paint in four steps without guidance. The same command resumes."""
    from riffkit.commands.training import check_installed
    from riffkit.training.processes import is_main_process
    from train.denoiser.few_steps import FewSteps
    from train.distill import export_lora
    from train.stream.workers import Pace

    check_installed("peft")
    training = FewSteps(run, model, _ring(cache, vae, preset, megabytes))
    for line in training.fit(
        workers=workers,
        pace=Pace(ahead, views),
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        device=device,
    ):
        print_line(line)
    if is_main_process():
        export_lora(model, run / "state.pt", model)


def export_denoiser(
    run: Annotated[Path, typer.Argument(help="Folder of the run, or one of its snapshots.")],
    folder: Annotated[Path, typer.Argument(help="Model folder to write.")],
    vae: Vae,
    cache: Cache,
    preset: Preset = "crisp",
    ema_decay: Annotated[
        float | None, typer.Option(help="One of the run's other averages. Default: the main one.")
    ] = None,
) -> None:
    """Write a guided model folder, in half precision, which riffkit loads and diffusers can."""
    from riffkit.spectrogram.params import preset as find_preset
    from train.denoiser.export import export

    export(run, _frozen(cache, vae, preset), folder, find_preset(preset), ema_decay=ema_decay)


def _ring(cache: Path, vae: Path, preset: str, megabytes: int) -> PairRing:
    from riffkit.spectrogram.params import preset as find_preset
    from train.denoiser.latents import PairRing

    params = find_preset(preset)
    return PairRing(cache, params, _frozen(cache, vae, preset), max_bytes=megabytes << 20)


def _frozen(cache: Path, vae: Path, preset: str) -> Path:
    """The autoencoder's folder; a snapshot is standardised once, on rendered clips."""
    from riffkit.spectrogram.params import preset as find_preset
    from train.denoiser.autoencoder import frozen_folder
    from train.sounds.soundfonts import find_soundfonts
    from train.stream.recipe import draw_clip

    params = find_preset(preset)
    return frozen_folder(vae, cache, lambda n: draw_clip(n, params, find_soundfonts()))


def _numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ParameterError(f"{name}={text!r}: must be whole numbers with commas") from error
