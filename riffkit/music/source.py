"""The user's clip on the beat grid: the input of restyling, editing and extending."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from riffkit.analysis.beats import BarGrid, measure_bars, to_analysis_rate
from riffkit.analysis.first_downbeat import first_downbeat
from riffkit.analysis.key import key as key_of
from riffkit.audio import files
from riffkit.audio.crossfade import raised_cosine
from riffkit.audio.resampling import resample
from riffkit.diffusion.latents import pixels_to_latents
from riffkit.errors import ParameterError
from riffkit.kinds import is_image
from riffkit.limits import bpm_text
from riffkit.models.pipeline import Pipeline
from riffkit.music.clip import read_recipe, recipe_of
from riffkit.music.finish import Ending
from riffkit.music.measured import LOOP_TOLERANCE, downbeats, key_note, tempo_note, whole_bars
from riffkit.music.musical_facts import lead_samples, score_in
from riffkit.music.request import PaintRequest
from riffkit.prompt.key import MusicalKey, parse_key, semitones_to_key
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import Recipe, sha256
from riffkit.score.notes import Score
from riffkit.spectrogram.beat_grid import MAX_BARS, BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import decode

FADE_SECONDS = 0.03
"""The length of the crossfade between old and new sound."""


@dataclass(frozen=True, eq=False)
class Source:
    """A clip in whole bars. `waveform` is the clip alone, at the model's rate.

    `image` begins `n_lead` samples before the clip, on a downbeat, and ends with a bar; it is in a
    key that the model knows. `loop` means that the clip fills its bars exactly and is circular.
    `identity` lets a recipe find the file again; `remarks` are notes for the user; `prompt` is the
    one it was made from, and `score` that which was painted, if its recipe has them. `drawn` means
    that the file is an image.
    """

    waveform: Float[Tensor, "channel sample"]
    image: SpectrogramImage
    n_lead: int
    beats_per_bar: int
    key: MusicalKey | None
    loop: bool
    identity: dict[str, Any]
    remarks: tuple[str, ...]
    prompt: str = ""
    drawn: bool = False
    score: Score | None = None

    @property
    def grid(self) -> BeatGrid:
        assert self.image.grid is not None
        return self.image.grid

    @property
    def bars(self) -> int:
        return self.grid.n_beats // self.beats_per_bar

    @property
    def sample_rate(self) -> int:
        return self.image.params.sample_rate

    @property
    def padded(self) -> Float[Tensor, "channel padded"]:
        """The waveform padded with silence to whole bars."""
        return _padded(self.waveform, self.n_lead, self.image.n_samples)

    def seconds_of(self, frame: float) -> float:
        """The position of an image column, in seconds from the clip's start."""
        lead_seconds = self.n_lead / self.sample_rate
        return frame / self.image.n_frames * self.grid.seconds - lead_seconds

    def frame_of(self, seconds: float) -> float:
        """The inverse of `seconds_of`."""
        lead_seconds = self.n_lead / self.sample_rate
        return (seconds + lead_seconds) / self.grid.seconds * self.image.n_frames

    @property
    def key_name(self) -> str | None:
        """The key's name, if its mode is known."""
        return self.key.name if self.key is not None and self.key.mode else None

    @property
    def ending(self) -> Ending:
        """The ending that trims a clip of the whole image to this one's length."""
        span = (self.n_lead, self.n_lead + self.waveform.shape[-1])
        return Ending(faded=False) if self.loop else Ending(span=span)

    def latents(self, pipeline: Pipeline) -> Float[Tensor, "1 channel latent_row column"]:
        circular = self.loop or pipeline.traits.bar_cue
        return pixels_to_latents(pipeline, self.image.pixels, circular=circular)


def open_source(
    pipeline: Pipeline,
    path: Path,
    request: PaintRequest,
    *,
    beats_per_bar: int = DEFAULT_BEATS,
    recorded: Recipe | None = None,
) -> Source:
    """A WAV, FLAC, OGG, MP3 or PNG file on the beat grid of its own tempo.

    `recorded` is the recipe of a replay, with the start of the bars. `request.bpm`, `request.key`
    and `request.beats_per_bar` override the file's recipe, which overrides measurements and
    `beats_per_bar`. ParameterError if the clip is shorter than a bar or has no tempo;
    AudioFileError or ImageFileError if it can't be read as sound.
    """
    drawn = SpectrogramImage.open(path) if is_image(path) else None
    recipe = read_recipe(path) if drawn is None else recipe_of(drawn)
    made = {} if recipe is None else recipe.arguments
    waveform, rate = _sound(pipeline, path, drawn)
    own_bpm = made.get("bpm") if drawn is None or drawn.grid is None else drawn.grid.bpm
    own_bpm = own_bpm if request.bpm is None else request.bpm
    beats_per_bar = request.beats_per_bar or made.get("beats_per_bar") or beats_per_bar
    track = cache(
        lambda: measure_bars(
            to_analysis_rate(waveform, rate), bpm=own_bpm, beats_per_bar=beats_per_bar
        )
    )
    bpm, bpm_note = _bpm(track, own_bpm, path)
    key, key_note = _key(
        waveform, rate, made.get("key") if request.key is None else request.key, path, pipeline
    )
    identity: dict[str, Any] = {"name": path.name, "sha256": sha256(path)}
    is_own_grid = (bpm, beats_per_bar) == (made.get("bpm"), made.get("beats_per_bar"))
    own_lead = lead_samples(recipe) if recipe is not None and is_own_grid else None
    grid, n_lead, loop = _lay_out(
        waveform.shape[-1],
        rate,
        bpm,
        beats_per_bar,
        lambda: _lead(
            waveform, rate, track, bpm, beats_per_bar, identity["sha256"], recorded, own_lead
        ),
        path,
    )
    if not loop:
        identity["lead_samples"] = n_lead
    semitones = float(semitones_to_key(key, pipeline.traits))
    if drawn is not None and (drawn.params, drawn.grid) == (pipeline.params, grid):
        image = drawn  # its own pixels: drawn again from its sound they would be others
    else:
        n_samples = max(grid.n_samples(rate), waveform.shape[-1] + n_lead)
        image = waveform_to_image(
            _padded(waveform, n_lead, n_samples),
            rate,
            pipeline.params,
            grid=grid,
            transpose=semitones,
        )
    return Source(
        waveform=waveform,
        image=image,
        n_lead=n_lead,
        beats_per_bar=beats_per_bar,
        key=key,
        loop=loop,
        identity=identity,
        remarks=tuple(note for note in (bpm_note, key_note) if note),
        prompt=str(made.get("prompt") or ""),
        drawn=drawn is not None,
        score=score_in(recipe) if recipe and is_own_grid and n_lead == (own_lead or 0) else None,
    )


def _lead(
    waveform: Float[Tensor, "channel sample"],
    rate: int,
    track: Callable[[], BarGrid | None],
    bpm: float,
    beats_per_bar: int,
    hashed: str,
    recorded: Recipe | None,
    own: int | None,
) -> int:
    """The samples of silence that align the bars of a clip, if not a loop, with the grid.

    A clip that was made of another knows its `own`.
    """
    bar_samples = 60 / bpm * beats_per_bar * rate
    if recorded is not None:
        for identity in recorded.inputs.values():
            if identity.get("sha256") == hashed and "lead_samples" in identity:
                return int(identity["lead_samples"])
        seconds = first_downbeat(waveform, rate, bpm=bpm, beats_per_bar=beats_per_bar)
    elif own is not None:
        return own
    else:
        bars = track()
        seconds = 0.0 if bars is None else downbeats(bars, beats_per_bar)[0]
    return round(float(bar_samples - seconds * rate) % bar_samples)


def _lay_out(
    n_samples: int, rate: int, bpm: float, beats_per_bar: int, lead: Callable[[], int], path: Path
) -> tuple[BeatGrid, int, bool]:
    """The bars for a clip, the samples of silence before it, and whether it is a loop."""
    bar_samples = 60 / bpm * beats_per_bar * rate
    if n_samples < (1 - LOOP_TOLERANCE) * bar_samples:
        raise ParameterError(
            f"{path.name!r}: {n_samples / rate:.2f} s is shorter than a bar "
            f"({bar_samples / rate:.2f} s at {bpm_text(bpm)} BPM); give a longer clip"
        )
    whole = whole_bars(n_samples, rate, bpm, beats_per_bar)
    if whole is not None:
        grid = BeatGrid(bpm, whole * beats_per_bar)
        if grid.n_samples(rate) != n_samples:
            grid = BeatGrid(grid.n_beats * 60 * rate / n_samples, grid.n_beats)
        return grid, 0, True
    n_lead = lead()
    n_bars = math.ceil((n_samples + n_lead) / bar_samples - 1e-9)
    if n_bars > MAX_BARS:
        raise ParameterError(
            f"{path.name!r}: {n_bars} bars; must be at most {MAX_BARS}; cut it first"
        )
    return BeatGrid(bpm, n_bars * beats_per_bar), n_lead, False


def _sound(
    pipeline: Pipeline, path: Path, drawn: SpectrogramImage | None
) -> tuple[Float[Tensor, "channel sample"], int]:
    """The clip, or the decoded image, at the model's sample rate and number of channels."""
    params = pipeline.params
    if drawn is None:
        waveform, _ = files.load(path, sample_rate=params.sample_rate)
    else:
        waveform = decode(drawn, circular=drawn.grid is not None)
        if drawn.params.sample_rate != params.sample_rate:
            waveform = resample(waveform, drawn.params.sample_rate, params.sample_rate)
    n_channels = params.planes.n_channels
    if len(waveform) != n_channels:
        waveform = waveform.mean(0, keepdim=True).expand(n_channels, -1).contiguous()
    return waveform, params.sample_rate


def _bpm(
    track: Callable[[], BarGrid | None], given: float | None, path: Path
) -> tuple[float, str | None]:
    """The tempo, and a note for the user or None."""
    if given is not None:
        return given, None
    bars = track()
    if bars is None:
        raise ParameterError(f"{path.name!r}: no tempo found; set `bpm`")
    return bars.mean_bpm, tempo_note(path.name, bars)


def _key(
    waveform: Float[Tensor, "channel sample"],
    rate: int,
    given: str | None,
    path: Path,
    pipeline: Pipeline,
) -> tuple[MusicalKey | None, str | None]:
    """The key, if the model needs it, and a note for the user or None."""
    if given is not None:
        return parse_key(given), None
    found = key_of(waveform, rate) if pipeline.traits.native_tonics else None
    if found is None:
        return None, None
    return parse_key(found.name), key_note(path.name, found)


def _padded(
    waveform: Float[Tensor, "channel sample"], n_lead: int, n_samples: int
) -> Float[Tensor, "channel padded"]:
    return torch.nn.functional.pad(waveform, (n_lead, n_samples - n_lead - waveform.shape[-1]))


def with_bars(source: Source, first: int, last: int) -> Source:
    """Only the bars from `first` up to but not including `last`, as a clip that isn't a loop."""
    frames = source.image.n_frames // source.bars
    grid = BeatGrid(source.grid.bpm, (last - first) * source.beats_per_bar)
    pixels = source.image.pixels[:, first * frames : last * frames]
    image = replace(source.image, pixels=pixels, grid=grid)
    begin, end = (round(bar / source.bars * source.image.n_samples) for bar in (first, last))
    waveform = _padded(source.padded[:, begin:end], 0, image.n_samples)
    return replace(source, waveform=waveform, image=image, n_lead=0, loop=False)


def spliced(
    whole: Float[Tensor, "channel padded"], source: Source, kept: Bool[np.ndarray, "row frame"]
) -> Float[Tensor, "channel sample"]:
    """The sound of an edited image wherever any of its rows is new, and the clip's own elsewhere.

    `whole` begins where the source's image does; 30 ms before and behind each join they pass into
    one another.
    """
    n_frames, n_samples = source.image.n_frames, source.waveform.shape[-1]
    new = whole[:, source.n_lead : source.n_lead + n_samples]
    frame_of_sample = (np.arange(n_samples) + source.n_lead) / source.image.n_samples * n_frames
    is_touched = np.asarray(~kept.all(axis=0))
    touched = is_touched[np.minimum(frame_of_sample.astype(int), n_frames - 1)]
    weight = _ramped(torch.from_numpy(touched), round(FADE_SECONDS * source.sample_rate))
    return source.waveform + weight * (new - source.waveform)


def _ramped(touched: Tensor, n_fade: int) -> Float[Tensor, " sample"]:
    """1 where the sound is new, falling to 0 within `n_fade` samples outside."""
    outside = torch.nn.functional.avg_pool1d(
        torch.nn.functional.max_pool1d(
            touched.float()[None, None], n_fade | 1, stride=1, padding=(n_fade | 1) // 2
        ),
        n_fade | 1,
        stride=1,
        padding=(n_fade | 1) // 2,
        count_include_pad=False,
    )[0, 0]
    return raised_cosine(outside)
