"""`riff train probe`, `reference`, `renders` and `musicnn`: the judges of `riff eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def probe(
    run: Annotated[Path, typer.Argument(help="Folder of the training run.")],
    cache: Annotated[Path, typer.Option(help="Folder for the rendered bands.")],
    bands: Annotated[
        int, typer.Option(help="Bands to render, each heard in up to three clips.")
    ] = (2_000),
    held_out: Annotated[int, typer.Option(help="Bands for measuring.")] = 60,
    begin: Annotated[
        Path | None, typer.Option(help="Weights to go on from, such as the bundled probe's.")
    ] = None,
    images: Annotated[int, typer.Option(help="Images to train on in all.")] = 60_000,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    device: str = "auto",
) -> None:
    """Train the probe of `riff eval`, and write it to RUN/probe.safetensors.

    It is trained on images of preset crisp, of bands and single players in all keys. The same
    command goes on where it stopped.
    """
    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from riffkit.training.processes import is_main_process
    from train.judges.probe import ProbeTask, export_probe
    from train.judges.probe_clips import ProbeCache
    from train.lines import print_line
    from train.sounds.soundfonts import find_soundfonts

    clips = ProbeCache(cache)
    for n in clips.render(bands, held_out, find_soundfonts()):
        print(f"{n} bands rendered", flush=True)
    task = ProbeTask(clips.clips(), clips.held_out(), begin)
    config = LoopConfig(
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_images=1_000,
        device=device,
    )
    for line in fit(task, config, run / "probe"):
        print_line(line)
    if is_main_process():
        export_probe(task, run / "probe" / "state.pt", run / "probe.safetensors")


def reference(
    output: Annotated[Path, typer.Argument(help="Safetensors file to write.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the loops a model was trained on, to find copies of them."),
    ] = None,
) -> None:
    """Measure real renders, which `riff eval` compares generated clips with.

    Without --data only what the probe says of the prompts is measured anew, as after another
    training of it; the rest is that of the bundled reference.
    """
    from train.judges.eval_reference import make_reference, renew_adherence

    for n in renew_adherence(output) if data is None else make_reference(data, output):
        if n % 100 == 0:
            print(f"{n} clips rendered and measured", flush=True)


def renders(
    output: Annotated[Path, typer.Argument(help="Safetensors file to write, or to go on with.")],
    first: Annotated[int | None, typer.Option(help="How many of the scores. Default: all.")] = None,
    model: Annotated[
        str | None, typer.Option(help="A model whose autoencoder some also go through.")
    ] = None,
    coded: Annotated[int, typer.Option(help="With --model: how many.")] = 40,
) -> None:
    """Render the scores that are composed for the prompts of `riff eval`, and measure them.

    What the file has is kept: remove it after a change of the measures or the judges.
    """
    import torch

    from riffkit.models.pipeline import load_pipeline
    from train.judges.renders import make_renders
    from train.sounds.soundfonts import find_soundfonts

    torch.set_num_threads(1)
    coder = None if model is None else load_pipeline(model, device="cpu")
    for n in make_renders(output, find_soundfonts(), first=first, coder=coder, n_coded=coded):
        if n % 50 == 0:
            print(f"{n} scores rendered and measured", flush=True)


def musicnn(
    pipeline: Annotated[Path, typer.Argument(help="Folder MTT_musicnn from musicnn's wheel.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the two files to write.")],
) -> None:
    """Convert musicnn's tagger; `riff eval` compares sets of clips by its front end."""
    from train.tools.musicnn import export_musicnn

    export_musicnn(pipeline, folder)
