"""Latents and text embeddings in the shards, for one model and then another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.dataset import latent_cache as cache
from riffkit.dataset.build import build_dataset
from riffkit.dataset.formats import read_metadata, read_shards
from riffkit.dataset.latent_cache import cache_for
from riffkit.dataset.resolve import BuildRequest
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.latents import pixels_to_latents
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.prompt.key import parse_key, with_key
from riffkit.prompt.tempo import with_tempo
from riffkit.spectrogram.params import FULL_BAND
from tests.dataset.dataset_music import bars, tree, write


@pytest.fixture(scope="module")
def model(tiny: Pipeline) -> Pipeline:
    """As the bundled one: bar cue, native tonics, tempo in its captions."""
    traits = replace(
        tiny.traits, bar_cue=True, native_tonics=["D", "Ab"], names_tempo=True, english=True
    )
    return replace(tiny, params=FULL_BAND, traits=traits)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for seed in (1, 2):
        write(tmp_path / "in" / f"{seed}.wav", bars(seed=seed, n_bars=3))
    request = BuildRequest(bars=1, tags=False, workers=1, model="mini")
    build_dataset(tmp_path / "in", tmp_path / "out", request)
    return tmp_path / "out"


def test_the_cache_is_what_the_model_makes_of_image_and_captions(
    out: Path, model: Pipeline
) -> None:
    assert sum(cache_for(out, model)) == len(read_metadata(out))
    for sample in [*read_shards(out, "train"), *read_shards(out, "test")]:
        record = sample.record
        assert sample.latents is not None and sample.text is not None
        latents = pixels_to_latents(model, sample.image.pixels, circular=True)[0, :-1]
        assert np.array_equal(sample.latents, latents.half().numpy())
        assert record.bpm is not None and record.key is not None
        key, bpm, traits = parse_key(record.key), float(round(record.bpm)), model.traits
        read = [with_tempo(with_key(c, key, traits), bpm, traits) for c in record.captions]
        assert all("D " in text or "Ab " in text or "G# " in text for text in read)
        assert np.allclose(sample.text, encode_prompts(model, read).numpy(), atol=2e-3)
        assert sample.text.dtype == np.float16 and len(sample.text) == len(record.captions)


def test_cached_once_whole_or_not_at_all_and_anew_for_another(
    out: Path, model: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tree(out)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "encode_prompts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            list(cache_for(out, model))
    assert tree(out) == plain
    list(cache_for(out, model))
    cached = tree(out)
    assert cached != plain
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_cached", None)
        assert sum(cache_for(out, model)) == len(read_metadata(out))
    other = replace(model, fingerprint="other")
    list(cache_for(out, other))
    (sample, *_) = read_shards(out, "train")
    assert sample.latents is not None
    list(cache_for(out, model))
    assert tree(out) == cached


def test_images_that_the_model_does_not_know_are_refused(out: Path, model: Pipeline) -> None:
    with pytest.raises(ParameterError, match="images are full-band"):
        list(cache_for(out, replace(model, params=replace(FULL_BAND, n_mels=256))))
    other = replace(model, traits=replace(model.traits, native_tonics=["C"]))
    transposed = any(record.transpose for record in read_metadata(out))
    key = parse_key(read_metadata(out)[0].key or "C major")
    if transposed or key.tonic:
        with pytest.raises(ParameterError, match="build the dataset for that `model`"):
            list(cache_for(out, other))
    assert torch.is_grad_enabled()
