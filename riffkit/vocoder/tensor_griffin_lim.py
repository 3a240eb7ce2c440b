"""Mel-constrained Griffin-Lim as tensor operations: whole batches at once, on a GPU.

The same iterations as griffin_lim.py, whose loops are compiled for the CPU. What a GPU cannot do is
the heap of phase_gradient.py, one point after the other. Instead every point of a frame takes its
phase from the frame before, at the peak that it leads up to, and from there by the phase's change
along frequency: one step a frame, all bins and clips at once (as the phase vocoder's locking to
peaks, Laroche and Dolson, "Improved phase vocoder time-scale modification of audio", 1999, with the
gradient of Průša et al. 2017 in place of measured phases).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Complex64, Float, Int
from torch import Tensor

from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.frames import centred_window, inverse_overlap
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_constraint import (
    FROM_FLAT,
    PAD,
    SMOOTH_LIMIT,
    SMOOTH_STEPS,
    TINY,
)
from riffkit.vocoder.mel_loop import LARGEST_RATIO
from riffkit.vocoder.phase_gradient import HANN_GAMMA, TOLERANCE
from riffkit.vocoder.start_spectra import QUIETEST_MID

Loops = Float[Tensor, "batch channel sample"]
Spectra = Complex64[Tensor, "batch channel frame bin"]
Target = Float[Tensor, "batch plane frame mel"]
Points = Float[Tensor, "batch frame bin"]


def solve_loops(
    target: Target,
    n_channels: int,
    params: SpectrogramParams,
    analysis: Analysis,
    *,
    n_iterations: int,
    momentum: float,
    seed: int,
) -> Loops:
    """Loops at `analysis.sample_rate` that have these mel rows, on the target's device.

    `target`: magnitudes on the int16 scale; its last frame is followed by its first. With one
    plane more than channels, the last plane is the mel of the channels' mean.
    """
    bank = _tensor_bank(params, analysis, target.device)
    magnitude = _smooth_magnitude(target, bank)
    spectra = _start_spectra(magnitude, n_channels, analysis, seed=seed)
    loops = _synthesize(spectra, bank)
    previous: Spectra | None = None
    for _ in range(n_iterations):
        spectra = _analyze(loops, bank)
        pushed = spectra if previous is None else spectra + momentum * (spectra - previous)
        previous = spectra
        loops = _synthesize(_enforce(pushed, target, bank), bank)
    return loops


@dataclass(frozen=True, eq=False)
class _TensorBank:
    """The mel bank of mel_bank.py, the window and the levels, on a device."""

    analysis: Analysis
    filters: Float[Tensor, "point mel"]
    row_below: Int[Tensor, " point"]
    part_below: Float[Tensor, " point"]
    part_above: Float[Tensor, " point"]
    taps: tuple[float, ...]
    window: Float[Tensor, " frame_sample"]
    level: Float[Tensor, " hop_sample"]
    sign: Float[Tensor, " bin"]


@lru_cache(maxsize=8)
def _tensor_bank(
    params: SpectrogramParams, analysis: Analysis, device: torch.device
) -> _TensorBank:
    bank = mel_bank(params, analysis)
    n_points, n_mels = 2 * analysis.n_bins, len(bank.first_point)
    filters = np.zeros((n_points, n_mels), np.float32)
    for row in range(n_mels):
        begin, end = bank.begin[row], bank.begin[row + 1]
        first = bank.first_point[row]
        filters[first : first + end - begin, row] = bank.weight[begin:end]
    missing = n_points - len(bank.row_below)
    window = centred_window(analysis)
    sign = np.where(np.arange(analysis.n_bins) % 2, -1, 1).astype(np.float32)

    def on_device(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    return _TensorBank(
        analysis=analysis,
        filters=on_device(filters),
        row_below=on_device(np.pad(bank.row_below, (0, missing)).astype(np.int64)),
        part_below=on_device(np.pad(bank.part_below, (0, missing))),
        part_above=on_device(np.pad(bank.part_above, (0, missing))),
        taps=tuple(float(tap) for tap in bank.taps),
        window=on_device(window),
        level=on_device(inverse_overlap(window, analysis.hop_samples)),
        sign=on_device(sign),
    )


def _gains(ratio: Float[Tensor, "*place mel"], bank: _TensorBank) -> Float[Tensor, "*place point"]:
    above = (bank.row_below + 1).clamp(max=ratio.shape[-1] - 1)
    return bank.part_below * ratio[..., bank.row_below] + bank.part_above * ratio[..., above]


def _ratios(
    target: Float[Tensor, "*place mel"],
    rows: Float[Tensor, "*place mel"],
    *,
    limit: float,
    sharpen: bool,
) -> Float[Tensor, "*place mel"]:
    """r_j = target / measured, sharp: r_j^1.75 / (r_{j-1} r_{j+1})^0.25; 0 where nothing sounds."""
    ratio = (target / rows.clamp(min=float(TINY))).clamp(1 / limit, limit)
    if sharpen:
        below = torch.cat((ratio[..., :1], ratio[..., :-1]), dim=-1)
        above = torch.cat((ratio[..., 1:], ratio[..., -1:]), dim=-1)
        ratio = (ratio * (ratio * (ratio / (below * above)).sqrt()).sqrt()).clamp(max=limit)
    return torch.where(target > 0, ratio, 0)


def _smooth_magnitude(target: Target, bank: _TensorBank) -> Float[Tensor, "batch plane frame bin"]:
    flat = bank.filters.sum(dim=0).expand_as(target)
    points = _gains(_ratios(target, flat, limit=float(FROM_FLAT), sharpen=False), bank)
    for _ in range(SMOOTH_STEPS):
        ratio = _ratios(target, points @ bank.filters, limit=float(SMOOTH_LIMIT), sharpen=True)
        points = points * _gains(ratio, bank)
    return points[..., ::2]


def _start_spectra(
    magnitude: Float[Tensor, "batch plane frame bin"],
    n_channels: int,
    analysis: Analysis,
    *,
    seed: int,
) -> Spectra:
    """As `StartSpectra`: the channels turned away from the phase of their mid."""
    guide = magnitude[:, :n_channels].sum(dim=1)
    has_mid = magnitude.shape[1] > n_channels
    if has_mid:
        guide = torch.maximum(magnitude[:, -1], float(QUIETEST_MID) * guide)
    phase = _locked_phase(guide, analysis, seed=seed)
    unit = torch.polar(torch.ones_like(phase), phase)
    if not has_mid:
        return magnitude[:, :n_channels] * unit[:, None]
    near, far, mid = magnitude.unbind(dim=1)
    both = 2 * mid
    short = (near + far - both) * (near + far + both)
    versine = (short / (2 * near * far + float(TINY))).clamp(0, 2)
    between = torch.complex(1 - versine, (versine * (2 - versine)).sqrt())
    ahead = near + far * between
    left = unit * ahead / (ahead.abs() + float(TINY))
    return torch.stack((near * left, far * left * between.conj()), dim=1)


def _locked_phase(magnitude: Points, analysis: Analysis, *, seed: int) -> Points:
    """Phases at the frames' centres, from the first frame on."""
    loudest = magnitude.amax(dim=(1, 2), keepdim=True).clamp(min=float(TINY))
    level = (magnitude / loudest).clamp(0.1 * TOLERANCE, 1).log()
    step = analysis.hop_samples * analysis.n_fft / (HANN_GAMMA * analysis.window_samples**2)
    bins = torch.arange(analysis.n_bins, device=level.device)
    turns = analysis.hop_samples * bins % analysis.n_fft
    in_time = (2 * torch.pi / analysis.n_fft * turns).expand_as(level).clone()
    in_time[..., 1:-1] += 0.5 * step * (level[..., 2:] - level[..., :-2])
    in_frequency = -0.5 / step * (level.roll(-1, dims=1) - level.roll(1, dims=1))
    in_frequency[..., [0, -1]] = 0
    along_time = 0.5 * (in_time + in_time.roll(1, dims=1))  # from the frame before
    risen = torch.zeros_like(level)  # by how much the phase rises from the lowest bin on
    risen[..., 1:] = (0.5 * (in_frequency[..., 1:] + in_frequency[..., :-1])).cumsum(dim=-1)
    seeds = _seeds(level)
    offset = along_time.gather(-1, seeds) + risen - risen.gather(-1, seeds)
    phase = torch.empty_like(level)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(level.shape[1:], generator=generator).to(level) * (2 * torch.pi)
    phase[:, 0] = risen[:, 0] - risen[:, 0].gather(-1, seeds[:, 0])
    for k in range(1, level.shape[1]):
        phase[:, k] = phase[:, k - 1].gather(-1, seeds[:, k]) + offset[:, k]
    return torch.where(level > float(np.log(TOLERANCE)), phase.remainder(2 * torch.pi), drawn)


def _seeds(level: Points) -> Int[Tensor, "batch frame bin"]:
    """From which bin each point has its phase: itself, or the one that its louder side ends at.

    A point goes on from the frame before where that is louder than both its neighbours here, or
    where it is itself a peak.
    """
    edge = torch.full_like(level[..., :1], -torch.inf)
    lower = torch.cat((edge, level[..., :-1]), dim=-1)
    upper = torch.cat((level[..., 1:], edge), dim=-1)
    before = level.roll(1, dims=1)
    louder = torch.maximum(lower, upper)
    is_seed = (before >= louder) | (level >= louder)
    bins = torch.arange(level.shape[-1], device=level.device).expand_as(level)
    from_below = torch.where(is_seed, bins, -1).cummax(dim=-1).values
    far = level.shape[-1]
    from_above = torch.where(is_seed, bins, far).flip(-1).cummin(dim=-1).values.flip(-1)
    found = torch.where(lower >= upper, from_below, from_above)
    found = torch.where((found < 0) | (found == far), bins, found)
    return torch.where(is_seed, bins, found)


def _analyze(loops: Loops, bank: _TensorBank) -> Spectra:
    """All frames of the loops, with the phase at their centres."""
    half, hop = bank.analysis.n_fft // 2, bank.analysis.hop_samples
    n_samples = loops.shape[-1]
    place = torch.arange(-half, n_samples + half, device=loops.device) % n_samples
    frames = loops[..., place].unfold(-1, bank.analysis.n_fft, hop)[..., : n_samples // hop, :]
    return torch.fft.rfft(frames * bank.window) * bank.sign


def _synthesize(spectra: Spectra, bank: _TensorBank) -> Loops:
    """The loops whose frames come nearest to these spectra (Griffin and Lim, eq. 6)."""
    n_fft, hop = bank.analysis.n_fft, bank.analysis.hop_samples
    frames = torch.fft.irfft(spectra * bank.sign, n=n_fft) * bank.window
    n_batch, n_channels, n_frames, _ = frames.shape
    strip = torch.nn.functional.fold(
        frames.reshape(-1, n_frames, n_fft).transpose(1, 2),
        output_size=(1, (n_frames - 1) * hop + n_fft),
        kernel_size=(1, n_fft),
        stride=(1, hop),
    )[:, 0, 0]
    n_samples = n_frames * hop
    place = torch.arange(-(n_fft // 2), strip.shape[-1] - n_fft // 2, device=strip.device)
    loops = strip.new_zeros(len(strip), n_samples).index_add_(1, place % n_samples, strip)
    loops *= bank.level.repeat(n_frames)
    return loops.reshape(n_batch, n_channels, n_samples)


def _enforce(spectra: Spectra, target: Target, bank: _TensorBank) -> Spectra:
    """See `enforce_mel`: bins and half bins are scaled by the rows' ratios, then joined."""
    n_channels = spectra.shape[1]
    halves = _half_bins(spectra, bank.taps)
    points = torch.stack((spectra, halves), dim=-1).flatten(-2)
    points = _scaled(points, target[:, :n_channels], bank)
    if target.shape[1] > n_channels:
        mid = points.mean(dim=1, keepdim=True)
        points = points + (_scaled(mid, target[:, n_channels:], bank) - mid)
    return _join_half_bins(points[..., ::2], points[..., 1::2], bank.taps)


def _scaled(
    points: Complex64[Tensor, "batch plane frame point"], target: Target, bank: _TensorBank
) -> Complex64[Tensor, "batch plane frame point"]:
    rows = points.abs() @ bank.filters
    return points * _gains(_ratios(target, rows, limit=LARGEST_RATIO, sharpen=True), bank)


def _half_bins(spectra: Spectra, taps: tuple[float, ...]) -> Spectra:
    """Half bin b lies between the bins b and b + 1; a real signal's spectrum is mirrored."""
    n_bins = spectra.shape[-1]
    below = spectra[..., 1 : PAD + 1].flip(-1).conj()
    above = spectra[..., -PAD - 1 : -1].flip(-1).conj()
    padded = torch.cat((below, spectra, above), dim=-1)
    halves = torch.zeros_like(spectra)
    for k, tap in enumerate(taps):
        one, other = 1 + k, 2 * PAD - k
        halves += tap * (padded[..., one : one + n_bins] + padded[..., other : other + n_bins])
    return halves


def _join_half_bins(bins: Spectra, halves: Spectra, taps: tuple[float, ...]) -> Spectra:
    """The transpose of `_half_bins`, averaged with the bins themselves."""
    n_bins = bins.shape[-1]
    inside = halves[..., : n_bins - 1]
    below = inside[..., :PAD].flip(-1).conj()
    above = inside[..., -PAD:].flip(-1).conj()
    padded = torch.cat((below, inside, above), dim=-1)
    joined = bins.clone()
    for k, tap in enumerate(taps):
        one, other = k, 2 * PAD - 1 - k
        joined += tap * (padded[..., one : one + n_bins] + padded[..., other : other + n_bins])
    return 0.5 * joined
