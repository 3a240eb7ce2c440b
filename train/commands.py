"""Train the bundled weights from scratch, step by step (in a checkout only).

\b
    riff train stream --cache CACHE
    riff train vae RUN --cache CACHE
    riff train export-vae RUN VAE --cache CACHE
    riff train pairs --cache PAIRS --vae VAE
    riff train denoiser RUN --cache PAIRS --vae VAE
    riff train export-denoiser RUN FOLDER --cache PAIRS --vae VAE
    riff train distill FEW FOLDER --cache PAIRS --vae VAE
    riff train pack OUT --vae VAE
    riff train seeds FILE
    riff train chorales FILE

The judges of `riff eval`, which hear sound, whatever the model:

\b
    riff train musicnn MTT_musicnn riffkit/weights/musicnn
    riff train probe RUN --cache CACHE
    riff train render DATA
    riff train reference reference.safetensors --data DATA
    riff train renders riffkit/weights/probe/renders.safetensors

The networks that listen, which learn from bands rendered track by track:

\b
    riff train listen-renders BANDS
    riff train separator RUN --bands BANDS
    riff train export-separator RUN riffkit/weights/separator/separator.safetensors
    riff train transcriber RUN --bands BANDS
    riff train transcriber RUN --bands BANDS --drums
    riff train export-transcriber RUN riffkit/weights/transcriber/transcriber.safetensors
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Annotated

import typer

from train.denoiser import command as denoiser_command
from train.judges import command as judges_command
from train.listeners import command as listeners_command
from train.listeners.separator import command as separator_command
from train.pack import command as pack_command
from train.vae import command as vae_command


def added_to(group: typer.Typer) -> typer.Typer:
    """`riff train` with these commands too."""
    app = copy(group)
    app.info = copy(group.info)
    app.info.help = f"{group.info.help}\n{__doc__}"
    app.registered_commands = [*group.registered_commands]
    for command in (
        render,
        judges_command.probe,
        judges_command.reference,
        judges_command.renders,
        judges_command.musicnn,
        chorales,
        seeds,
        vae_command.stream,
        vae_command.vae,
        denoiser_command.pairs,
        denoiser_command.denoiser,
        denoiser_command.distill,
        pack_command.pack,
        separator_command.separator,
    ):
        app.command()(command)
    app.command("listen-renders")(listeners_command.listen_renders)
    app.command("export-separator")(separator_command.export_separator)
    app.command("transcriber")(listeners_command.transcriber)
    app.command("export-transcriber")(listeners_command.export_transcriber)
    app.command("export-vae")(vae_command.export_vae)
    app.command("export-denoiser")(denoiser_command.export_denoiser)
    return app


DataFolder = Annotated[Path, typer.Argument(help="Folder of rendered loops.")]


def render(
    data: DataFolder,
    clips: Annotated[int, typer.Option(help="Number of loops.")] = 8_000,
    first_seed: int = 0,
    workers: int = 2,
) -> None:
    """Write and render captioned loops as spectrogram images."""
    from train.loops.render import render_loops

    done = 0
    for n in render_loops(data, n_clips=clips, first_seed=first_seed, n_workers=workers):
        done += n
        print(f"{done} clips rendered", flush=True)


def chorales(file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Extract two-bar phrases of Bach's chorales from music21's corpus."""
    from train.tools.bach_corpus import write_phrases

    print(f"{write_phrases(file)} phrases → {file}")


def seeds(file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Encode the bundled seeds for `riff loop --theme`."""
    from train.loops.seeds import write_seeds

    print(f"{', '.join(write_seeds(file))} → {file}")
