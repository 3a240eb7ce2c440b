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
from riffkit.audio.loudness import MAX_TRUE_PEAK_DBFS, TARGET_LUFS, normalize_loudness
from riffkit.music.clip import Clip
from riffkit.provenance.recipe import Recipe
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import KnownPart

_FADE_SECONDS = 0.005


@dataclass(frozen=True)
class Ending:
    """A clip's final loudness, span and fades.

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
    notes: Sequence[str] = (),
) -> Clip:
    """Make a clip of a sound and the image that it came from.

    `circular` means that the sound is a loop. Loudness is by BS.1770 (riffkit/audio/loudness.py),
    true peak at most −1 dBFS.
    """
    rate = image.params.sample_rate
    if ending.lufs is not None:
        waveform = normalize_loudness(waveform, rate, target_lufs=ending.lufs, circular=circular)
    elif ending.ceiling is not None:
        gain = limiter_gain(true_peaks(waveform), rate, ceiling=ending.ceiling)
        waveform = waveform * torch.from_numpy(gain).float()
        waveform, note = _within_full_scale(waveform)
        notes = [*notes, *note]
    if ending.span is not None:
        waveform = waveform[:, slice(*ending.span)]
    if ending.faded:
        waveform = _faded(waveform, round(_FADE_SECONDS * rate))
    image = replace(image, recipe=recipe.to_dict())
    return Clip(waveform, rate, image, recipe, tuple(notes))


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
