"""Mel frames of sound that arrives in blocks: an hour is analyzed in the memory of a minute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.spectrogram.mel import as_channels, mel_blocks
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis, off_grid_analysis, pad_reflected, padded_tail_samples


def stream_to_mel(
    blocks: Iterable[Float[Tensor, "channel _sample"]], params: SpectrogramParams
) -> Iterator[Float[Tensor, "plane mel _frame"]]:
    """The same frames as `waveform_to_mel` of the joined blocks, off the grid, a few at a time."""
    analysis = off_grid_analysis(params)
    held = torch.zeros(params.planes.n_channels, 0)
    channels = (as_channels(block, params.planes) for block in blocks)
    for block in _reflected(channels, analysis):
        held = torch.cat((held, block), dim=-1)
        n_whole = (held.shape[-1] - analysis.window_samples) // analysis.hop_samples + 1
        if n_whole > 0:
            yield from mel_blocks(held, params, analysis, n_frames=n_whole)
            held = held[:, n_whole * analysis.hop_samples :]


def _reflected(
    blocks: Iterable[Float[Tensor, "channel _sample"]], analysis: Analysis
) -> Iterator[Float[Tensor, "channel _padded"]]:
    """The same sound with both ends mirrored, as far as the first and last frames reach."""
    held: Tensor | None = None
    n_samples = 0
    before = analysis.lead_samples
    for block in blocks:
        held = block if held is None else torch.cat((held, block), dim=-1)
        n_samples += block.shape[-1]
        if held.shape[-1] <= 2 * analysis.window_samples:
            continue  # too short for a mirror at either end
        if before:
            held, before = pad_reflected(held, before, 0), 0
        yield held[:, : -analysis.window_samples]
        held = held[:, -analysis.window_samples :]
    if held is None:
        return
    n_frames = -(-n_samples // analysis.hop_samples)
    after = padded_tail_samples(analysis, n_frames=n_frames, n_samples=n_samples)
    yield pad_reflected(held, before, after)
