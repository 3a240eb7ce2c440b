"""A model on music of your own: a dataset folder (riff dataset build) becomes a LoRA or a model.

\b
    riff train lora DATASET RUN
    riff generate "your music" --lora RUN
    riff train full RUN --data DATASET
    riff generate "your music" --model RUN/model

The bundled model from nothing, one step after the other.

\b
    riff train render DATA --clips 8000
    riff train autoencoder DATA RUN
    riff train tokens RUN --bpe bpe_simple_vocab_16e6.txt.gz --sentence-encoder FOLDER
    riff train latents DATA RUN
    riff train full RUN
    riff train export RUN FOLDER
    riff train distill RUN FOLDER
    riff train render ROUGH --clips 1600 --first-seed 900000 --rough 0.6
    riff train grain ROUGH RUN FOLDER

The judges of riff eval, on the loops that the model was trained on:

\b
    riff train musicnn MTT_musicnn riffkit/weights/musicnn
    riff train probe DATA RUN
    riff train reference DATA reference.safetensors

Each training resumes when it is run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.errors import ParameterError
from train.tuning_commands import (
    FLAGS,
    LORA_FLAGS,
    Config,
    DryRun,
    check_installed,
    full_on_dataset,
    lora,
    with_flags,
)
from train.tuning_commands import print_line as _print_line
from train.vae import command as vae_command

app = typer.Typer(no_args_is_help=True, help=__doc__)
app.command()(with_flags(lora, tuple(FLAGS)))
app.command()(vae_command.stream)
app.command()(vae_command.vae)
app.command("export-vae")(vae_command.export_vae)


@app.callback()
def prepare() -> None:
    """Let diffusers and transformers be imported."""
    from riffkit.audio.torchaudio_compat import prepare as prepare_imports

    prepare_imports()


DataFolder = Annotated[Path, typer.Argument(help="folder of rendered loops")]
RunFolder = Annotated[Path, typer.Argument(help="folder of the training run")]
Images = Annotated[int, typer.Option(help="images to have seen at the end")]
Bpe = Annotated[
    Path, typer.Option(help="bpe_simple_vocab_16e6.txt.gz of the package open-clip-torch")
]
SentenceEncoder = Annotated[Path, typer.Option(help="folder of all-MiniLM-L6-v2")]


@app.command()
def render(
    data: DataFolder,
    clips: Annotated[int, typer.Option(help="how many loops")] = 8_000,
    first_seed: int = 0,
    workers: int = 2,
    rough: Annotated[
        float, typer.Option(help="share with overdrive, noise and sweeps: for the grain")
    ] = 0.0,
) -> None:
    """Write and render captioned loops as spectrogram images."""
    from train.render import render_loops

    done = 0
    for n in render_loops(
        data, n_clips=clips, first_seed=first_seed, n_workers=workers, rough=rough
    ):
        done += n
        print(f"{done} clips rendered", flush=True)


@app.command()
def tokens(run: RunFolder, bpe: Bpe, sentence_encoder: SentenceEncoder) -> None:
    """Write the tokenizer and the token vectors that the text encoder starts from."""
    import json

    from safetensors.torch import save_file

    from riffkit.atomic import atomic_path
    from train.text import token_vectors, write_tokenizer

    write_tokenizer(bpe, run / "tokenizer")
    vocab = json.loads((run / "tokenizer" / "vocab.json").read_text(encoding="utf-8"))
    with atomic_path(run / "token_vectors.safetensors") as path:
        save_file({"vectors": token_vectors(vocab, sentence_encoder)}, path)


@app.command()
def autoencoder(
    data: DataFolder,
    run: RunFolder,
    images: Images = 12_000,
    batch_size: int = 4,
    learning_rate: float = 1e-3,
    decoder_of: Annotated[
        Path | None, typer.Option(help="model folder whose decoder alone is to learn on")
    ] = None,
) -> None:
    """Train the autoencoder, and write it as a diffusers folder RUN/vae.

    With --decoder-of the encoder stays that model's, and with it all latents and the denoiser.
    """
    import torch
    from diffusers import AutoencoderKL

    from train.autoencoder import AutoencoderTask, new_autoencoder, standardize_latents
    from train.config import LoopConfig
    from train.crops import Crops
    from train.loop import fit
    from train.processes import is_main_process
    from train.state import load_ema

    start = None
    if decoder_of is not None:
        _check(decoder_of / "vae" / "config.json", "--decoder-of takes a model folder")
        start = AutoencoderKL.from_pretrained(decoder_of / "vae", torch_dtype=torch.float32)
    config = LoopConfig(
        images=images, batch_size=batch_size, learning_rate=learning_rate, warmup_images=400
    )
    crops = Crops(data)
    for line in fit(AutoencoderTask(crops, decoder_of=start), config, run / "autoencoder"):
        _print_line(line)
    if not is_main_process():
        return
    network = new_autoencoder()
    load_ema(network, run / "autoencoder" / "state.pt")
    if start is None:
        standardize_latents(network, crops)
    network.save_pretrained(run / "vae")


@app.command()
def grain(
    data: DataFolder,
    run: RunFolder,
    model: Annotated[Path, typer.Argument(help="model folder, whose grain is written")],
    images: Images = 100_000,
    batch_size: int = 8,
    learning_rate: float = 1e-3,
    device: str = "auto",
) -> None:
    """Teach a model to draw the fine detail that its autoencoder smooths away."""
    import torch
    from diffusers import AutoencoderKL

    from train.config import LoopConfig
    from train.crops import Crops
    from train.grain import GrainTask, export_grain
    from train.loop import fit
    from train.processes import is_main_process

    _check(model / "vae" / "config.json", "MODEL is a model folder")
    torch.manual_seed(0)
    coder = AutoencoderKL.from_pretrained(model / "vae", torch_dtype=torch.float32)
    config = LoopConfig(
        images=images, batch_size=batch_size, learning_rate=learning_rate, device=device
    )
    for line in fit(GrainTask(Crops(data), coder), config, run / "grain"):
        _print_line(line)
    if is_main_process():
        export_grain(run / "grain" / "state.pt", model)


@app.command()
def latents(data: DataFolder, run: RunFolder) -> None:
    """Encode every loop once."""
    from diffusers import AutoencoderKL
    from transformers import CLIPTokenizer

    from train.latents import cache_latents

    _check(run / "vae" / "config.json", "riff train autoencoder, or copy a model's vae there")
    _check(run / "tokenizer" / "vocab.json", "riff train tokens, or copy a model's tokenizer there")
    vae = AutoencoderKL.from_pretrained(run / "vae")
    tokenizer = CLIPTokenizer.from_pretrained(str(run / "tokenizer"))
    for n in cache_latents(data, run / "latents", vae, tokenizer):
        print(f"{n} clips encoded", flush=True)


def full(
    run: RunFolder,
    data: Annotated[
        Path | None, typer.Option(help="dataset folder; without: the run's rendered loops")
    ] = None,
    config: Config = None,
    dry_run: DryRun = False,
    warm_start: Annotated[
        Path | None, typer.Option(help="model folder whose weights a new run of loops starts from")
    ] = None,
    **flags: Any,
) -> None:
    """Train all weights on a dataset folder, or from nothing on RUN's cached latents.

    With --data the model that is fine-tuned goes to RUN/model. Without, UNet and text encoder are
    trained on RUN/latents; only --images, --batch-size, --learning-rate, --device and
    --warm-start count. A warm start needs latents of the same autoencoder: copy the model's vae
    to RUN/vae first.
    """
    if data is not None:
        if warm_start is not None:
            raise ParameterError("warm_start: is for runs without --data; give --model")
        full_on_dataset(data, run, config, dry_run, flags)
        return
    given = {name: value for name, value in flags.items() if value is not None}
    for name in (*given, *(["config"] if config else []), *(["dry_run"] if dry_run else [])):
        if name not in _LOOP_FLAGS:
            raise ParameterError(f"{name}: needs --data DATASET")
    _full_on_loops(run, warm_start, **{**_LOOP_FLAGS, **given})


app.command()(with_flags(full, tuple(name for name in FLAGS if name not in LORA_FLAGS)))
_LOOP_FLAGS = {"images": 150_000, "batch_size": 32, "learning_rate": 8e-4, "device": "auto"}


def _full_on_loops(
    run: Path,
    warm_start: Path | None,
    *,
    images: int,
    batch_size: int,
    learning_rate: float,
    device: str,
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import CLIPTokenizer

    from train.config import LoopConfig
    from train.full import DiffusionTask, TextToLatents, load_networks, new_unet
    from train.latents import read_latents
    from train.loop import fit
    from train.text import new_text_encoder, with_token_vectors

    torch.manual_seed(0)
    _check(run / "tokenizer" / "vocab.json", "riff train tokens, or copy a model's tokenizer there")
    if warm_start is not None:
        _check(warm_start / "unet" / "config.json", "--warm-start takes a model folder")
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
        _print_line(line)


@app.command()
def export(
    run: RunFolder, folder: Annotated[Path, typer.Argument(help="model folder to write")]
) -> None:
    """Write the run as an ordinary StableDiffusionPipeline folder, in half precision."""
    _check(run / "full" / "state.pt", "riff train full")
    _check(run / "vae" / "config.json", "riff train autoencoder")
    from train.export import export_pipeline

    export_pipeline(run, folder)


@app.command()
def distill(
    run: RunFolder,
    model: Annotated[Path, typer.Argument(help="model folder, whose few steps are written")],
    images: Images = 12_000,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    device: str = "auto",
) -> None:
    """Teach a model to do with four unguided steps, on the run's cached latents."""
    check_installed("peft")
    from train.config import LoopConfig
    from train.distill import DistillTask, export_lora
    from train.latents import read_latents
    from train.loop import fit
    from train.processes import is_main_process

    _check(model / "unet" / "config.json", "MODEL is a model folder, such as riff train export's")
    config = LoopConfig(
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_images=400,
        ema_decay=0.99,
        device=device,
    )
    for line in fit(DistillTask(model, read_latents(run / "latents")), config, run / "distill"):
        _print_line(line)
    if is_main_process():
        export_lora(model, run / "distill" / "state.pt", model)


@app.command()
def probe(
    data: DataFolder,
    run: RunFolder,
    images: Images = 60_000,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    device: str = "auto",
) -> None:
    """Train the listener of `riff eval`, and write it to RUN/probe.safetensors."""
    from train.config import LoopConfig
    from train.loop import fit
    from train.probe import ProbeTask, export_probe
    from train.processes import is_main_process

    task = ProbeTask(data)
    config = LoopConfig(
        images=images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_images=1_000,
        device=device,
    )
    for line in fit(task, config, run / "probe"):
        _print_line(line)
    if is_main_process():
        export_probe(task, run / "probe" / "state.pt", run / "probe.safetensors")


@app.command()
def reference(
    data: DataFolder, output: Annotated[Path, typer.Argument(help="safetensors file to write")]
) -> None:
    """Measure real renders: what `riff eval` holds generated clips against."""
    from train.eval_reference import make_reference

    for n in make_reference(data, output):
        if n % 100 == 0:
            print(f"{n} clips rendered and measured", flush=True)


@app.command()
def musicnn(
    pipeline: Annotated[Path, typer.Argument(help="folder MTT_musicnn of musicnn's wheel")],
    folder: Annotated[Path, typer.Argument(help="folder of the two files to write")],
) -> None:
    """Convert the tagger, whose front-end `riff eval` compares sets of clips by."""
    from train.musicnn import export_musicnn

    export_musicnn(pipeline, folder)


@app.command()
def chorales(file: Annotated[Path, typer.Argument(help="file to write")]) -> None:
    """Take two-bar phrases of Bach's chorales out of music21's corpus."""
    from train.bach_corpus import write_phrases

    print(f"{write_phrases(file)} phrases → {file}")


@app.command()
def seeds(file: Annotated[Path, typer.Argument(help="file to write")]) -> None:
    """Encode the bundled seeds of riff loop --theme."""
    from train.seeds import write_seeds

    print(f"{', '.join(write_seeds(file))} → {file}")


def _check(path: Path, remedy: str) -> None:
    """ParameterError where a file is missing that an earlier step makes."""
    if not path.is_file():
        raise ParameterError(f"{path.parent.name}/{path.name} is missing: {remedy}")
