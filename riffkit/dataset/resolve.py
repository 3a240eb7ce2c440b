"""What a build was asked for, and the same with every open choice made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from riffkit.dataset.templates import read_templates
from riffkit.engine import check_engine
from riffkit.errors import ParameterError
from riffkit.models.locate import local_model
from riffkit.provenance.recipe import fingerprint
from riffkit.spectrogram.beat_grid import MAX_BARS, MAX_BPM, MIN_BPM
from riffkit.spectrogram.params import SpectrogramParams, preset

DEFAULT_MODEL = "mini"
MIN_SECONDS, MAX_SECONDS = 0.5, 60.0


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """The options of `riff dataset build`. `seconds` stands in the place of bars.

    A clip begins every `hop_bars`, by default where the last one ends: fewer make more, overlapping
    clips of few songs.

    `model` gives images their preset and their native tonics; it is mini where the images are
    bars in mini's preset, else none.
    """

    bars: int = 2
    hop_bars: int | None = None
    beats_per_bar: int = 4
    bpm: float | None = None
    seconds: float | None = None
    preset: str | None = None
    model: str | None = None
    test_share: float = 0.1
    tags: bool = True
    licence: str | None = None
    seed: int = 0
    templates: Path | None = None
    captioner: str | None = None
    trigger: str | None = None
    max_clips_per_track: int | None = None
    workers: int | None = None
    engine: str = "local"

    def __post_init__(self) -> None:
        _within("bars", self.bars, 1, MAX_BARS)
        _within("beats_per_bar", self.beats_per_bar, 2, 12)
        if self.hop_bars is not None:
            _within("hop_bars", self.hop_bars, 1, MAX_BARS)
            if self.seconds is not None:
                raise ParameterError("hop_bars: can't be combined with seconds; remove one of them")
        _within("test_share", self.test_share, 0, 0.9)
        _within("seed", self.seed, 0, 2**63 - 1)
        if self.bpm is not None:
            _within("bpm", self.bpm, MIN_BPM, MAX_BPM)
        if self.seconds is not None:
            _within("seconds", self.seconds, MIN_SECONDS, MAX_SECONDS)
        most = self.max_clips_per_track
        if most is not None and most < 1:
            raise ParameterError(f"max_clips_per_track={most}: must be at least 1")
        check_engine(self.engine, self.workers)
        if self.model not in (None, "none"):
            local_model(self.model)
        if self.preset is not None:
            preset(self.preset)  # known?
        if self.templates is not None:
            read_templates(self.templates)
        if self.trigger is not None and not self.trigger.strip():
            raise ParameterError("trigger='': must be a word such as 'mjdmetal'")


def _within(name: str, value: int | float, low: int | float, high: int | float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ParameterError(f"{name}={value:g}: must be between {low:g} and {high:g}")


@dataclass(frozen=True)
class CutPlan:
    """How sources are cut and drawn; the same for all of a build.

    `semitones`: by how much a clip in each key is drawn lower, for a model with native tonics.
    """

    params: SpectrogramParams
    bars: int | None
    hop_bars: int
    beats_per_bar: int
    seconds: float | None
    bpm: float | None
    tags: bool
    semitones: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """`options` holds everything that changes the result, by name."""

    request: BuildRequest
    cut: CutPlan
    model: str | None
    model_fingerprint: str | None
    templates: tuple[str, ...]
    options: dict[str, Any]


def resolve(request: BuildRequest) -> Resolved:
    """The request with preset, model, templates and transpositions filled in.

    ParameterError or ModelError for options that can't be combined.
    """
    templates = () if request.templates is None else read_templates(request.templates)
    params, model, mark, semitones = _look(request)
    if request.tags:
        _check_tagger()
    cut = CutPlan(
        params=params,
        bars=None if request.seconds is not None else request.bars,
        hop_bars=request.hop_bars or request.bars,
        beats_per_bar=request.beats_per_bar,
        seconds=request.seconds,
        bpm=request.bpm,
        tags=request.tags,
        semitones=semitones,
    )
    asked = {name: getattr(request, name) for name in (f.name for f in fields(request))}
    for how_only in ("workers", "engine"):
        del asked[how_only]
    options = {**asked, "templates": list(templates), "preset": params.preset, "model": model}
    return Resolved(request, cut, model, mark, templates, options)


def _look(
    request: BuildRequest,
) -> tuple[SpectrogramParams, str | None, str | None, dict[str, int]]:
    """The images' parameters, the model they suit and its fingerprint, and in each key by how
    many semitones they are drawn lower."""
    from riffkit.limits import MAJOR_KEYS, MINOR_KEYS
    from riffkit.models.locate import find_model, model_traits, spectrogram_params
    from riffkit.prompt.key import parse_key, semitones_to_key

    usual = spectrogram_params(find_model(DEFAULT_MODEL)).preset
    bare = request.seconds is not None or request.preset not in (None, usual)
    model = request.model or (None if bare else DEFAULT_MODEL)
    if model is None or model == "none":
        return preset(request.preset or usual), None, None, {}
    folder = find_model(model)
    params, traits = spectrogram_params(folder), model_traits(folder)
    if request.preset not in (None, params.preset):
        raise ParameterError(
            f"preset={request.preset!r}: model {model!r} uses {params.preset} images; "
            "remove `preset` or `model`"
        )
    if request.seconds is not None and traits.native_tonics:
        raise ParameterError(
            f"seconds={request.seconds:g}: model {model!r} only supports bars; set `bars` "
            "or remove `model`"
        )
    names = [f"{tonic} major" for tonic in MAJOR_KEYS] + [f"{tonic} minor" for tonic in MINOR_KEYS]
    semitones = {name: semitones_to_key(parse_key(name), traits) for name in names}
    return params, model, fingerprint(folder), semitones


def _check_tagger() -> None:
    from importlib.util import find_spec

    if find_spec("riffkit.analysis.tags") is None:
        raise ParameterError("tags: riffkit.analysis.tags is missing; switch `tags` off")


def differing(held: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """ "bars=4 instead of 2" for the first option that isn't the same, else None."""
    for name in {**wanted, **held}:
        if held.get(name) != wanted.get(name):
            return f"{name}={held.get(name)!r} instead of {wanted.get(name)!r}"
    return None
