"""Cutting a loop into windowed frames, and laying frames over each other again."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from riffkit.compiled import compiled
from riffkit.spectrogram.stft import Analysis


def centred_window(analysis: Analysis) -> Float32[np.ndarray, " frame_sample"]:
    """A periodic Hann window in the middle of a transform: its centre is at n_fft / 2."""
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
    """Fill `frames` from `first_frame` on; frame k is centred on sample k · hop, round the end."""
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
    """The windowed sum of neighbouring frames; the strip begins where the first frame does."""
    size = window.shape[0]
    strip[:] = 0
    for k in range(frames.shape[0]):
        place, frame = strip[k * hop_samples : k * hop_samples + size], frames[k]
        for i in range(size):
            place[i] += frame[i] * window[i]
