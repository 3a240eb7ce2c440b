"""The network that finds the start's phase, apart from what it has learned."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from riffkit.errors import ModelError
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.vocoder.grid import working_analysis
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_loop import MelLoop
from riffkit.vocoder.neural import NeuralVocoder
from riffkit.vocoder.phase_gradient import PhaseChanges, phase_from_magnitude
from riffkit.vocoder.phase_network import (
    PhaseNetwork,
    bin_grid,
    find_changes,
    load_phase_network,
)

N_FRAMES = 24


def target_of(params: SpectrogramParams) -> np.ndarray:
    """Smooth random mel rows "plane frame mel", louder where low."""
    generator = np.random.default_rng(0)
    planes = params.planes.n_mel_planes
    coarse = generator.uniform(0.6, 1, (planes, N_FRAMES // 4, params.n_mels // 8))
    fine = coarse.repeat(4, axis=1).repeat(8, axis=2)
    slope = np.linspace(1, 0.5, params.n_mels)
    return np.ascontiguousarray(1e5 * (fine * slope) ** 4, np.float32)


def with_random_head(network: PhaseNetwork) -> PhaseNetwork:
    generator = torch.Generator().manual_seed(0)
    for weight in (network.out.weight, network.out.bias):
        weight.data.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    return network.eval()


def smooth_and_changes(network: PhaseNetwork, params: SpectrogramParams, target: np.ndarray):
    analysis = working_analysis(params, n_frames=N_FRAMES, n_samples=N_FRAMES * 441)
    with ThreadPoolExecutor(1) as pool:
        bank = mel_bank(params, analysis)
        solver = MelLoop(target, params.planes.n_channels, analysis, bank, pool)
        smooth = solver.smooth_magnitude()
    return analysis, smooth, find_changes(network, target, smooth, params, analysis)


@pytest.mark.parametrize("params", [FULL_BAND, RIFFUSION_V1])
def test_a_new_network_corrects_nothing(params: SpectrogramParams) -> None:
    target = target_of(params)
    analysis, smooth, changes = smooth_and_changes(PhaseNetwork(), params, target)
    with ThreadPoolExecutor(1) as pool:
        options = {"seed": 0, "pool": pool}
        plain = phase_from_magnitude(smooth[-1], analysis, **options)
        given = phase_from_magnitude(smooth[-1], analysis, changes=changes, **options)
    loud = smooth[-1] > 1e-3 * smooth.max()
    assert np.cos(plain - given)[loud].mean() > 0.99


def test_time_is_circular() -> None:
    network = with_random_head(PhaseNetwork())
    target = target_of(FULL_BAND)
    *_, changes = smooth_and_changes(network, FULL_BAND, target)
    turned = np.ascontiguousarray(np.roll(target, 5, axis=1))
    *_, changes_turned = smooth_and_changes(network, FULL_BAND, turned)
    for name in ("in_time", "in_frequency"):
        expected = np.roll(getattr(changes, name), 5, 0)
        np.testing.assert_allclose(
            getattr(changes_turned, name), expected, rtol=1e-3, atol=1e-3, err_msg=name
        )


def test_given_changes_are_integrated_both_ways() -> None:
    analysis = working_analysis(RIFFUSION_V1, n_frames=N_FRAMES, n_samples=N_FRAMES * 441)
    generator = np.random.default_rng(1)
    shape = (N_FRAMES, analysis.n_bins)
    phase = generator.uniform(-np.pi, np.pi, shape).astype(np.float32)
    magnitude = generator.uniform(0.1, 1, shape).astype(np.float32)
    changes = PhaseChanges(np.roll(phase, -1, 0) - phase, np.roll(phase, -1, 1) - phase)
    with ThreadPoolExecutor(1) as pool:
        found = phase_from_magnitude(magnitude, analysis, seed=0, pool=pool, changes=changes)
    n_bins = analysis.n_bins
    for band in range(4):  # each is integrated for itself, from a phase of its own
        part = slice(n_bins * band // 4, n_bins * (band + 1) // 4)
        offset = np.angle(np.exp(1j * (found - phase)[:, part]))
        assert np.abs(np.exp(1j * (offset - offset[0, 0])) - 1).max() < 1e-3


def test_the_grid_places_every_bin_between_its_rows() -> None:
    analysis = working_analysis(FULL_BAND, n_frames=N_FRAMES, n_samples=N_FRAMES * 441)
    grid = bin_grid(FULL_BAND, analysis)
    from riffkit.spectrogram.mel import mel_row_hz

    row_hz = mel_row_hz(FULL_BAND)
    bin_hz = torch.arange(analysis.n_bins) * analysis.bin_hz
    inside = (bin_hz > row_hz[0]) & (bin_hz < row_hz[-1])
    assert (row_hz[grid.row_below] <= bin_hz + 1e-2)[inside].all()
    assert (bin_hz <= row_hz[grid.row_below + 1] + 1e-2)[inside].all()
    assert grid.part_above.min() >= 0 and grid.part_above.max() <= 1


def test_weights_come_back_from_their_file(tmp_path: Path) -> None:
    network = with_random_head(PhaseNetwork())
    path = tmp_path / "vocoder.safetensors"
    config = {"config": json.dumps(asdict(network.config))}
    save_file({n: t.contiguous() for n, t in network.state_dict().items()}, path, metadata=config)
    loaded = load_phase_network(path)
    target = target_of(RIFFUSION_V1)
    first, second = (smooth_and_changes(n, RIFFUSION_V1, target)[2] for n in (network, loaded))
    np.testing.assert_array_equal(first.in_time, second.in_time)
    np.testing.assert_array_equal(first.in_frequency, second.in_frequency)


def test_missing_or_damaged_weights_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="riff train vocoder"):
        NeuralVocoder(tmp_path / "vocoder.safetensors")
    (tmp_path / "vocoder.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"vocoder\.safetensors"):
        NeuralVocoder(tmp_path / "vocoder.safetensors")
