"""The clips of a dataset folder for training: latents, captions and their text.

Latents in the shards are used if they are for the model; others are encoded once and cached in the
run. Captions in the dataset name the tempo and key as heard; here they name those of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.dataset.caption import triggered
from riffkit.dataset.formats import (
    ClipRecord,
    DatasetInfo,
    Sample,
    dataset_fingerprint,
    read_dataset_info,
    read_metadata,
    read_shards,
    shard_paths,
)
from riffkit.dataset.latent_cache import captions_for, check_record, is_cached
from riffkit.diffusion.bar_cue import bar_cue
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.latents import pixels_to_latents
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT

_TEXT_BATCH = 32


@dataclass(frozen=True, eq=False)
class TrainingClips:
    """Clips of one split: latents "channel row column" of any width, their captions' rows.

    `texts` holds each different caption once, `captions` rows of it.

    `texts` are token numbers where the text encoder learns too, else embeddings in float16. The
    first row is the empty caption.
    """

    latents: list[Tensor]
    captions: list[Tensor]
    texts: Float[Tensor, "text token feature"] | Int[Tensor, "text token"]

    def __len__(self) -> int:
        return len(self.latents)


def open_dataset(folder: Path, pipeline: Pipeline) -> DatasetInfo:
    """Read a dataset's info; ParameterError if this model can't be trained on it."""
    info = read_dataset_info(folder)
    if info.params != pipeline.params:
        raise ParameterError(
            f"dataset={str(folder)!r}: has {info.params.preset} spectrograms, but model "
            f"{pipeline.name!r} uses {pipeline.params.preset}; build it again, from the "
            "music and its captions, into another folder, or choose another model"
        )
    for record in read_metadata(folder):
        check_record(record, pipeline)
    return info


def read_clips(
    folder: Path,
    split: str,
    pipeline: Pipeline,
    *,
    cache: Path,
    tokens_only: bool = False,
    trigger: str = "",
    advance: Callable[[], None] = lambda: None,
) -> TrainingClips:
    """The clips of a split; `advance` is called after each.

    `cache` is a file for latents missing from the shards. Use `tokens_only` if the text encoder is
    trained.
    """
    fits = all(is_cached(path, pipeline.fingerprint) for path in shard_paths(folder, split))
    found = None if fits else _read_cache(cache, _stamp(folder, pipeline))
    samples = []
    for sample in read_shards(folder, split):
        samples.append(_encoded(sample, pipeline, found, cached=fits))
        advance()
    latents = [sample.latents for sample in samples]
    if not fits and found is None:
        keys = (sample.record.shard_key for sample in samples)
        with atomic_path(cache) as temporary:
            save_file(
                dict(zip(keys, latents, strict=True)), temporary, metadata=_stamp(folder, pipeline)
            )
    rewritten = [
        [triggered(caption, trigger) for caption in captions_for(s.record, pipeline)]
        for s in samples
    ]
    numbers = {"": 0}
    for caption in (c for captions in rewritten for c in captions):
        numbers.setdefault(caption, len(numbers))
    rows = [torch.tensor([numbers[c] for c in captions]) for captions in rewritten]
    if tokens_only:
        texts = tokens_of(pipeline, list(numbers))
    elif fits and not trigger and all(s.text is not None for s in samples):
        texts = _cached_texts(samples, rows, len(numbers), pipeline)
    else:
        texts = embed(pipeline, list(numbers))
    return TrainingClips(
        [_with_cue(x, s.record, pipeline) for x, s in zip(latents, samples, strict=True)],
        rows,
        texts,
    )


def tokens_of(pipeline: Pipeline, texts: Sequence[str]) -> Int[Tensor, "text token"]:
    found: Tensor = pipeline.tokenizer(
        list(texts),
        padding="max_length",
        max_length=int(pipeline.text_encoder.config.max_position_embeddings),
        truncation=True,
        return_tensors="pt",
    ).input_ids
    return found


def embed(pipeline: Pipeline, texts: Sequence[str]) -> Float[Tensor, "text token feature"]:
    """The frozen text encoder's output, in float16."""
    parts = [texts[n : n + _TEXT_BATCH] for n in range(0, len(texts), _TEXT_BATCH)]
    return torch.cat([encode_prompts(pipeline, part).half().cpu().clone() for part in parts])


def _cached_texts(
    samples: Sequence[_Clip], rows: Sequence[Tensor], n_texts: int, pipeline: Pipeline
) -> Float[Tensor, "text token feature"]:
    empty = embed(pipeline, [""])
    texts = empty.repeat(n_texts, 1, 1)
    for sample, row in zip(samples, rows, strict=True):
        assert sample.text is not None
        texts[row] = torch.from_numpy(sample.text)
    return texts


@dataclass(frozen=True, eq=False)
class _Clip:
    """What stays of a clip in a shard: hours of images would fill the memory."""

    record: ClipRecord
    latents: Tensor
    text: np.ndarray | None


def _encoded(
    sample: Sample, pipeline: Pipeline, found: dict[str, Tensor] | None, *, cached: bool
) -> _Clip:
    """The clip's sound channels in float16, "channel row column", from wherever they are."""
    if cached and sample.latents is not None:
        latents = torch.from_numpy(sample.latents)
    elif found is not None:
        latents = found[sample.record.shard_key]
    else:
        latents = encode_sample(sample, pipeline)
    return _Clip(sample.record, latents, sample.text)


def _stamp(folder: Path, pipeline: Pipeline) -> dict[str, str]:
    return {"model": pipeline.fingerprint, "dataset": dataset_fingerprint(folder)}


def _read_cache(path: Path, stamp: dict[str, str]) -> dict[str, Tensor] | None:
    try:
        with safe_open(path, framework="pt") as file:
            if {name: (file.metadata() or {}).get(name) for name in stamp} != stamp:
                return None
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None


def encode_sample(sample: Sample, pipeline: Pipeline) -> Float[Tensor, "channel row column"]:
    """The sound channels of a clip's latents in float16; a last part of a column is left out."""
    cue = pipeline.traits.bar_cue
    width = sample.image.n_frames // pipeline.stride * pipeline.stride
    latents = pixels_to_latents(pipeline, sample.image.pixels[:, :width], circular=cue)[0]
    return (latents[:-1] if cue else latents).half().cpu().contiguous().clone()


def _with_cue(
    latents: Float[Tensor, "channel row column"], record: ClipRecord, pipeline: Pipeline
) -> Float[Tensor, "all_channels row column"]:
    if not pipeline.traits.bar_cue:
        return latents
    columns = record.beats_per_bar * PIXELS_PER_BEAT // pipeline.stride
    cue = bar_cue(*latents.shape[-2:], columns_per_bar=columns)
    return torch.cat((latents, cue[None].to(latents)))
