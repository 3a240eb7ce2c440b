"""Stems that add up to the clip, whatever it is, and hold what their players play."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from riffkit.analysis.separation import blocks, masks
from riffkit.analysis.separation.blocks import in_blocks
from riffkit.analysis.separation.masks import lift_mask, network
from riffkit.analysis.separation.network import GROUPS
from riffkit.analysis.separation.separate import separate, separate_blocks
from riffkit.errors import ModelError, ParameterError
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import CRISP
from tests.analysis.bands import distortion_ratio_db, synthesised

RATE = 44_100
LOUDEST_REST = 1e-6  # -120 dB


def noise(n_channels: int, n_samples: int, *, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(n_channels, n_samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("rate", "n_samples", "n_channels"),
    [
        (44_100, 1, 2),
        (44_100, 441, 1),
        (44_100, 44_103, 2),
        (8_000, 12_345, 1),
        (48_000, 50_001, 2),
        (96_000, 40_000, 2),
        (11, 30, 1),
    ],
)
def test_stems_add_up_to_the_clip(rate: int, n_samples: int, n_channels: int) -> None:
    clip = noise(n_channels, n_samples)
    stems = separate(clip, rate)
    assert tuple(stems) == GROUPS == ("drums", "bass", "chords", "lead")
    assert all(stem.shape == clip.shape and stem.dtype == clip.dtype for stem in stems.values())
    assert (sum(stems.values()) - clip).abs().max() < LOUDEST_REST * clip.abs().max()


def test_silence_has_silent_stems() -> None:
    assert not any(stem.any() for stem in separate(torch.zeros(2, RATE), RATE).values())


@pytest.mark.parametrize(
    ("seed", "least_db"),
    [
        (20_000_100, {"drums": 6.5, "bass": 8.5, "chords": 10.0, "lead": 10.0}),
        (20_000_105, {"drums": 5.5, "bass": 7.0, "chords": 11.5, "lead": 9.0}),
    ],
    ids=["rock", "techno"],
)
def test_each_stem_is_nearer_to_its_players_than_the_mix(
    seed: int, least_db: dict[str, float]
) -> None:
    band = synthesised(seed)
    gains = gains_db(band.groups, separate(band.mix, RATE))
    assert all(gains[name] >= least for name, least in least_db.items()), gains


def test_another_level_and_another_rate_change_little() -> None:
    band = synthesised(20_000_105)
    stems = separate(band.mix, RATE)
    soft = separate(0.01 * band.mix, RATE)
    for name in GROUPS:
        assert distortion_ratio_db(stems[name], 100 * soft[name]) > 40


def gains_db(groups: Tensor, stems: dict[str, Tensor]) -> dict[str, float]:
    """By how much each stem has a better ratio of signal to distortion than the mix."""
    mix = groups.sum(dim=0)
    return {
        name: distortion_ratio_db(true, stems[name]) - distortion_ratio_db(true, mix)
        for name, true in zip(GROUPS, groups, strict=True)
    }


def test_a_clip_that_comes_in_blocks_has_the_same_stems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_SECONDS", 1.0)
    monkeypatch.setattr(blocks, "_CONTEXT_SECONDS", 0.5)
    clip = synthesised(20_000_105).mix
    whole = separate(clip, RATE)
    pieces = list(separate_blocks(clip.split(7_001, dim=1), RATE))
    assert len(pieces) == 3
    for name in GROUPS:
        assert torch.equal(torch.cat([piece[name] for piece in pieces], dim=1), whole[name])
    assert (sum(whole.values()) - clip).abs().max() < LOUDEST_REST * clip.abs().max()


def test_blocks_fade_into_each_other() -> None:
    """Of a constant that each block shares out otherwise, no stem jumps."""
    shares: Iterator[float] = iter([0.2, 0.8, 0.4, 0.6])

    def take_apart(waveform: Tensor, sample_rate: int) -> Tensor:
        share = next(shares)
        return torch.stack((share * waveform, (1 - share) * waveform))

    clip = torch.ones(1, 50 * 100)
    stems = torch.cat(list(in_blocks([clip], 100, take_apart, rest=1)), dim=2)
    assert stems.shape == (2, 1, 5_000)
    assert torch.allclose(stems.sum(dim=0), clip)
    assert float(stems[0, 0, 0]) == pytest.approx(0.2)
    assert float(stems[0, 0, -1]) == pytest.approx(0.4)
    assert stems.diff(dim=2).abs().max() <= 0.6 / 25 + 1e-6


def test_masks_are_lifted_to_the_frequencies_and_times_they_are_of() -> None:
    """A mask of one row and one column is strongest at that row's frequency and time."""
    mask = torch.zeros(512, 100)
    mask[200, 40] = 1
    hz, seconds = torch.arange(0, 22_050, 10.0), torch.arange(0, 1, 0.005)
    lifted = lift_mask(mask, hz, seconds)
    bin_number, frame = divmod(int(lifted.argmax()), len(seconds))
    assert float(hz[bin_number]) == pytest.approx(mel_row_hz(CRISP)[200], abs=15)
    assert float(seconds[frame]) == pytest.approx(0.4, abs=0.006)
    assert float(lift_mask(torch.ones(512, 3), hz, seconds).min()) == 1


def test_what_cannot_be_taken_apart_is_told() -> None:
    with pytest.raises(ParameterError, match=r"waveform=\(3, 10\): must be 1 or 2 channels"):
        separate(torch.zeros(3, 10), RATE)
    with pytest.raises(ParameterError, match="at least one sample"):
        separate(torch.zeros(2, 0), RATE)
    with pytest.raises(ParameterError, match="sample_rate=0"):
        separate(torch.zeros(2, 10), 0)


def test_missing_weights_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network.cache_clear()
    monkeypatch.setattr(masks, "WEIGHTS", tmp_path / "separator.safetensors")
    with pytest.raises(ModelError, match=r"separator.safetensors can't be read; reinstall riffkit"):
        separate(torch.zeros(1, 10), RATE)


_LONG = """
import resource, sys, torch
from riffkit.analysis.separation.separate import separate_blocks
torch.set_num_threads(1)
torch.manual_seed(0)
blocks = (0.1 * torch.randn(2, 44_100) for _ in range(int(sys.argv[1])))
n_samples = sum(stems["bass"].shape[1] for stems in separate_blocks(blocks, 44_100))
assert n_samples == int(sys.argv[1]) * 44_100
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is the system's own")
def test_memory_does_not_grow_with_the_length(root: Path) -> None:
    """Of 100 s no more than of 40, within 30 MB; as arrays they would take 106 MB more."""
    short, long = (
        int(
            subprocess.check_output(
                [sys.executable, "-c", _LONG, seconds],
                cwd=root,
                text=True,
                env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"},  # what is freed, is gone
            )
        )
        for seconds in ("40", "100")
    )
    assert long - short < 30_000
