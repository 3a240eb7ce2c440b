"""Whose sound each place of a spectrogram is: the network's masks, and their way to an STFT."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from riffkit.analysis.separation.network import COLUMN_MULTIPLE, MaskNetwork, power_to_levels
from riffkit.audio.resampling import resample
from riffkit.errors import ModelError
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import CRISP, Planes

WEIGHTS = Path(__file__).parents[2] / "weights" / "separator" / "separator.safetensors"
COLUMN_SECONDS = CRISP.hop_ms / 1000
_PARAMS = CRISP.with_planes(Planes.RIFFUSION_STEREO)
_RMS = 0.126  # -18 dBFS: the loudness of the music that the network was trained on
_LARGEST_GAIN = 1e4


@torch.no_grad()
def group_masks(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, "group 512 column"]:
    """The share of each group in the power of a clip's mel image, a column every 10 ms.

    At each place the shares add up to 1.
    """
    gain = min(_LARGEST_GAIN, _RMS / max(float(waveform.square().mean().sqrt()), 1e-9))
    heard = resample(gain * waveform, sample_rate, _PARAMS.sample_rate)
    levels = power_to_levels(waveform_to_mel(heard, _PARAMS).square().mean(dim=0))
    n_columns = levels.shape[-1]
    padded = functional.pad(levels[None], (0, -n_columns % COLUMN_MULTIPLE), mode="replicate")
    return network()(padded)[0, ..., :n_columns].softmax(dim=0)


def lift_mask(
    mask: Float[Tensor, "512 column"],
    bin_hz: Float[Tensor, " bin"],
    frame_seconds: Float[Tensor, " frame"],
) -> Float[Tensor, "bin frame"]:
    """A mask at the bins and frames of an STFT, between rows and columns in a straight line."""
    hz = torch.from_numpy(mel_row_hz(_PARAMS)).float()
    upper = torch.searchsorted(hz, bin_hz).clamp(1, len(hz) - 1)
    row = upper - 1 + (bin_hz - hz[upper - 1]) / (hz[upper] - hz[upper - 1])
    by_bin = _between(mask.T, row)
    return _between(by_bin.T, frame_seconds / COLUMN_SECONDS)


def _between(
    values: Float[Tensor, "line place"], wanted: Float[Tensor, " wanted"]
) -> Float[Tensor, "line wanted"]:
    """Linear interpolation at fractional places; beyond the ends the last values hold."""
    last = values.shape[-1] - 1
    place = wanted.clamp(0, last)
    lower = place.long()
    return torch.lerp(
        values[..., lower], values[..., (lower + 1).clamp_max(last)], (place - lower).to(values)
    )


@lru_cache(maxsize=1)
def network() -> MaskNetwork:
    """The bundled network; ModelError if its weights are missing or damaged."""
    found = MaskNetwork()
    try:
        weights = load_file(WEIGHTS)
        found.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"{WEIGHTS.name} can't be read; reinstall riffkit") from error
    return found.eval().requires_grad_(False)
