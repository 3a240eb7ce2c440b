"""Train the bundled weights from scratch, step by step (in a checkout only).

\b
    riff train render DATA --clips 8000
    riff train autoencoder DATA RUN
    riff train tokens RUN --bpe bpe_simple_vocab_16e6.txt.gz --sentence-encoder FOLDER
    riff train latents DATA RUN
    riff train denoiser-1 RUN
    riff train export RUN FOLDER
    riff train distill-1 RUN FOLDER
    riff train render ROUGH --clips 1600 --first-seed 900000 --rough 0.6
    riff train grain ROUGH RUN FOLDER

The judges of `riff eval`, which hear sound, whatever the model:

\b
    riff train musicnn MTT_musicnn riffkit/weights/musicnn
    riff train probe RUN --cache CACHE
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

The bundled themes and chorales (`seeds`, `chorales`), and riff-mini 2:

\b
    riff train stream --cache CACHE
    riff train vae RUN --cache CACHE
    riff train export-vae RUN VAE --cache CACHE
    riff train pairs --cache PAIRS --vae VAE
    riff train denoiser RUN --cache PAIRS --vae VAE
    riff train export-denoiser RUN FOLDER --cache PAIRS --vae VAE
    riff train distill FEW FOLDER --cache PAIRS --vae VAE
    riff train pack OUT --vae VAE
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.training import check_installed
from riffkit.errors import ParameterError
from train.denoiser import command as denoiser_command
from train.judges import command as judges_command
from train.lines import print_line
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
        tokens,
        autoencoder,
        grain,
        latents,
        export,
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
        app.command()(_prepared(command))
    app.command("listen-renders")(_prepared(listeners_command.listen_renders))
    app.command("export-separator")(_prepared(separator_command.export_separator))
    app.command("transcriber")(_prepared(listeners_command.transcriber))
    app.command("export-transcriber")(_prepared(listeners_command.export_transcriber))
    app.command("denoiser-1")(_prepared(denoiser_1))
    app.command("distill-1")(_prepared(distill_1))
    app.command("export-vae")(_prepared(vae_command.export_vae))
    app.command("export-denoiser")(_prepared(denoiser_command.export_denoiser))
    return app


def _prepared(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which may import diffusers and transformers."""

    @wraps(command)
    def run(**values: Any) -> None:
        from riffkit.audio.torchaudio_compat import prepare

        prepare()
        command(**values)

    return run


DataFolder = Annotated[Path, typer.Argument(help="Folder of rendered loops.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of the training run.")]
Images = Annotated[int, typer.Option(help="Images to train on in all.")]
Bpe = Annotated[
    Path, typer.Option(help="bpe_simple_vocab_16e6.txt.gz from the package open-clip-torch.")
]
SentenceEncoder = Annotated[Path, typer.Option(help="Folder of all-MiniLM-L6-v2.")]


def render(
    data: DataFolder,
    clips: Annotated[int, typer.Option(help="Number of loops.")] = 8_000,
    first_seed: int = 0,
    workers: int = 2,
    rough: Annotated[
        float, typer.Option(help="Fraction with overdrive, noise and sweeps, for the grain.")
    ] = 0.0,
) -> None:
    """Write and render captioned loops as spectrogram images."""
    from train.mini.render import render_loops

    done = 0
    for n in render_loops(
        data, n_clips=clips, first_seed=first_seed, n_workers=workers, rough=rough
    ):
        done += n
        print(f"{done} clips rendered", flush=True)


def tokens(run: RunFolder, bpe: Bpe, sentence_encoder: SentenceEncoder) -> None:
    """Write the tokenizer and the token vectors that the text encoder starts from."""
    import json

    from safetensors.torch import save_file

    from riffkit.atomic import atomic_path
    from train.mini.text import token_vectors, write_tokenizer

    write_tokenizer(bpe, run / "tokenizer")
    vocab = json.loads((run / "tokenizer" / "vocab.json").read_text(encoding="utf-8"))
    with atomic_path(run / "token_vectors.safetensors") as path:
        save_file({"vectors": token_vectors(vocab, sentence_encoder)}, path)


def autoencoder(
    data: DataFolder,
    run: RunFolder,
    images: Images = 12_000,
    batch_size: int = 4,
    learning_rate: float = 1e-3,
    decoder_of: Annotated[
        Path | None, typer.Option(help="Model folder: train only its decoder further.")
    ] = None,
) -> None:
    """Train the bundled model's autoencoder, and write it as a diffusers folder RUN/vae.

    With --decoder-of, the encoder stays that model's, so its latents and denoiser still fit.
    """
    import torch
    from diffusers import AutoencoderKL

    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from riffkit.training.processes import is_main_process
    from riffkit.training.state import load_ema
    from train.mini.autoencoder import AutoencoderTask, new_autoencoder, standardize_latents
    from train.mini.crops import Crops

    start = None
    if decoder_of is not None:
        _check(decoder_of / "vae" / "config.json", "give --decoder-of a model folder")
        start = AutoencoderKL.from_pretrained(decoder_of / "vae", torch_dtype=torch.float32)
    config = LoopConfig(
        images=images, batch_size=batch_size, learning_rate=learning_rate, warmup_images=400
    )
    crops = Crops(data)
    for line in fit(AutoencoderTask(crops, decoder_of=start), config, run / "autoencoder"):
        print_line(line)
    if not is_main_process():
        return
    network = new_autoencoder()
    load_ema(network, run / "autoencoder" / "state.pt")
    if start is None:
        standardize_latents(network, crops)
    network.save_pretrained(run / "vae")


def grain(
    data: DataFolder,
    run: RunFolder,
    model: Annotated[Path, typer.Argument(help="Model folder to write the grain into.")],
    images: Images = 100_000,
    batch_size: int = 8,
    learning_rate: float = 1e-3,
    device: str = "auto",
) -> None:
    """Teach a model to draw the fine detail that its autoencoder smooths away."""
    import torch
    from diffusers import AutoencoderKL

    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from riffkit.training.processes import is_main_process
    from train.mini.crops import Crops
    from train.mini.grain import GrainTask, export_grain

    _check(model / "vae" / "config.json", "give a model folder")
    torch.manual_seed(0)
    coder = AutoencoderKL.from_pretrained(model / "vae", torch_dtype=torch.float32)
    config = LoopConfig(
        images=images, batch_size=batch_size, learning_rate=learning_rate, device=device
    )
    for line in fit(GrainTask(Crops(data), coder), config, run / "grain"):
        print_line(line)
    if is_main_process():
        export_grain(run / "grain" / "state.pt", model)


def latents(data: DataFolder, run: RunFolder) -> None:
    """Encode every loop once."""
    from diffusers import AutoencoderKL
    from transformers import CLIPTokenizer

    from train.mini.latents import cache_latents

    _check(run / "vae" / "config.json", "run `riff train autoencoder`, or copy a model's vae there")
    _check(
        run / "tokenizer" / "vocab.json",
        "run `riff train tokens`, or copy a model's tokenizer there",
    )
    vae = AutoencoderKL.from_pretrained(run / "vae")
    tokenizer = CLIPTokenizer.from_pretrained(str(run / "tokenizer"))
    for n in cache_latents(data, run / "latents", vae, tokenizer):
        print(f"{n} clips encoded", flush=True)


def denoiser_1(
    run: RunFolder,
    images: Images = 150_000,
    batch_size: int = 32,
    learning_rate: float = 8e-4,
    device: str = "auto",
    warm_start: Annotated[
        Path | None, typer.Option(help="Model folder whose weights a new run starts from.")
    ] = None,
) -> None:
    """Train riff-mini 1's UNet and text encoder from scratch on RUN/latents.

    A warm start needs latents of the same autoencoder: copy the model's vae to RUN/vae first.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import CLIPTokenizer

    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from train.mini.full import DiffusionTask, TextToLatents, load_networks, new_unet
    from train.mini.latents import read_latents
    from train.mini.text import new_text_encoder, with_token_vectors

    torch.manual_seed(0)
    _check(
        run / "tokenizer" / "vocab.json",
        "run `riff train tokens`, or copy a model's tokenizer there",
    )
    if warm_start is not None:
        _check(warm_start / "unet" / "config.json", "give --warm-start a model folder")
    clips = read_latents(run / "latents")
    n_facts = next(iter(clips.values())).facts.shape[1]
    if warm_start is None:
        vectors = load_file(run / "token_vectors.safetensors")["vectors"]
        text_encoder = with_token_vectors(new_text_encoder(), vectors)
        network = TextToLatents(new_unet(), text_encoder, n_facts=n_facts)
    else:
        network = load_networks(warm_start, n_facts=n_facts)
    tokenizer = CLIPTokenizer.from_pretrained(str(run / "tokenizer"))
    empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]
    task = DiffusionTask(network, clips, empty_tokens=empty)
    config = LoopConfig(
        images=images, batch_size=batch_size, learning_rate=learning_rate, device=device
    )
    for line in fit(task, config, run / "full"):
        print_line(line)


def export(
    run: RunFolder, folder: Annotated[Path, typer.Argument(help="Model folder to write.")]
) -> None:
    """Write the run as an ordinary StableDiffusionPipeline folder, in half precision."""
    _check(run / "full" / "state.pt", "run `riff train denoiser-1`")
    _check(run / "vae" / "config.json", "run `riff train autoencoder`")
    from train.mini.export import export_pipeline

    export_pipeline(run, folder)


def distill_1(
    run: RunFolder,
    model: Annotated[Path, typer.Argument(help="Model folder to write the few-step LoRA into.")],
    images: Images = 12_000,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    device: str = "auto",
) -> None:
    """Teach a model to paint in four unguided steps, using the run's cached latents."""
    check_installed("peft")
    from riffkit.training.config import LoopConfig
    from riffkit.training.loop import fit
    from riffkit.training.processes import is_main_process
    from train.distill import DistillTask, export_lora
    from train.mini.batches import Loops
    from train.mini.latents import read_latents

    _check(
        model / "unet" / "config.json", "give a model folder, such as one from `riff train export`"
    )
    config = LoopConfig(
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_images=400,
        ema_decay=0.99,
        device=device,
    )
    task = DistillTask(model, Loops(read_latents(run / "latents")))
    for line in fit(task, config, run / "distill"):
        print_line(line)
    if is_main_process():
        export_lora(model, run / "distill" / "state.pt", model)


def chorales(file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Extract two-bar phrases of Bach's chorales from music21's corpus."""
    from train.tools.bach_corpus import write_phrases

    print(f"{write_phrases(file)} phrases → {file}")


def seeds(file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Encode the bundled seeds for `riff loop --theme`."""
    from train.mini.seeds import write_seeds

    print(f"{', '.join(write_seeds(file))} → {file}")


def _check(path: Path, remedy: str) -> None:
    """Raise ParameterError if a file from an earlier step is missing."""
    if not path.is_file():
        raise ParameterError(f"{path.parent.name}/{path.name} is missing: {remedy}")
