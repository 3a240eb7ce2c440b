"""The last step of every task: turns a painting into a clip, with level, fades, recipe and notes.

Anything that every output needs (a watermark, a manifest) is added here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.crossfade import raised_cosine
from riffkit.audio.limiter import limiter_gain, true_peaks
from riffkit.audio.loudness import (
    MAX_LIMITING_DB,
    MAX_TRUE_PEAK_DBFS,
    TARGET_LUFS,
    integrated_lufs,
    normalize_loudness,
    normalize_peak,
)
from riffkit.limits import Loudness
from riffkit.music.clip import Clip
from riffkit.provenance.recipe import Recipe
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import KnownPart

_FADE_SECONDS = 0.005
_MISSED_LU = 0.1


@dataclass(frozen=True)
class Ending:
    """A clip's final loudness where none is asked for, its span and fades.

    `lufs` is the loudness; None leaves the level. Without `lufs`, `ceiling` is the highest true
    peak, as an amplitude. `span` runs from the first sample to one past the last. `faded` fades the
    first and last milliseconds, for clips that aren't loops.
    """

    lufs: float | None = TARGET_LUFS
    ceiling: float | None = None
    span: tuple[int, int] | None = None
    faded: bool = True

    @classmethod
    def of_own_level(cls, own: Float[Tensor, "channel sample"]) -> Ending:
        """For the user's own sound with a new part: only peaks above both −1 dBFS and its own are
        turned down; the rest is unchanged, unless all of it is turned down because the clip is
        above full scale.
        """
        ceiling = max(float(true_peaks(own).max()), 10 ** (MAX_TRUE_PEAK_DBFS / 20))
        return cls(lufs=None, ceiling=ceiling, faded=False)


def finish(
    waveform: Float[Tensor, "channel sample"],
    image: SpectrogramImage,
    recipe: Recipe,
    ending: Ending,
    *,
    circular: bool,
    loudness: Loudness | None = None,
    title: str = "",
    notes: Sequence[str] = (),
) -> Clip:
    """Make a clip of a sound and the image that it came from.

    `circular` means that the sound is a loop. Loudness is by BS.1770 (riffkit/audio/loudness.py),
    true peak at most −1 dBFS. `loudness` is that of the whole clip, cut and faded, in place of the
    ending's. `title` is for players.
    """
    rate, remarks = image.params.sample_rate, list[str]()
    if loudness is None:
        waveform, remarks = _at_own_level(waveform, rate, ending, circular=circular)
    if ending.span is not None:
        waveform = waveform[:, slice(*ending.span)]
    if ending.faded:
        waveform = _faded(waveform, round(_FADE_SECONDS * rate))
    if loudness is not None:
        waveform, remarks = _at_loudness(waveform, rate, loudness, circular=circular)
    image = replace(image, recipe=recipe.to_dict())
    return Clip(waveform, rate, image, recipe, (*notes, *remarks), loop=circular, title=title)


def _at_own_level(
    waveform: Float[Tensor, "channel sample"], rate: int, ending: Ending, *, circular: bool
) -> tuple[Float[Tensor, "channel sample"], list[str]]:
    """The sound at its ending's level, and notes."""
    if ending.lufs is not None:
        level = normalize_loudness(waveform, rate, target_lufs=ending.lufs, circular=circular)
        return level, []
    if ending.ceiling is None:
        return waveform, []
    gain = limiter_gain(true_peaks(waveform), rate, ceiling=ending.ceiling)
    return _within_full_scale(waveform * torch.from_numpy(gain).float())


def _at_loudness(
    waveform: Float[Tensor, "channel sample"], rate: int, loudness: Loudness, *, circular: bool
) -> tuple[Float[Tensor, "channel sample"], list[str]]:
    """The sound at the loudness that the user wants, and a note if it can't be that loud."""
    if loudness == "peak":
        return normalize_peak(waveform, circular=circular), []
    level = normalize_loudness(waveform, rate, target_lufs=loudness, circular=circular)
    reached = integrated_lufs(level, rate)
    if not math.isfinite(reached) or reached > loudness - _MISSED_LU:
        return level, []
    return level, [
        f"loudness: {reached:.1f} LUFS instead of {loudness:g}; its peaks are turned down by "
        f"{MAX_LIMITING_DB:g} dB already"
    ]


def _within_full_scale(
    waveform: Float[Tensor, "channel sample"],
) -> tuple[Float[Tensor, "channel sample"], list[str]]:
    """The sound, with one gain for all of it if it would be clipped, and a note of that."""
    peak = float(true_peaks(waveform).max()) if float(waveform.abs().max()) > 1 else 1.0
    if peak <= 1:
        return waveform, []
    down = 20 * math.log10(peak)
    return waveform / peak, [f"level: {down:.1f} dB down; the clip is that much above full scale"]


def _faded(
    waveform: Float[Tensor, "channel sample"], n_fade: int
) -> Float[Tensor, "channel sample"]:
    n_fade = min(waveform.shape[-1] // 2, n_fade)
    if not n_fade:
        return waveform
    waveform = waveform.clone()
    rising = raised_cosine(torch.linspace(0, 1, n_fade))
    waveform[:, :n_fade] *= rising
    waveform[:, -n_fade:] *= rising.flip(0)
    return waveform


Join = Callable[[Float[Tensor, "channel sample"]], Float[Tensor, "channel joined"]]


@dataclass(frozen=True, eq=False)
class Painted:
    """One image, and how it becomes a clip.

    `loop` makes it circular. `seed` is the vocoder's. `known` is existing sound to keep; `join`
    combines the new sound with it. `ending` is applied last. `measure(sound)` returns notes for the
    user.
    """

    image: SpectrogramImage
    seed: int
    ending: Ending
    loop: bool = False
    known: KnownPart | None = None
    join: Join | None = None
    measure: Callable[[Tensor], tuple[str, ...]] | None = None
