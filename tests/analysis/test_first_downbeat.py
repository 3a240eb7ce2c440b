"""Where bars begin, in patterns whose downbeat is known."""

from __future__ import annotations

import pytest
import torch

from riffkit.analysis.first_downbeat import first_downbeat

RATE = 22_050


def drums(bpm: float, offset_seconds: float, beats_per_bar: int, seconds: float = 20.0):
    """Ticks on every beat, with a low thump on each downbeat."""
    n = round(seconds * RATE)
    out = torch.zeros(1, n)
    time = torch.arange(n) / RATE
    noise = torch.randn(n, generator=torch.Generator().manual_seed(0))
    beat = 60 / bpm
    for k in range(-beats_per_bar, int(seconds / beat) + 1):
        since = time - offset_seconds - k * beat
        envelope = torch.where(since >= 0, torch.exp(-30 * since.clamp(min=0)), 0.0)
        out[0] += 0.2 * envelope * noise
        if k % beats_per_bar == 0:
            slower = torch.where(since >= 0, torch.exp(-8 * since.clamp(min=0)), 0.0)
            out[0] += 0.6 * slower * torch.sin(2 * torch.pi * 60 * since)
    return out


@pytest.mark.parametrize("bpm", [74.0, 120.0, 151.3])
@pytest.mark.parametrize("beats_per_bar", [3, 4])
@pytest.mark.parametrize("offset_beats", [0.0, 0.4, 2.25])
def test_the_downbeat_is_found(bpm: float, beats_per_bar: int, offset_beats: float) -> None:
    beat = 60 / bpm
    clip = drums(bpm, offset_beats * beat, beats_per_bar)
    found = first_downbeat(clip, RATE, bpm=bpm, beats_per_bar=beats_per_bar)
    bar = beats_per_bar * beat
    late = (found - offset_beats * beat + bar / 2) % bar - bar / 2
    assert abs(late) < 0.03
    assert 0 <= found < bar


def test_silence_has_its_downbeat_at_the_start() -> None:
    assert first_downbeat(torch.zeros(2, 4 * RATE), RATE, bpm=100.0) == 0
