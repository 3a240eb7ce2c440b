"""musicnn's features: what they are of, and that they tell music apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from riffkit.analysis.musicnn import N_FEATURES
from riffkit.audio.files import load
from riffkit.evaluation.reading import musicnn_features

RATE = 44_100


def features(root: Path, name: str, part: slice) -> np.ndarray:
    waveform, rate = load(root / "samples" / name)
    return musicnn_features(waveform[:, part], rate).numpy()


def test_two_halves_are_nearer_than_two_clips(root: Path) -> None:
    half = 2 * 44_100
    rows = np.stack(
        [
            features(root, name, part)
            for name in ("techno.flac", "strings.flac")
            for part in (slice(0, half), slice(half, 2 * half))
        ]
    )
    assert rows.shape == (4, N_FEATURES) and np.isfinite(rows).all()
    distance = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assert max(distance[0, 1], distance[2, 3]) < 0.7 * distance[:2, 2:].min()


def test_a_short_clip_is_heard_again_and_again() -> None:
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))
    once, thrice = musicnn_features(noise, RATE), musicnn_features(noise.tile(1, 3), RATE)
    torch.testing.assert_close(once, thrice, rtol=0.02, atol=0.02)


def test_the_channels_are_mixed() -> None:
    noise = torch.randn(1, 3 * RATE, generator=torch.Generator().manual_seed(0))
    stereo = torch.cat((noise, -0.5 * noise))
    torch.testing.assert_close(musicnn_features(stereo, RATE), musicnn_features(0.25 * noise, RATE))
