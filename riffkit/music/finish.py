"""The last step of every task: turns a painting into a clip, with level, fades, recipe and notes.

Anything that every output needs (a watermark, a manifest) is added here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
    loudness_gain,
    peak_gain,
)
from riffkit.limits import Loudness
from riffkit.music.clip import Clip
from riffkit.music.painted_before import tag_of
from riffkit.provenance.recipe import Recipe
from riffkit.score.notes import Score, Track
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


Gain = Float[Tensor, " sample"] | float


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
    stems: Mapping[str, Float[Tensor, "2 sample"]] | None = None,
    pictures: Mapping[str, Picture] | None = None,
) -> Clip:
    """Make a clip of a sound and the image that it came from.

    `circular` means that the sound is a loop. Loudness is by BS.1770 (riffkit/audio/loudness.py),
    true peak at most −1 dBFS. `loudness` is that of the whole clip, cut and faded, in place of the
    ending's. `title` is for players. `stems` add up to the sound, and to the clip's: all that is
    done is measured on the sound, and done to all of them; `pictures` are those that were painted.
    """
    rate, remarks = image.params.sample_rate, list[str]()
    names, sounds = [*(stems or {})], [waveform, *(stems or {}).values()]
    if loudness is None:
        gain, remarks = _own_gain(waveform, rate, ending, circular=circular)
        sounds = _times(sounds, gain)
    if ending.span is not None:
        sounds = [sound[:, slice(*ending.span)] for sound in sounds]
    if ending.faded:
        sounds = _times(sounds, _fade(sounds[0].shape[-1], round(_FADE_SECONDS * rate)))
    if loudness is not None:
        gain, remarks = _gain_to(loudness, sounds[0], rate, circular=circular)
        sounds = _times(sounds, gain)
    down, more = _gain_for_stems(dict(zip(names, sounds[1:], strict=True)))
    sounds = _times(sounds, down)
    return Clip(
        sounds[0],
        rate,
        replace(image, recipe=recipe.to_dict()),
        recipe,
        (*notes, *remarks, *more),
        loop=circular,
        title=title,
        stems=dict(zip(names, sounds[1:], strict=True)),
        stem_images={name: one.image_for(name, recipe) for name, one in (pictures or {}).items()},
    )


def _own_gain(
    waveform: Float[Tensor, "channel sample"], rate: int, ending: Ending, *, circular: bool
) -> tuple[Gain, list[str]]:
    """The gain to an ending's level, and notes."""
    if ending.lufs is not None:
        return loudness_gain(waveform, rate, target_lufs=ending.lufs, circular=circular), []
    if ending.ceiling is None:
        return 1.0, []
    limited = limiter_gain(true_peaks(waveform), rate, ceiling=ending.ceiling)
    gain = torch.from_numpy(limited).float()
    down, remarks = _within_full_scale(waveform * gain)
    return gain * down, remarks


def _gain_to(
    loudness: Loudness, waveform: Float[Tensor, "channel sample"], rate: int, *, circular: bool
) -> tuple[Gain, list[str]]:
    """The gain to the loudness that the user wants, and a note if the sound can't be that loud."""
    if loudness == "peak":
        return peak_gain(waveform, circular=circular), []
    gain = loudness_gain(waveform, rate, target_lufs=loudness, circular=circular)
    reached = integrated_lufs(waveform * gain, rate)
    if not math.isfinite(reached) or reached > loudness - _MISSED_LU:
        return gain, []
    return gain, [
        f"loudness: {reached:.1f} LUFS instead of {loudness:g}; its peaks are turned down by "
        f"{MAX_LIMITING_DB:g} dB already"
    ]


def _within_full_scale(
    waveform: Float[Tensor, "channel sample"], what: str = "the clip"
) -> tuple[float, list[str]]:
    """One gain for all of the sound if it would be clipped, and a note of that."""
    peak = float(true_peaks(waveform).max()) if float(waveform.abs().max()) > 1 else 1.0
    if peak <= 1:
        return 1.0, []
    down = 20 * math.log10(peak)
    return 1 / peak, [f"level: {down:.1f} dB down; {what} is that much above full scale"]


def _gain_for_stems(stems: Mapping[str, Float[Tensor, "2 sample"]]) -> tuple[float, list[str]]:
    """One gain for all, where a stem would be clipped and no longer add up, and a note of that.

    A stem can be louder than the mix, where others cancel it.
    """
    peaks = {name: float(stem.abs().max()) for name, stem in stems.items()}
    if not peaks:
        return 1.0, []
    loudest = max(peaks, key=lambda name: peaks[name])
    return _within_full_scale(stems[loudest], f"the stem {loudest!r}")


def _times(
    sounds: Sequence[Float[Tensor, "_ sample"]], gain: Gain
) -> list[Float[Tensor, "_ sample"]]:
    """All of them times a gain."""
    return list(sounds) if isinstance(gain, float) and gain == 1 else [s * gain for s in sounds]


def _fade(n_samples: int, n_fade: int) -> Gain:
    """Rises over the first samples and falls over the last."""
    n_fade = min(n_samples // 2, n_fade)
    gain = torch.ones(n_samples)
    if n_fade:
        rising = raised_cosine(torch.linspace(0, 1, n_fade))
        gain[:n_fade] *= rising
        gain[-n_fade:] *= rising.flip(0)
    return gain


Join = Callable[[Float[Tensor, "channel sample"]], Float[Tensor, "channel joined"]]


@dataclass(frozen=True, eq=False)
class Picture:
    """A player painted alone; `painting` is the same for another that would be the same picture."""

    image: SpectrogramImage
    painting: str

    def image_for(self, name: str, recipe: Recipe) -> SpectrogramImage:
        """The image with the recipe of a stem of that name."""
        tag = tag_of(self.painting, self.image.pixels)
        own = recipe.with_arguments({"stem": name, "painting": tag})
        return replace(self.image, recipe=own.to_dict())


@dataclass(frozen=True, eq=False)
class Band:
    """Players painted alone: a picture for each track of a score, which says how they are mixed.

    `names` are those of the players. The kicks of `ducked_by`, heard or not, duck the others.
    """

    names: Sequence[str]
    pictures: Sequence[Picture]
    score: Score
    ducked_by: Sequence[Track]


@dataclass(frozen=True, eq=False)
class Painted:
    """One image, or a band's, and how that becomes a clip. A band's clip has the image of its mix.

    `loop` makes it circular. `seed` is the vocoder's. `known` is existing sound to keep; `join`
    combines the new sound with it. `sound` is the image's own, which is then not decoded. `ending`
    is applied last. `measure(sound)` returns notes for the user.
    """

    image: SpectrogramImage | Band
    seed: int
    ending: Ending
    loop: bool = False
    known: KnownPart | None = None
    join: Join | None = None
    measure: Callable[[Tensor], tuple[str, ...]] | None = None
    sound: Float[Tensor, "channel sample"] | None = None
