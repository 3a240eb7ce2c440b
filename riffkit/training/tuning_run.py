"""`riff train lora` and `riff train full`: from a dataset folder to a file or a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from riffkit.atomic import atomic_path, output_error
from riffkit.dataset.formats import DatasetInfo, dataset_fingerprint, n_in_shards, shard_paths
from riffkit.models.lora import PARTS
from riffkit.models.lora_file import FILE
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.progress import Advance, Begin, silent
from riffkit.provenance.recipe import versions
from riffkit.training.adapters import (
    KOHYA_FILE,
    add_lora,
    in_half,
    lora_layers,
    save_kohya,
    save_lora,
    without_lora,
)
from riffkit.training.clips import TrainingClips, embed, open_dataset, read_clips, tokens_of
from riffkit.training.export import export_tuned
from riffkit.training.loop import fit
from riffkit.training.plan import (
    MODEL_FOLDER,
    RECIPE,
    SAMPLES,
    STATE,
    check_run,
    kind_of,
    plan_tuning,
)
from riffkit.training.prior_preservation import prior_pictures, prior_prompts
from riffkit.training.processes import (
    frozen_dtype,
    is_main_process,
    local_device,
    main_process_first,
)
from riffkit.training.samples import learning, sample_clips, save_samples
from riffkit.training.settings import LoraSettings, TuningSettings
from riffkit.training.state import load_ema
from riffkit.training.tensorboard_log import Board
from riffkit.training.tuning import Denoiser, TuningTask

_SMOOTHING = 0.98  # of the loss that is shown, from step to step


def tune(
    data: str | Path, run: str | Path, settings: TuningSettings, *, begin: Begin = silent
) -> Iterator[dict[str, float]]:
    """Train on a dataset folder; run the same again to resume.

    Args:
        data: dataset folder.
        run: folder of the run. A LoRA is written to RUN/pytorch_lora_weights.safetensors (and with
            `kohya` to a second file), a model to RUN/model, samples to RUN/samples.
        settings: `LoraSettings` or `FullSettings`.
        begin: called with the name and the number of steps of each stage; returns a callback that
            is called after each step.

    Returns:
        An iterator that trains: it yields the figures of each logged line.

    Raises:
        ParameterError: the dataset doesn't suit the model, or the folder has another run.
        ModelError: the base model can't be loaded.
        OutputError: the folder can't be written.

    Example:
        for figures in riffkit.tune("dataset", "run", riffkit.LoraSettings(images=2_000)):
            print(figures)
    """
    data, run = Path(data), Path(run)
    plan = plan_tuning(data, run, settings)
    begin(f"loading {settings.model}")
    device = local_device(settings.device)
    pipeline = load_pipeline(settings.model, device=str(device), to_train=True)
    info = open_dataset(data, pipeline)
    recipe = _recipe(data, pipeline, settings)
    check_run(run, settings, dataset=recipe["dataset"], model=recipe["model"])
    with main_process_first(device):
        _begin_run(run, recipe)
        clips, held_out, n_prior = _clips(data, run, pipeline, settings, begin)
    torch.manual_seed(settings.seed)
    network = new_network(pipeline, settings)
    board = Board(run)
    prompts = settings.sample_prompts or plan.captions

    def show(network: Denoiser, images: int) -> None:
        samples = sample_clips(learning(pipeline, network, images), prompts)
        save_samples(run / SAMPLES, samples, images)
        board.samples(samples, images)

    task = TuningTask(
        network,
        pipeline.scheduler.config,
        settings,
        clips,
        held_out=held_out,
        n_prior=n_prior,
        base=_base_of(network, settings) if n_prior else None,
        circular=pipeline.traits.bar_cue,
        on_show=show,
    )
    for line in fit(task, settings.loop(), run, on_step=_shown(begin, settings.images)):
        board.line(line)
        yield line
    board.close()
    if is_main_process():
        begin("writing the result")
        _export(run, pipeline, network, recipe, settings, info)


def result_of(run: Path, settings: TuningSettings) -> Path:
    """The file of a finished run's LoRA, or the folder of its model."""
    return run / (FILE if isinstance(settings, LoraSettings) else MODEL_FOLDER)


def _shown(begin: Begin, total: int) -> Callable[[int, dict[str, float]], None]:
    """What shows the steps of the training loop, with the smoothed loss."""
    advance: Advance | None = None
    before, loss = 0, 0.0

    def on_step(images_seen: int, figures: dict[str, float]) -> None:
        nonlocal advance, before, loss
        if advance is None:  # a run that is resumed begins where it was
            advance, loss = begin("training", total, images_seen), figures["loss"]
        else:
            loss = _SMOOTHING * loss + (1 - _SMOOTHING) * figures["loss"]
            advance(images_seen - before, f"loss {loss:.4f}")
        before = images_seen

    return on_step


def new_network(pipeline: Pipeline, settings: TuningSettings) -> Denoiser:
    """The checkpoint's networks, changed in place: with what is to learn in them."""
    unet, text_encoder = pipeline.unet, pipeline.text_encoder
    if isinstance(settings, LoraSettings):
        dtype = frozen_dtype(settings.precision, pipeline.device)
        _hold(unet, dtype)
        add_lora(unet, rank=settings.rank, alpha=settings.alpha, targets=settings.targets)
        if settings.text_encoder:
            _hold(text_encoder, dtype)
            targets = settings.text_targets
            add_lora(text_encoder, rank=settings.rank, alpha=settings.alpha, targets=targets)
    else:
        _hold(unet, torch.float32).requires_grad_(True)
        if settings.text_encoder:
            _hold(text_encoder, torch.float32).requires_grad_(True)
    return Denoiser(unet, text_encoder if settings.text_encoder else None)


def _base_of(
    network: Denoiser, settings: TuningSettings
) -> Callable[[], AbstractContextManager[nn.Module]]:
    """The network before it learns, for looking only: without its LoRA, or a copy."""
    if not isinstance(settings, LoraSettings):
        copy = deepcopy(network).requires_grad_(False).to(local_device(settings.device))
        return lambda: nullcontext(copy)

    @contextmanager
    def base() -> Iterator[nn.Module]:
        with without_lora(network):
            yield network

    return base


def _hold(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The network in that type; diffusers warns of any change, and of none."""
    for parameter in network.parameters():
        parameter.data = parameter.data.to(dtype)
    return network


def _recipe(data: Path, pipeline: Pipeline, settings: TuningSettings) -> dict[str, Any]:
    return {
        "kind": kind_of(settings),
        "settings": json.loads(settings.model_dump_json()),
        "dataset": {"name": data.resolve().name, "fingerprint": dataset_fingerprint(data)},
        "model": {"name": pipeline.name, "fingerprint": pipeline.fingerprint},
        "versions": versions(),
    }


def _begin_run(run: Path, recipe: dict[str, Any]) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(run, error) from error
    with atomic_path(run / RECIPE) as temporary:
        temporary.write_text(json.dumps(recipe, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _clips(
    data: Path, run: Path, pipeline: Pipeline, settings: TuningSettings, begin: Begin
) -> tuple[TrainingClips, TrainingClips | None, int]:
    """What is trained on, prior pictures last; what is held out; how many prior pictures."""

    def split(name: str) -> TrainingClips:
        return read_clips(
            data,
            name,
            pipeline,
            cache=run / f"latents-{name}.safetensors",
            tokens_only=settings.text_encoder,
            trigger=settings.trigger,
            advance=begin(f"reading the {name} clips", n_in_shards(data, name)),
        )

    clips = split("train")
    held_out = split("test") if shard_paths(data, "test") else None  # a single track isn't split
    if not settings.prior_images:
        return clips, held_out, 0
    prompts = prior_prompts(settings.prior_prompts, pipeline.traits, settings.prior_images)
    advance = begin(f"painting {settings.model}'s own pictures", settings.prior_images)
    pictures, captions = prior_pictures(
        pipeline,
        prompts,
        settings.prior_images,
        run / "prior.safetensors",
        on_image=lambda n: advance(),
    )
    return _with_prior(clips, pictures, captions, pipeline, settings), held_out, len(pictures)


def _with_prior(
    clips: TrainingClips,
    pictures: torch.Tensor,
    captions: list[str],
    pipeline: Pipeline,
    settings: TuningSettings,
) -> TrainingClips:
    texts = tokens_of(pipeline, captions) if settings.text_encoder else embed(pipeline, captions)
    first = len(clips.texts)
    return TrainingClips(
        latents=[*clips.latents, *pictures],
        captions=[*clips.captions, *torch.arange(first, first + len(captions))[:, None]],
        texts=torch.cat((clips.texts, texts)),
    )


def _export(
    run: Path,
    pipeline: Pipeline,
    network: Denoiser,
    recipe: dict[str, Any],
    settings: TuningSettings,
    info: DatasetInfo,
) -> None:
    network.to("cpu")
    load_ema(network, run / STATE)
    parts = {part: getattr(network, part) for part in PARTS}
    if not isinstance(settings, LoraSettings):
        tuned = {part: trained for part, trained in parts.items() if trained is not None}
        export_tuned(run / MODEL_FOLDER, pipeline, tuned)
        return
    scale = (settings.alpha or settings.rank) / settings.rank
    layers = {
        f"{part}.{name}": tensor
        for part, trained in parts.items()
        if trained is not None
        for name, tensor in lora_layers(trained, scale=scale).items()
    }
    layers = in_half(layers, max_bytes=round(settings.max_megabytes * 1e6) - _HEADER_BYTES)
    by_part = {
        part: {n.removeprefix(f"{part}."): t for n, t in layers.items() if n.startswith(f"{part}.")}
        for part in PARTS
    }
    trigger = settings.trigger or info.options.get("trigger")
    metadata = {
        "spectrogram": json.dumps(pipeline.params.to_dict(), sort_keys=True),
        "trigger_words": json.dumps([trigger] if trigger else []),
        "recipe": json.dumps(recipe, sort_keys=True, ensure_ascii=False),
    }
    save_lora(by_part, run / FILE, metadata)
    if settings.kohya:
        save_kohya(by_part, run / KOHYA_FILE, metadata)


_HEADER_BYTES = 200_000  # names, shapes and metadata
