"""The measures of hits and held notes read what was put into the sounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.evaluation.attacks import (
    find_hits,
    find_partials,
    noise_before_db,
    rise_ms,
    side_over_mid_db,
    wobble,
)

RATE = 44_100
ONSETS = tuple(RATE // 4 + k * RATE // 2 for k in range(8))  # of `hits`, every half second


def hiss(n_samples: int, *, n_channels: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_channels, n_samples, generator=generator)


def hits(rise: float, *, noise: float = 0.0, shift: int = 0) -> Tensor:
    """Four seconds with a 10 kHz tone every half second that rises in a straight line."""
    samples = torch.arange(4 * RATE)
    clip = noise * hiss(4 * RATE)
    for onset in ONSETS:
        since = (samples - onset - shift) / RATE * 1_000
        shape = (since / max(rise, 1e-6)).clamp(0, 1) * torch.exp(-(since - rise).clamp(min=0) / 50)
        clip += 0.5 * shape * torch.sin(2 * torch.pi * 10_000 / RATE * samples)
    return clip


def chord(partials_hz: tuple[float, ...] = (220.0, 277.0, 330.0, 554.0)) -> Tensor:
    seconds = torch.arange(4 * RATE, dtype=torch.float64) / RATE
    return 0.1 * sum(torch.sin(2 * torch.pi * hz * seconds) for hz in partials_hz)[None]


@pytest.mark.parametrize("rise", (2.0, 5.0, 10.0))
def test_a_straight_rise_is_read(rise: float) -> None:
    clip = hits(rise)
    found = find_hits(clip, RATE)
    assert len(found) == len(ONSETS)
    assert rise_ms(clip, RATE, found) == pytest.approx(0.8 * rise, abs=0.15)


def test_a_step_takes_the_average_of_a_millisecond() -> None:
    clip = hits(0.0)
    assert rise_ms(clip, RATE, find_hits(clip, RATE)) == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("rise", (2.0, 5.0, 10.0))
def test_the_rise_of_a_noise_burst_is_read(rise: float) -> None:
    """Rougher than a tone's: 1 ms of noise is steady within some 10 %."""
    since_ms = (torch.arange(20 * RATE) % (RATE // 2) - RATE // 4) / RATE * 1_000
    shape = (since_ms / rise).clamp(0, 1) * torch.exp(-(since_ms - rise).clamp(min=0) / 20)
    clip = 0.2 * shape * hiss(20 * RATE)
    found = find_hits(clip, RATE, count=40)
    assert len(found) == 40
    assert rise_ms(clip, RATE, found) == pytest.approx(0.8 * rise, rel=0.15, abs=0.5)


def test_onsets_are_where_they_were_put() -> None:
    found = find_hits(hits(2.0), RATE)
    assert np.abs(np.array(found) - ONSETS).max() < 0.001 * RATE


def test_only_the_strongest_are_kept_and_only_isolated_ones() -> None:
    clip = hits(2.0)
    clip[:, : 2 * RATE] *= 0.5
    assert find_hits(clip, RATE, count=4) == find_hits(clip, RATE)[4:]
    crowded = clip + clip.roll(round(0.03 * RATE), -1)  # each has an echo 30 ms later
    assert len(find_hits(crowded, RATE)) == len(ONSETS)
    assert find_hits(torch.zeros(1, RATE), RATE) == []


@pytest.mark.parametrize("level_db", (-30.0, -45.0))
def test_noise_before_the_hit_is_read(level_db: float) -> None:
    """Against a peak of 0.5 x 2/π, the mean magnitude of the tone."""
    quiet = noise_above_the_high_pass(level_db, peak=0.5 * 2 / math.pi)
    clip = hits(2.0) + quiet
    found = find_hits(hits(2.0), RATE)
    assert noise_before_db(clip, RATE, found) == pytest.approx(level_db, abs=1)
    assert noise_before_db(hits(2.0), RATE, found) < -75


def noise_above_the_high_pass(level_db: float, *, peak: float) -> Tensor:
    """A 7 kHz tone whose mean magnitude lies there."""
    tone = torch.sin(2 * torch.pi * 7_000 / RATE * torch.arange(4 * RATE))[None]
    return peak * 10 ** (level_db / 20) * math.pi / 2 * tone


def test_what_is_below_the_high_pass_does_not_count() -> None:
    rumble = 0.3 * torch.sin(2 * torch.pi * 60 / RATE * torch.arange(4 * RATE))
    clip = hits(2.0)
    found = find_hits(clip, RATE)
    assert rise_ms(clip + rumble, RATE, found) == pytest.approx(rise_ms(clip, RATE, found), abs=0.1)
    assert noise_before_db(clip + rumble, RATE, found) < -75


def test_a_later_and_slower_copy_is_measured_at_the_same_hits() -> None:
    found = find_hits(hits(2.0), RATE)
    for shift in (-200, 200):
        copy = hits(10.0, shift=shift)
        assert rise_ms(copy, RATE, found) == pytest.approx(8, abs=0.2)


def test_a_loop_goes_round() -> None:
    clip = hits(2.0, noise=0.001).roll(-ONSETS[0] - 20, -1)  # the first hit now lies at the seam
    assert len(find_hits(clip, RATE)) == len(ONSETS) - 1
    found = find_hits(clip, RATE, circular=True)
    assert len(found) == len(ONSETS)
    seam = [hit for hit in found if hit > 3.9 * RATE or hit < 0.1 * RATE]
    assert rise_ms(clip, RATE, seam, circular=True) == pytest.approx(1.6, abs=0.15)
    assert noise_before_db(clip, RATE, seam, circular=True) == pytest.approx(-52.2, abs=1)


def test_silence_has_no_rise() -> None:
    silence = torch.zeros(1, RATE)
    assert math.isnan(rise_ms(silence, RATE, [RATE // 2]))
    assert math.isnan(noise_before_db(silence, RATE, [RATE // 2]))


@pytest.mark.parametrize("wrong", ([], [-1], [RATE]))
def test_hits_lie_in_the_clip(wrong: list[int]) -> None:
    with pytest.raises(ParameterError, match=f"0 to {RATE - 1}"):
        rise_ms(torch.zeros(1, RATE), RATE, wrong)


def test_the_strongest_partials_are_found() -> None:
    partials = (200.0, 311.0, 440.0, 517.0, 700.0, 901.0)
    louder, outside = chord(partials), chord((100.0, 1_500.0))
    found = find_partials(louder + 3 * outside + 0.2 * chord((600.0,)), RATE)
    assert sorted(found) == pytest.approx(partials, abs=0.3)


@pytest.mark.parametrize("circular", (False, True))
def test_a_steady_chord_does_not_waver(circular: bool) -> None:
    found = wobble(chord(), RATE, circular=circular)
    assert found.pitch_cents < 0.05
    assert found.level_db < 0.01


def test_a_chord_that_does_not_end_on_its_period_does_not_waver() -> None:
    found = wobble(chord((220.1, 277.33, 331.7)), RATE)
    assert found.pitch_cents < 0.05
    assert found.level_db < 0.05


@pytest.mark.parametrize("vibrato_hz", (2.0, 5.0))
def test_the_depth_of_a_vibrato_is_read(vibrato_hz: float) -> None:
    """±10 cents are 10 / √2 cents of standard deviation, in every partial."""
    seconds = torch.arange(4 * RATE, dtype=torch.float64) / RATE
    depth = 2 ** (10 / 1_200) - 1
    bent = seconds - depth / (2 * torch.pi * vibrato_hz) * torch.cos(
        2 * torch.pi * vibrato_hz * seconds
    )
    clip = 0.1 * sum(torch.sin(2 * torch.pi * hz * bent) for hz in (220.0, 330.0, 440.0))[None]
    found = wobble(clip, RATE)
    assert found.pitch_cents == pytest.approx(10 / math.sqrt(2), rel=0.1)
    assert found.level_db < 0.1


def test_the_depth_of_a_tremolo_is_read() -> None:
    """±3 dB at 4 Hz are 3 / √2 dB of standard deviation."""
    seconds = torch.arange(4 * RATE, dtype=torch.float64) / RATE
    tremolo = 10 ** (3 * torch.sin(2 * torch.pi * 4 * seconds) / 20)
    found = wobble(chord() * tremolo, RATE)
    assert found.level_db == pytest.approx(3 / math.sqrt(2), rel=0.1)
    assert found.pitch_cents < 0.1


def test_the_partials_of_the_original_may_be_asked_for() -> None:
    steady = chord((300.0,))
    beating = 3 * chord((500.0, 505.0))
    clip = steady + beating
    assert wobble(clip, RATE, partials_hz=[300.0]).level_db < 0.05
    assert wobble(clip, RATE, partials_hz=[502.5]).level_db > 3


def test_silence_has_no_partials() -> None:
    with pytest.raises(ParameterError, match="no partial between 150 and 1200 Hz"):
        wobble(torch.zeros(1, RATE), RATE)


def test_width() -> None:
    left = hiss(RATE)
    assert side_over_mid_db(left) == -math.inf
    assert side_over_mid_db(left.expand(2, -1)) == -math.inf
    assert side_over_mid_db(hiss(RATE, n_channels=2)) == pytest.approx(0, abs=0.2)
    # a tenth of the other side's level: (1 - 0.1) / (1 + 0.1)
    assert side_over_mid_db(torch.cat((left, 0.1 * left))) == pytest.approx(-1.743, abs=0.01)
