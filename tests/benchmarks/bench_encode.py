"""Encoding a clip to pixels: riffkit against torchaudio's MelSpectrogram with the same sizes;
and writing them as PNG: riffkit against Pillow alone.

    python tests/benchmarks/bench_encode.py [--short]

Fails where the two images differ by more than 0.3 of an 8-bit level on average.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # as it stands here

from timing import median_seconds

from riffkit.imports.torchaudio_compat import torchaudio
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, Planes, SpectrogramParams
from riffkit.spectrogram.pixels import mel_to_pixels

RATE = 44_100
MAX_MEAN_DIFFERENCE = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer repetitions")
    n_runs = 3 if parser.parse_args().short else 15
    clip = noisy_chord(512 * 441)
    print(f"5.12 s of stereo to 512 x 512 px, {torch.get_num_threads()} threads, {n_runs} runs")
    ratios = [compare(params, clip, n_runs) for params in (RIFFUSION_V1, FULL_BAND)]
    print(
        f"encode: {ratios[0]:.1f}x (riffusion-v1) and {ratios[1]:.1f}x (full-band) "
        "as fast as torchaudio"
    )
    compare_writing(clip, n_runs)


def noisy_chord(n_samples: int) -> Tensor:
    """Stereo with sound in every band, loud and soft."""
    seconds = torch.arange(n_samples) / RATE
    noise = torch.randn(2, n_samples, generator=torch.Generator().manual_seed(0))
    chord = sum(torch.sin(2 * torch.pi * hz * seconds) for hz in (110, 277.2, 659.3, 5_000))
    return 0.2 * chord * torch.exp(-4 * (seconds % 0.5)) + 0.003 * noise


def compare(params: SpectrogramParams, clip: Tensor, n_runs: int) -> float:
    """Print the difference and both times; the ratio of the median times."""
    transform = torchaudio().transforms.MelSpectrogram(
        RATE,
        17_640,
        4_410,
        441,
        params.min_hz,
        params.max_hz,
        n_mels=params.n_mels,
        power=1.0,
        norm=None,
        mel_scale="htk",
    )

    def theirs() -> np.ndarray:
        mid = clip.mean(0, keepdim=True)
        planes = torch.cat((clip, mid)) if params.planes is Planes.LEFT_RIGHT_MID else mid
        return mel_to_pixels(transform(planes * 32_768)[..., :512].contiguous(), params)[0]

    def ours() -> np.ndarray:
        return mel_to_pixels(waveform_to_mel(clip, params), params)[0]

    difference = np.abs(ours().astype(int) - theirs()).mean()
    their_seconds, our_seconds = median_seconds(theirs, n_runs), median_seconds(ours, n_runs)
    print(
        f"{params.preset}: torchaudio {1e3 * their_seconds:.0f} ms, "
        f"riffkit {1e3 * our_seconds:.0f} ms, mean difference {difference:.4f} levels"
    )
    if not difference <= MAX_MEAN_DIFFERENCE:
        raise SystemExit(f"{params.preset}: {difference:.3f} levels apart, more than 0.3")
    return their_seconds / our_seconds


def compare_writing(clip: Tensor, n_runs: int) -> None:
    image = waveform_to_image(clip, RATE, FULL_BAND)
    pillow = image.as_pil()
    with tempfile.TemporaryDirectory() as folder:
        path, their_path = Path(folder) / "ours.png", Path(folder) / "theirs.png"
        ours = median_seconds(lambda: image.save(path), n_runs)
        theirs = median_seconds(lambda: pillow.save(their_path), n_runs)
        size = path.stat().st_size / their_path.stat().st_size
    print(
        f"PNG: Pillow {1e3 * theirs:.0f} ms, riffkit {1e3 * ours:.0f} ms, "
        f"{theirs / ours:.1f}x as fast, {size:.2f} of the size"
    )


if __name__ == "__main__":
    main()
