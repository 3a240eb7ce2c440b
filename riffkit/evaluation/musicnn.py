"""What the front-end of musicnn hears in a clip: features for distances between sets of clips.

Pons and Serra, arXiv:1909.06654: two "timbral" convolutions that look at many mel bands for
0.1 s, three "temporal" ones that look at one band for 0.5 to 2 s, each pooled over the bands. The
tagger's later layers tell rendered music badly apart; the means of these do it well. It hears up
to 8 kHz, in mono. Weights: the MagnaTagATune model's (ISC), made by `riff train musicnn`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from riffkit.audio.resampling import resample
from riffkit.errors import ModelError

WEIGHTS = Path(__file__).parent.parent / "weights" / "musicnn" / "front_end.safetensors"
SAMPLE_RATE = 16_000
FFT_SIZE, HOP_SAMPLES, N_MELS, MAX_HZ = 512, 256, 96, 8_000.0
TIMBRAL, TEMPORAL = ("timbral_38", "timbral_67"), ("temporal_128", "temporal_64", "temporal_32")
BRANCHES = TIMBRAL + TEMPORAL
N_FEATURES = 561
MIN_SECONDS = 3.0


@torch.no_grad()
def musicnn_features(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, " feature"]:
    """The means over time of the 561 features; a clip under 3 s is heard again and again."""
    weights = _weights()
    n_turns = -int(-MIN_SECONDS * sample_rate // waveform.shape[-1])
    mono = resample(waveform.mean(0, keepdim=True), sample_rate, SAMPLE_RATE)[0].repeat(n_turns)
    window = torch.hann_window(FFT_SIZE)
    spectrum = torch.stft(
        mono, FFT_SIZE, HOP_SAMPLES, window=window, pad_mode="reflect", return_complex=True
    )
    mel = spectrum.abs().square().T @ weights["mel_filters"]
    image = torch.log10(10_000 * mel + 1)[None, None]
    image = image * weights["input.scale"] + weights["input.shift"]
    means = []
    for name in BRANCHES:
        kernel = weights[f"{name}.weight"]
        size = kernel.shape[2]
        before = (size - 1) // 2  # as TensorFlow pads
        padded = functional.pad(image, (0, 0, before, size - 1 - before))
        found = functional.relu(functional.conv2d(padded, kernel, weights[f"{name}.bias"]))
        scale, shift = (weights[f"{name}.{part}"][:, None, None] for part in ("scale", "shift"))
        means.append((found * scale + shift).amax(dim=3).mean(dim=(0, 2)))
    return torch.cat(means)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Tensor]:
    try:
        return {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{WEIGHTS.name} can't be read; install riffkit again") from error
