"""The sample rates of Griffin-Lim, and its cutting and overlap-adding of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from riffkit.compiled import compiled
from riffkit.spectrogram.mel_scale import corner_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis, next_smooth
from riffkit.spectrogram.windows import WindowBand, window_bands

RATE_OVER_BAND = 2.16  # twice the highest frequency, and room for the window's main lobe
LOBE_BINS = 2.0  # half of a Hann window's main lobe, in units of 1 / window


@dataclass(frozen=True, eq=False)
class WorkingBand:
    """One window's band, at the lowest sample rate that contains its rows.

    It analyzes a loop's spectrum up to `passed_hz`, and contributes the part in its own rows.
    """

    window: WindowBand
    analysis: Analysis
    passed_hz: float


@lru_cache(maxsize=64)
def working_bands(
    params: SpectrogramParams, *, n_frames: int, n_samples: int
) -> tuple[WorkingBand, ...]:
    """The bands of an image, longest window first; the last one's rate covers the whole spectrum.

    `n_samples` at `params.sample_rate` is the length of `n_frames` columns, so that the windows
    keep their milliseconds whatever the tempo. Each has a whole hop a column and smooth sizes.
    0-10 kHz with 10 ms columns and one window of 100 ms: 21.6 kHz, hop 216, window and transform
    2,160.
    """
    column_seconds = n_samples / params.sample_rate / n_frames
    corners = corner_hz(params)
    windows = window_bands(params, 1000 * column_seconds)
    bands = []
    for window in windows:
        lobe_hz = 1000 * LOBE_BINS / window.window_ms
        top_hz = float(corners[window.end_row + 1])
        lowest_hz = RATE_OVER_BAND * top_hz + (4 * lobe_hz if window is not windows[-1] else 0)
        hop_samples = next_smooth(math.ceil(lowest_hz * column_seconds - 1e-6))
        sample_rate = hop_samples / column_seconds
        half_window = max(1, round(window.window_ms * sample_rate / 2000))
        analysis = Analysis(sample_rate, hop_samples, 2 * half_window, 2 * next_smooth(half_window))
        bands.append(WorkingBand(window, analysis, top_hz + lobe_hz))
    return tuple(bands)


def centred_window(analysis: Analysis) -> Float32[np.ndarray, " frame_sample"]:
    """A periodic Hann window in the middle of a transform, centered at n_fft / 2."""
    size = analysis.window_samples
    window = np.zeros(analysis.n_fft, np.float32)
    start = (analysis.n_fft - size) // 2
    window[start : start + size] = np.sin(np.pi * np.arange(size) / size) ** 2
    return window


def inverse_overlap(
    window: Float32[np.ndarray, " frame_sample"], hop_samples: int
) -> Float32[np.ndarray, " hop_sample"]:
    """1 / Σ window², over the frames that cover a sample; it repeats with every hop."""
    n_hops = -(-len(window) // hop_samples)
    squared = np.zeros(n_hops * hop_samples)
    squared[: len(window)] = np.square(window, dtype=np.float64)
    shift = len(window) // 2 % hop_samples  # frame 0 begins half a transform before sample 0
    return np.roll(1 / squared.reshape(n_hops, hop_samples).sum(0), -shift).astype(np.float32)


@compiled
def cut_frames(
    loop: Float32[np.ndarray, " sample"],
    window: Float32[np.ndarray, " frame_sample"],
    hop_samples: int,
    first_frame: int,
    frames: Float32[np.ndarray, "frame frame_sample"],
) -> None:
    """Fill `frames` from `first_frame` on; frame k is centered on sample k · hop, circularly."""
    n_samples, size = loop.shape[0], window.shape[0]
    for k in range(frames.shape[0]):
        start = ((first_frame + k) * hop_samples - size // 2) % n_samples
        done = 0
        while done < size:
            n_run = min(size - done, n_samples - start)
            sound, weight = loop[start : start + n_run], window[done : done + n_run]
            frame = frames[k, done : done + n_run]
            for i in range(n_run):
                frame[i] = sound[i] * weight[i]
            done += n_run
            start = 0


@compiled
def overlap_frames(
    frames: Float32[np.ndarray, "frame frame_sample"],
    window: Float32[np.ndarray, " frame_sample"],
    hop_samples: int,
    strip: Float32[np.ndarray, " strip_sample"],
) -> None:
    """The windowed sum of neighboring frames; the strip begins where the first frame does."""
    size = window.shape[0]
    strip[:] = 0
    for k in range(frames.shape[0]):
        place, frame = strip[k * hop_samples : k * hop_samples + size], frames[k]
        for i in range(size):
            place[i] += frame[i] * window[i]
