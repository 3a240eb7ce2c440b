"""Where a recording is cut: whole bars or fixed seconds, without silence and fade-outs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.beats import BarGrid
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM, BeatGrid

STEP_SECONDS = 0.05
SILENCE_DBFS = -60.0
_SILENT_SHARE = 0.5
_BELOW_TRACK_DB = 40.0
_FADE_DB = 6.0
_FADE_MIN_SECONDS = 2.0
_FADE_STEADINESS = -0.75
_FADE_SHARE = 0.25
_LOOP_TOLERANCE, _LOOP_SECONDS = 0.02, 30.0


@dataclass(frozen=True)
class Part:
    """A piece of a recording, in samples. `reason` says why it isn't used; None for a clip."""

    start: int
    n_samples: int
    bpm: float | None
    reason: str | None = None

    @property
    def end(self) -> int:
        return self.start + self.n_samples


def loop_bars(n_samples: int, sample_rate: int, bpm: float, beats_per_bar: int) -> int:
    """The bars of a short file that is a loop of whole ones, else 0."""
    bars = n_samples / sample_rate * bpm / 60 / beats_per_bar
    is_loop = n_samples < _LOOP_SECONDS * sample_rate and round(bars) >= 1
    return round(bars) if is_loop and abs(bars / round(bars) - 1) <= _LOOP_TOLERANCE else 0


def cut_loop(
    n_samples: int,
    sample_rate: int,
    *,
    n_loop_bars: int,
    bars: int,
    hop_bars: int,
    beats_per_bar: int,
) -> list[Part]:
    """A loop of whole bars cut into clips from its first sample on, one every `hop_bars`."""
    n_beats = n_loop_bars * beats_per_bar
    bpm = n_beats * 60 * sample_rate / n_samples
    if not MIN_BPM <= bpm <= MAX_BPM:
        return []
    length = BeatGrid(bpm, bars * beats_per_bar).n_samples(sample_rate)
    first_bars = range(0, n_loop_bars - bars + 1, hop_bars)
    starts = [bar * n_samples // n_loop_bars for bar in first_bars]
    return [Part(s, length, bpm) for s in starts if s + length <= n_samples]


def cut_bars(
    grid: BarGrid, n_samples: int, sample_rate: int, *, bars: int, hop_bars: int, beats_per_bar: int
) -> list[Part]:
    """Clips of whole bars that begin on downbeats, one every `hop_bars`."""
    n_beats = bars * beats_per_bar
    last = len(grid.beat_seconds) - n_beats
    parts = []
    for first in range(grid.downbeat, last, hop_bars * beats_per_bar):
        bpm = grid.bpm_of(first, n_beats)
        if MIN_BPM <= bpm <= MAX_BPM:
            start = max(0, round(float(grid.beat_seconds[first]) * sample_rate))
            length = BeatGrid(bpm, n_beats).n_samples(sample_rate)
            if start + length <= n_samples:
                parts.append(Part(start, length, bpm))
    return parts


def cut_seconds(n_samples: int, sample_rate: int, seconds: float) -> list[Part]:
    length = round(seconds * sample_rate)
    return [Part(start, length, None) for start in range(0, n_samples - length + 1, length)]


def levels_db(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> np.ndarray:
    """The level of each 50 ms in dB re full scale, -120 at the least."""
    step = round(STEP_SECONDS * sample_rate)
    n_steps = max(1, waveform.shape[-1] // step)
    steps = waveform[:, : n_steps * step].reshape(waveform.shape[0], n_steps, -1)
    norms = torch.linalg.vector_norm(steps, dim=(0, 2)).double().numpy()
    power = norms**2 / (steps.shape[0] * steps.shape[2])
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def fade_out_start(levels: Float[np.ndarray, " step"]) -> int | None:
    """The step from which a recording fades to its end, None where it doesn't.

    From there on it never again comes within 6 dB of its usual level, and it falls steadily.
    """
    sounding = levels[levels > SILENCE_DBFS]
    if len(sounding) < _FADE_MIN_SECONDS / STEP_SECONDS:
        return None
    width = round(1 / STEP_SECONDS)
    smooth = np.convolve(
        np.pad(levels, (width // 2, width - 1 - width // 2), mode="edge"),
        np.full(width, 1 / width),
        mode="valid",
    )
    loud_ahead = np.maximum.accumulate(smooth[::-1])[::-1]
    usual = np.quantile(sounding, 0.6)
    fading = np.flatnonzero(loud_ahead < usual - _FADE_DB)
    fading = fading[levels[fading] > SILENCE_DBFS]
    if len(fading) * STEP_SECONDS < _FADE_MIN_SECONDS:
        return None
    fall = smooth[fading[0] : fading[-1] + 1]
    steadiness = np.corrcoef(np.arange(len(fall)), fall)[0, 1]
    if not steadiness < _FADE_STEADINESS:
        return None
    return int(fading[0])


def judge_parts(
    parts: list[Part],
    levels: Float[np.ndarray, " step"],
    sample_rate: int,
    *,
    track_level_db: float,
    fade_start: int | None,
) -> list[Part]:
    """The parts, those that are silent or lie in a fade-out with their reason."""
    step = STEP_SECONDS * sample_rate
    floor = max(SILENCE_DBFS, track_level_db - _BELOW_TRACK_DB)
    judged = []
    for part in parts:
        first, last = int(part.start / step), max(int(part.start / step) + 1, int(part.end / step))
        reason = None
        if np.mean(levels[first:last] < floor) > _SILENT_SHARE or not len(levels[first:last]):
            reason = "silence"
        elif fade_start is not None and last - max(first, fade_start) > _FADE_SHARE * (
            last - first
        ):
            reason = "fade-out"
        judged.append(Part(part.start, part.n_samples, part.bpm, reason))
    return judged


def leftovers(parts: list[Part], n_samples: int) -> list[Part]:
    """What lies before, between and behind the parts by more than a tenth of a second."""
    gaps, place = [], 0
    for part in [*parts, Part(n_samples, 0, None)]:
        if part.start - place > 4_410:
            gaps.append(Part(place, part.start - place, None, "too short for a clip"))
        place = max(place, part.end)
    return gaps
