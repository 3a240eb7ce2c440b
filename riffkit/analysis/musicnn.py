"""The front end of musicnn: its mel image of a clip, and its first convolutions.

Pons and Serra, arXiv:1909.06654: two "timbral" convolutions that look at many mel bands for
0.1 s, three "temporal" ones that look at one band for 0.5 to 2 s, each pooled over the bands. It
hears up to 8 kHz, in mono. Weights: the MagnaTagATune model's (ISC), made by `riff train musicnn`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from riffkit.audio.resampling import resample
from riffkit.errors import ModelError

WEIGHTS = Path(__file__).parent.parent / "weights" / "musicnn"
FRONT_END_FILE = "front_end.safetensors"
SAMPLE_RATE = 16_000
FFT_SIZE, HOP_SAMPLES, N_MELS, MAX_HZ = 512, 256, 96, 8_000.0
TIMBRAL, TEMPORAL = ("timbral_38", "timbral_67"), ("temporal_128", "temporal_64", "temporal_32")
BRANCHES = TIMBRAL + TEMPORAL
N_FEATURES = 561
MIN_SECONDS = 3.0


def mel_image(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, "frame mel"]:
    """musicnn's input, log₁₀(10⁴ · power + 1) of mel bands; a clip under 3 s is repeated."""
    n_turns = -int(-MIN_SECONDS * sample_rate // max(1, waveform.shape[-1]))
    mono = resample(waveform.mean(0, keepdim=True), sample_rate, SAMPLE_RATE)[0].repeat(n_turns)
    window = torch.hann_window(FFT_SIZE)
    spectrum = torch.stft(
        mono, FFT_SIZE, HOP_SAMPLES, window=window, pad_mode="reflect", return_complex=True
    )
    mel = spectrum.abs().square().T @ _weights()["mel_filters"]
    return torch.log10(10_000 * mel + 1)


def front_end(
    images: Float[Tensor, "patch frame mel"], features: Int[Tensor, " found"] | None = None
) -> Float[Tensor, "patch found frame"]:
    """The 561 features of each frame, or only those numbered `features` (ascending)."""
    weights = _weights()
    wanted = torch.arange(N_FEATURES) if features is None else features
    image = images[:, None] * weights["input.scale"] + weights["input.shift"]
    maps, first = [], 0
    for name in BRANCHES:
        end = first + len(weights[f"{name}.bias"])
        chosen = wanted[(wanted >= first) & (wanted < end)] - first
        first = end
        kernel, bias, scale, shift = (
            weights[f"{name}.{part}"][chosen] for part in ("weight", "bias", "scale", "shift")
        )
        size = kernel.shape[2]
        before = (size - 1) // 2  # as TensorFlow pads
        padded = functional.pad(image, (0, 0, before, size - 1 - before))
        # The largest of relu(x) · scale + shift over the bands is that of the band whose x is
        # largest, or least where the scale is negative.
        sign = 1.0 - 2.0 * (scale < 0)
        found = functional.conv2d(padded, sign[:, None, None, None] * kernel, sign * bias)
        peak = functional.relu(found.amax(dim=3) * sign[:, None])
        maps.append(peak * scale[:, None] + shift[:, None])
    return torch.cat(maps, dim=1)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Tensor]:
    return {name: tensor.float() for name, tensor in read_weights(FRONT_END_FILE).items()}


def read_weights(name: str) -> dict[str, Tensor]:
    """The tensors of one of musicnn's files; ModelError if it is missing or damaged."""
    try:
        return load_file(WEIGHTS / name)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{name} can't be read; reinstall riffkit") from error
