"""Latents and text embeddings of a dataset for one model, cached in its shards."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from riffkit.dataset.formats import (
    SPLITS,
    ClipRecord,
    read_dataset_info,
    read_tar,
    sample_of,
    shard_paths,
)
from riffkit.dataset.shards import write_tar
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.latents import pixels_to_latents
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.prompt.key import parse_key, semitones_to_key, with_key
from riffkit.prompt.tempo import with_tempo
from riffkit.prompt.wording import as_model_reads

_MARK = "cache.json"


def cache_for(out: Path, pipeline: Pipeline) -> Iterator[int]:
    """Add `pipeline`'s latents and embeddings to each shard; yields the number of clips done.

    Shards that have them already are only counted; those of another model are recomputed. Shards
    are rewritten atomically. ParameterError if the images don't suit the model.
    """
    info = read_dataset_info(out)
    if info.params != pipeline.params:
        raise ParameterError(
            f"dataset={out.name!r}: its images are {info.preset}, but model "
            f"{pipeline.name!r} needs {pipeline.params.preset}; build it for that `model`"
        )
    for split in SPLITS:
        for path in shard_paths(out, split):
            yield _cache_shard(path, pipeline)


def is_cached(path: Path, fingerprint: str) -> bool:
    """Whether a shard has the latents of the model with that fingerprint."""
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(f".{_MARK}"):
                file = tar.extractfile(member)
                assert file is not None
                return bool(json.loads(file.read())["fingerprint"] == fingerprint)
            if member.name.endswith(".png"):
                return False
    return False


def _cache_shard(path: Path, pipeline: Pipeline) -> int:
    if is_cached(path, pipeline.fingerprint):
        with tarfile.open(path) as tar:
            return sum(name.endswith(".png") for name in tar.getnames())
    clips = [
        (members.pop("__key__").decode(), _cached(members, pipeline)) for members in read_tar(path)
    ]
    write_tar(path, clips)
    return len(clips)


def _cached(members: dict[str, bytes], pipeline: Pipeline) -> dict[str, bytes]:
    sample = sample_of(members)
    check_record(sample.record, pipeline)
    bar_cue = pipeline.traits.bar_cue
    latents = pixels_to_latents(pipeline, sample.image.pixels, circular=bar_cue)[0]
    sound = latents[:-1] if bar_cue else latents
    text = encode_prompts(pipeline, captions_for(sample.record, pipeline))
    mark = {"model": pipeline.name, "fingerprint": pipeline.fingerprint}
    return {
        **{name: members[name] for name in ("json", "png")},
        _MARK: json.dumps(mark).encode(),
        "latents.npy": _npy(sound),
        "text.npy": _npy(text),
    }


def captions_for(record: ClipRecord, pipeline: Pipeline) -> list[str]:
    """A clip's captions as prompts for the model: in the key of the image, with the tempo."""
    traits = pipeline.traits
    key = None if record.key is None else parse_key(record.key)
    read = []
    for caption in record.captions:
        text = with_key(as_model_reads(caption, traits), key, traits)
        read.append(
            text if record.bpm is None else with_tempo(text, float(round(record.bpm)), traits)
        )
    return read


def check_record(record: ClipRecord, pipeline: Pipeline) -> None:
    """Raise ParameterError for a clip whose image doesn't suit the model."""
    if pipeline.traits.bar_cue and record.bpm is None:
        raise ParameterError(
            f"{record.file_name}: is cut by seconds, but model {pipeline.name!r} needs whole "
            "bars; build the dataset in bars, not seconds"
        )
    key = None if record.key is None or record.bpm is None else parse_key(record.key)
    if record.transpose != semitones_to_key(key, pipeline.traits):
        raise ParameterError(
            f"{record.file_name}: transposed down {record.transpose:g} semitones, unlike the "
            "images of "
            f"model {pipeline.name!r} paints {record.key}; build the dataset for that `model`"
        )


def _npy(values: torch.Tensor) -> bytes:
    file = io.BytesIO()
    np.save(file, values.to(torch.float16).numpy(force=True))
    return file.getvalue()
