"""A clip's drums, bass, chords and lead, which add up to it.

The network's masks (masks.py) weight a short-time Fourier transform at the clip's own rate. Wiener
filters behind them, of power or of both channels' covariances, were measured and gain nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.separation.blocks import in_blocks, joined
from riffkit.analysis.separation.masks import group_masks, lift_mask
from riffkit.analysis.separation.network import GROUPS
from riffkit.spectrogram.stft import next_smooth

_WINDOW_SECONDS = 4_096 / 44_100
_HOPS = 4  # per window
_REST = GROUPS.index("chords")


def separate(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> dict[str, Float[Tensor, "channel sample"]]:
    """Take a clip apart into "drums", "bass", "chords" (all that accompanies) and "lead".

    Args:
        waveform: mono or stereo, at least one sample, of any level.
        sample_rate: in Hz.

    Returns:
        The stems, each as long as the clip and with its channels. They add up to it, but for the
        rounding of single precision. What the clip doesn't have is nearly silent.

    Raises:
        ParameterError: not 1 or 2 channels with at least one sample, or a rate below 1.
        ModelError: the bundled weights are missing.

    Example:
        without_drums = waveform - separate(waveform, 44_100)["drums"]
    """
    return joined(separate_blocks([waveform], sample_rate), waveform.shape)


def separate_blocks(
    blocks: Iterable[Float[Tensor, "channel _block"]], sample_rate: int
) -> Iterator[dict[str, Float[Tensor, "channel _piece"]]]:
    """`separate` for a clip of any length that comes in blocks, in memory that doesn't grow.

    Yields successive pieces of the stems, of up to 18 s.
    """
    for stems in in_blocks(blocks, sample_rate, _masked, rest=_REST):
        yield dict(zip(GROUPS, stems, strict=True))


@torch.no_grad()
def _masked(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, "group channel sample"]:
    hop_samples = next_smooth(round(_WINDOW_SECONDS * sample_rate / _HOPS))
    n_fft = _HOPS * hop_samples
    window = torch.hann_window(n_fft)
    mix = torch.stft(
        waveform, n_fft, hop_samples, window=window, pad_mode="constant", return_complex=True
    )
    bin_hz = torch.arange(mix.shape[1]) * (sample_rate / n_fft)
    frame_seconds = torch.arange(mix.shape[2]) * (hop_samples / sample_rate)
    masks = group_masks(waveform, sample_rate)
    n_samples = waveform.shape[1]
    return torch.stack(
        [
            torch.istft(
                lift_mask(mask, bin_hz, frame_seconds) * mix,
                n_fft,
                hop_samples,
                window=window,
                length=n_samples,
            )
            for mask in masks
        ]
    )
