"""A clip's place in a longer image that extends it, and the joined sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.audio.crossfade import equal_power_gains
from riffkit.diffusion.denoise import Inpainting
from riffkit.music.canvas import PHRASE_BARS, Canvas
from riffkit.music.source import FADE_SECONDS, Source
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import KnownPart


@dataclass(frozen=True, eq=False)
class Continuation:
    """Where a clip lies in the image that extends it.

    `shift` is the offset of the clip's image in the new one, in frames. The clip's sound begins at
    `sample` there (negative if earlier) and fills `frames`, from the first to one past the last.
    With `before`, the new part comes before the clip.
    """

    source: Source
    shift: int
    sample: int
    frames: tuple[int, int]
    before: bool

    @classmethod
    def of(cls, source: Source, grid: BeatGrid, *, n_bars: int, before: bool) -> Continuation:
        """`n_bars` new bars in an image on `grid`, beside the last or the first of the clip's."""
        beats = source.beats_per_bar
        n_context = grid.n_beats // beats - n_bars
        bars = n_bars if before else n_context - source.bars
        frames_per_sample = source.image.n_frames / source.image.n_samples
        shift = bars * beats * PIXELS_PER_BEAT
        sample = round(shift / frames_per_sample) + source.n_lead
        first = math.ceil(max(0, sample) * frames_per_sample)
        last = math.floor((sample + source.waveform.shape[-1]) * frames_per_sample)
        return cls(source, shift, sample, (first, min(last, grid.n_frames)), before)

    def inpainting(self, canvas: Canvas, *, strength: float) -> Inpainting:
        """Keep the clip's part; regenerate the rest by `strength` from its nearest bars."""
        stride, n_columns = canvas.pipeline.stride, canvas.n_columns
        first, last = -(-self.frames[0] // stride), self.frames[1] // stride
        per_bar = canvas.columns_per_bar
        period = min((last - first) // per_bar * per_bar, PHRASE_BARS * per_bar)
        places = torch.arange(n_columns)
        mask = torch.full((1, 1, 1, n_columns), strength if period else 1.0)
        mask[..., first:last] = 0
        if period:
            echo = torch.where(places < first, first + (places - first) % period, places)
            echo = torch.where(places >= last, last - period + (places - last) % period, echo)
        else:
            echo = places.clamp(first, max(first, last - 1))
        n_own = self.source.image.n_frames // stride
        columns = (echo - self.shift // stride).clamp(0, n_own - 1)
        return Inpainting(latents=self.source.latents(canvas.pipeline)[..., columns], mask=mask)

    def with_own(
        self, pixels: UInt8[np.ndarray, "row frame 3"]
    ) -> UInt8[np.ndarray, "row frame 3"]:
        """The picture with the clip's own pixels restored."""
        pixels = pixels.copy()
        own = self.source.image.pixels[:, slice(*(frame - self.shift for frame in self.frames))]
        pixels[:, slice(*self.frames)] = own
        return pixels

    def known_sound(self, image: SpectrogramImage) -> KnownPart:
        """The clip's sound at its position in the image."""
        old = self.source.waveform
        begin, end = self._span(image.n_samples)
        known = torch.zeros(len(old), image.n_samples)
        known[:, begin:end] = old[:, begin - self.sample : end - self.sample]
        is_known = np.zeros(image.pixels.shape[:2], np.bool_)
        is_known[:, slice(*self.frames)] = True
        return KnownPart(known, is_known)

    def joined(self, whole: Float[Tensor, "channel sample"]) -> Float[Tensor, "channel joined"]:
        """The clip's own sound up to the join, then the new sound; or the reverse with `before`.

        Both are in phase at the crossfade, because they were decoded together.
        """
        old = self.source.waveform.clone()
        begin, end = self._span(whole.shape[-1])
        n_fade = min(round(FADE_SECONDS * self.source.sample_rate), end - begin)
        rise, fall = (gain.square() for gain in equal_power_gains(n_fade))
        if self.before:
            old[:, :n_fade] = old[:, :n_fade] * rise + whole[:, begin : begin + n_fade] * fall
            return torch.cat((whole[:, :begin], old), -1)
        old[:, -n_fade:] = old[:, -n_fade:] * fall + whole[:, end - n_fade : end] * rise
        return torch.cat((old, whole[:, end:]), -1)

    def _span(self, n_samples: int) -> tuple[int, int]:
        """The samples of the new sound that the clip fills."""
        return max(0, self.sample), min(self.sample + self.source.waveform.shape[-1], n_samples)
