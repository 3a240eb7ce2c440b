"""`riff train lora` and `riff train full`: from a dataset folder to a file or a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from riffkit.atomic import atomic_path, output_error
from riffkit.dataset.caption import triggered
from riffkit.dataset.formats import DatasetInfo, shard_paths
from riffkit.errors import ParameterError
from riffkit.models.lora import PARTS
from riffkit.models.lora_file import FILE
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.prompt.emphasis import as_text
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
from riffkit.training.clips import (
    TrainingClips,
    dataset_fingerprint,
    embed,
    open_dataset,
    read_clips,
    tokens_of,
)
from riffkit.training.export import export_tuned
from riffkit.training.loop import fit
from riffkit.training.prior_preservation import prior_pictures, prior_prompts
from riffkit.training.processes import (
    frozen_dtype,
    is_main_process,
    local_device,
    main_process_first,
)
from riffkit.training.settings import LoraSettings, TuningSettings, check_same_settings
from riffkit.training.state import load_ema
from riffkit.training.tensorboard_log import Board, sample_clips
from riffkit.training.tuning import Denoiser, TuningTask

RECIPE = "recipe.json"
MODEL_FOLDER = "model"
_N_SAMPLES = 2


def tune(data: str | Path, run: str | Path, settings: TuningSettings) -> Iterator[dict[str, float]]:
    """Train on a dataset folder; run the same again to resume.

    Args:
        data: dataset folder.
        run: folder of the run. A LoRA is written to RUN/pytorch_lora_weights.safetensors (and with
            `kohya` to a second file), a model to RUN/model.
        settings: `LoraSettings` or `FullSettings`.

    Returns:
        An iterator that trains: it yields the figures of each logged line.

    Raises:
        ParameterError: the dataset doesn't suit the model, or the folder has another run.
        ModelError: the base model can't be loaded.

    Example:
        for figures in riffkit.tune("dataset", "run", riffkit.LoraSettings(images=2_000)):
            print(figures)
    """
    data, run = Path(data), Path(run)
    device = local_device(settings.device)
    pipeline = load_pipeline(settings.model, device=str(device), to_train=True)
    info = open_dataset(data, pipeline)
    recipe = _recipe(data, pipeline, settings)
    _check_run(run, recipe, settings)
    with main_process_first(device):
        _begin(run, recipe)
        clips, held_out, n_prior = _clips(data, run, pipeline, settings)
    torch.manual_seed(settings.seed)
    network = new_network(pipeline, settings)
    board = Board(run)
    prompts = settings.sample_prompts or _first_captions(data, settings)

    def show(network: Denoiser, images: int) -> None:
        board.samples(sample_clips(_painting(pipeline, network), prompts), images)

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
    for line in fit(task, settings.loop(), run):
        board.line(line)
        yield line
    board.close()
    if is_main_process():
        _export(run, pipeline, network, recipe, settings, info)


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
        "kind": "lora" if isinstance(settings, LoraSettings) else "full",
        "settings": json.loads(settings.model_dump_json()),
        "dataset": {"name": data.resolve().name, "fingerprint": dataset_fingerprint(data)},
        "model": {"name": pipeline.name, "fingerprint": pipeline.fingerprint},
        "versions": versions(),
    }


def _check_run(run: Path, recipe: dict[str, Any], settings: TuningSettings) -> None:
    """Raise ParameterError if `run` contains anything but an earlier part of this run."""
    if run.exists() and not run.is_dir():
        raise ParameterError(f"run={str(run)!r}: is a file; choose a folder")
    path = run / RECIPE
    if not path.exists():
        if (run / "state.pt").exists():
            raise ParameterError(
                f"run={str(run)!r}: contains a different kind of run; choose another folder"
            )
        return
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        same = {name: old[name] for name in ("kind", "settings", "dataset", "model")}
    except (OSError, ValueError, KeyError) as error:
        raise ParameterError(
            f"run={str(run)!r}: its {RECIPE} is damaged; choose another folder"
        ) from error
    if not (run / "state.pt").exists():
        return  # nothing was learned yet
    for name in ("model", "dataset"):
        if same[name]["fingerprint"] != recipe[name]["fingerprint"]:
            raise ParameterError(
                f"run={str(run)!r}: was started with another {name} ({same[name]['name']!r}, "
                f"{same[name]['fingerprint']}); use the same one or another folder"
            )
    if same["kind"] != recipe["kind"]:
        raise ParameterError(
            f"run={str(run)!r}: contains a run of `riff train {same['kind']}`; choose another "
            "folder"
        )
    check_same_settings(same["settings"], settings, run)


def _begin(run: Path, recipe: dict[str, Any]) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(run, error) from error
    with atomic_path(run / RECIPE) as temporary:
        temporary.write_text(json.dumps(recipe, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _clips(
    data: Path, run: Path, pipeline: Pipeline, settings: TuningSettings
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
        )

    clips = split("train")
    held_out = split("test") if shard_paths(data, "test") else None  # a single track isn't split
    if not settings.prior_images:
        return clips, held_out, 0
    prompts = prior_prompts(settings.prior_prompts, pipeline.traits, settings.prior_images)
    pictures, captions = prior_pictures(
        pipeline, prompts, settings.prior_images, run / "prior.safetensors"
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


def _first_captions(data: Path, settings: TuningSettings) -> tuple[str, ...]:
    """The default prompts of samples: captions of held-out clips, else of training clips."""
    from riffkit.dataset.formats import read_metadata

    records = sorted(read_metadata(data), key=lambda record: record.split != "test")
    texts = list(dict.fromkeys(as_text(record.text) for record in records))[:_N_SAMPLES]
    return tuple(triggered(text, settings.trigger) for text in texts)


def _painting(pipeline: Pipeline, network: Denoiser) -> Pipeline:
    """The checkpoint with the network as it is now."""
    text_encoder = network.text_encoder or pipeline.text_encoder
    return replace(pipeline, unet=network.unet, text_encoder=text_encoder, few_steps=None)


def _export(
    run: Path,
    pipeline: Pipeline,
    network: Denoiser,
    recipe: dict[str, Any],
    settings: TuningSettings,
    info: DatasetInfo,
) -> None:
    network.to("cpu")
    load_ema(network, run / "state.pt")
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
