"""Training of the separator on bands that are easily taken apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from riffkit.analysis.separation.network import GROUPS, MaskNetwork
from riffkit.score import write_score
from riffkit.score.notes import Note, Track
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from riffkit.training.state import load_ema
from train.listeners import tracks
from train.listeners.separator import mixtures, task
from train.listeners.separator.export import export
from train.listeners.separator.mixtures import draw_mixture, group_of, real_mixture
from train.listeners.separator.task import SeparatorTask
from train.listeners.tracks import BandLevels, band_paths, levels_to_power
from train.stream.recipe import FIRST_HELD_OUT

ROLES = {"drums": "kick", "bass": "bass guitar", "comp": "piano", "lead": "flute"}


def player(role: str, instrument: str) -> Track:
    return Track(instrument, role, 0, 0, -18.0, 0.0, 0.1, (Note(0.0, 1.0, 60, 90),))


def band(number: int) -> BandLevels:
    """Hits over all rows; low, middle and high rows that last."""
    rng = np.random.default_rng(number)
    levels = torch.zeros(4, 512, 128, dtype=torch.uint8)
    levels[0, :, int(rng.integers(16)) :: 32] = 140
    for place, first in enumerate((10, 120, 300), start=1):
        row = first + int(rng.integers(60))
        levels[place, row : row + 12] = int(rng.integers(110, 150))
    score = replace(
        write_score(3), tracks=tuple(player(role, name) for role, name in ROLES.items())
    )
    mix = tracks.mel_to_levels(levels_to_power(levels).sum(0, keepdim=True).sqrt())
    return BandLevels(
        number, score, levels, torch.zeros(0, 512, 128, dtype=torch.uint8), mix.expand(3, -1, -1)
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mixtures, "N_COLUMNS", 64)
    monkeypatch.setattr(task, "_MEASURED_COLUMNS", 128)
    (tmp_path / "bands").mkdir()
    for number in (0, 1, 2, 3, FIRST_HELD_OUT, FIRST_HELD_OUT + 1):
        tracks._write(tracks._path(tmp_path / "bands", number), _contiguous(band(number)))
    return tmp_path / "bands"


def _contiguous(levels: BandLevels) -> BandLevels:
    return replace(levels, mix=levels.mix.contiguous())


def test_tracks_belong_to_groups_by_role() -> None:
    said = {
        ("drums", "kick"): "drums",
        ("bass", "cello"): "bass",
        ("solo", "bass guitar"): "bass",
        ("solo", "piano"): "lead",
        ("lead", "flute"): "lead",
        ("comp", "piano"): "chords",
        ("pad", "strings"): "chords",
        ("arp", "harp"): "chords",
    }
    for (role, instrument), group in said.items():
        assert group_of(player(role, instrument)) == group


def test_a_mixture_is_the_sum_of_its_groups(folder: Path) -> None:
    """On the whole: where several sound they interfere, which evens out."""
    rng, paths = np.random.default_rng(0), band_paths(folder)
    drawn = [draw_mixture(paths, rng) for _ in range(24)]
    ratios = [float(one.mix.sum() / one.groups.sum()) for one in drawn if one.groups.any()]
    assert np.allclose(ratios, 1, atol=0.1)
    numbers = [int((one.groups.sum(dim=(1, 2)) > 0).sum()) for one in drawn]
    assert min(numbers) < 4 and max(numbers) == 4
    real = real_mixture(paths[0], n_columns=128)
    assert torch.equal(real.groups[0], levels_to_power(band(0).tracks)[0])


def test_the_same_generator_draws_the_same(folder: Path) -> None:
    one, other = (draw_mixture(band_paths(folder), np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one.mix, other.mix) and torch.equal(one.groups, other.groups)


def test_it_learns_to_take_apart(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    separator = SeparatorTask(lambda: band_paths(folder), band_paths(folder, held_out=True))
    config = LoopConfig(
        images=128, batch_size=4, learning_rate=3e-3, warmup_images=8, ema_decay=0.8
    )
    lines = list(fit(separator, config, tmp_path / "run"))
    assert all(lines[-1][f"{name}_gain"] > 6 for name in GROUPS), lines[-1]

    export(tmp_path / "run" / "state.pt", tmp_path / "separator.safetensors")
    trained = MaskNetwork()
    load_ema(trained, tmp_path / "run" / "state.pt")
    written = load_file(tmp_path / "separator.safetensors")
    assert (tmp_path / "separator.safetensors").stat().st_size < 3_000_000
    for name, tensor in trained.state_dict().items():
        assert torch.equal(written[name], tensor.half())
