"""The theme that a loop or story returns to: the user's clip, or a bundled seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor

from riffkit.diffusion.latents import latents_to_pixels, pixels_to_latents
from riffkit.errors import ParameterError
from riffkit.models.pipeline import BUNDLED_DEFAULT, Pipeline, load_pipeline
from riffkit.music.continued_score import score_of_clip
from riffkit.music.request import PaintRequest
from riffkit.music.seeds import SEEDS, seed_names
from riffkit.music.source import Source, open_source
from riffkit.prompt.key import MusicalKey, parse_key, semitones_to_key
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import Recipe
from riffkit.score.harmony import Chord
from riffkit.spectrogram.params import FULL_BAND


@dataclass(frozen=True, eq=False)
class Theme:
    """Latents of whole bars, in a key that the model knows, `transpose` semitones below `key`."""

    latents: Float[Tensor, "1 channel latent_row column"]
    bpm: float
    beats_per_bar: int
    key: MusicalKey | None
    transpose: float
    identity: dict[str, Any]
    remarks: tuple[str, ...] = ()
    source: Source | None = None

    @property
    def key_name(self) -> str | None:
        """The key's name, if its mode is known."""
        return self.key.name if self.key is not None and self.key.mode else None

    @property
    def chords(self) -> tuple[Chord, ...]:
        """Those of the user's clip, as far as they are known or heard; none of a seed."""
        score = None if self.source is None else score_of_clip(self.source)
        chords = () if score is None else score.chords
        return chords if any(chord.intervals for chord in chords) else ()


def open_theme(
    pipeline: Pipeline,
    name: str | Path,
    request: PaintRequest,
    *,
    beats_per_bar: int = DEFAULT_BEATS,
    recorded: Recipe | None = None,
) -> Theme:
    """A bundled seed by its name, or an audio file or PNG, opened as by `open_source`."""
    if str(name) in seed_names():
        return _bundled(pipeline, str(name), request.beats_per_bar or DEFAULT_BEATS)
    path = Path(name)
    if not path.exists() and not path.suffix:
        raise ParameterError(
            f"theme={str(name)!r}: no such file or seed; seeds: {', '.join(seed_names())}"
        )
    source = open_source(pipeline, path, request, beats_per_bar=beats_per_bar, recorded=recorded)
    return Theme(
        source.latents(pipeline),
        source.grid.bpm,
        source.beats_per_bar,
        source.key,
        source.image.transpose,
        source.identity,
        source.remarks,
        source,
    )


def _bundled(pipeline: Pipeline, name: str, beats_per_bar: int) -> Theme:
    facts = seed_names()[name]
    key = parse_key(facts["key"])
    with safe_open(SEEDS, "pt") as file:
        latents = file.get_tensor(name).float()[None]
    if not pipeline.traits.bar_cue:  # another autoencoder: through the picture
        if pipeline.params.n_mels != FULL_BAND.n_mels:
            raise ParameterError(f"theme={name!r}: not available for this model; use an audio file")
        mini = load_pipeline(BUNDLED_DEFAULT, device="cpu")
        pixels = latents_to_pixels(mini, _with_cue(latents), circular=True)
        latents = pixels_to_latents(pipeline, pixels, circular=False)
    else:
        latents = _with_cue(latents)
    transpose = float(semitones_to_key(key, pipeline.traits))
    return Theme(latents, facts["bpm"], beats_per_bar, key, transpose, {"seed": name})


def _with_cue(
    latents: Float[Tensor, "1 sound row column"],
) -> Float[Tensor, "1 channel row column"]:
    """With an empty channel in the bar cue's place."""
    return torch.cat((latents, torch.zeros_like(latents[:, :1])), dim=1)
