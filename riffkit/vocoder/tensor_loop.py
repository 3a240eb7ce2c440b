"""Griffin-Lim's arithmetic as tensor operations: whole batches at once, on a GPU.

The same iterations as compiled_loop.py. What a GPU cannot do is the heap of phase_gradient.py, one
point after the other. Instead every point of a frame takes its phase from the frame before, at the
peak that it leads up to, and from there by the phase's change along frequency: one step a frame,
all bins and clips at once (as the phase vocoder's locking to peaks, Laroche and Dolson, "Improved
phase vocoder time-scale modification of audio", 1999, with the gradient of Průša et al. 2017 in
place of measured phases).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Complex64, Float, Int
from torch import Tensor

from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.backend import LARGEST_RATIO, LoopProblem, Loops
from riffkit.vocoder.grid import WorkingBand, centred_window, inverse_overlap
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_constraint import FROM_FLAT, PAD, SMOOTH_LIMIT, SMOOTH_STEPS, TINY
from riffkit.vocoder.phase_gradient import (
    ONE_SIDED,
    STEEPEST,
    TOLERANCE,
    hann_flanks,
    phase_carrier,
    phase_step,
)
from riffkit.vocoder.start_spectra import QUIETEST_MID

Spectra = Complex64[Tensor, "batch channel frame bin"]
Target = Float[Tensor, "batch plane frame mel"]
Points = Float[Tensor, "batch frame bin"]


class TensorLoops:
    """A `LoopBackend` for batches, on the device that the target lies on."""

    def __init__(self, problem: LoopProblem) -> None:
        self._problem = problem
        self._bank = _tensor_bank(problem.params, problem.bands, problem.target.device)
        self._previous: Spectra | None = None
        known = problem.known
        self._known = None if known is None else self._analyze(known.loops)
        self._is_known = None if known is None else torch.cat(known.is_known, dim=-1)[:, None]

    def start(self) -> Loops:
        """See `LoopBackend`."""
        magnitude = _smooth_magnitude(self._problem.target, self._bank)
        spectra = []
        for transform in self._bank.transforms:
            known = None
            if self._known is not None and self._is_known is not None:
                is_known = self._is_known[:, 0, :, transform.bins]
                known = _KnownPhase(self._known[..., transform.bins], is_known)
            part = magnitude[..., transform.bins]
            spectra.append(_start_spectra(part, self._problem, transform.analysis, known))
        return self._synthesize(torch.cat(spectra, dim=-1))

    def iterate(self, loops: Loops, *, momentum: float) -> Loops:
        """See `LoopBackend`."""
        spectra = self._analyze(loops)
        pushed = spectra
        if self._previous is not None:
            pushed = spectra + momentum * (spectra - self._previous)
        self._previous = spectra
        fitted = _enforce(pushed, self._problem.target, self._bank)
        if self._known is not None and self._is_known is not None:
            fitted = torch.where(self._is_known, self._known, fitted)
        return self._synthesize(fitted)

    def _analyze(self, loops: Loops) -> Spectra:
        """All frames of the loops, with the phase at their centers."""
        pairs = zip(loops, self._bank.transforms, strict=True)
        return torch.cat([_analyze(loop, transform) for loop, transform in pairs], dim=-1)

    def _synthesize(self, spectra: Spectra) -> Loops:
        return [_synthesize(spectra[..., t.bins], t) for t in self._bank.transforms]


@dataclass(frozen=True, eq=False)
class _Transform:
    """One band's transform: where its bins stand, its window and levels."""

    analysis: Analysis
    bins: slice
    taps: tuple[float, ...]
    window: Float[Tensor, " frame_sample"]
    level: Float[Tensor, " hop_sample"]
    sign: Float[Tensor, " bin"]


@dataclass(frozen=True, eq=False)
class _TensorBank:
    """The mel bank of mel_bank.py on a device."""

    transforms: tuple[_Transform, ...]
    filters: Float[Tensor, "point mel"]
    row_below: Int[Tensor, " point"]
    part_below: Float[Tensor, " point"]
    part_above: Float[Tensor, " point"]


@lru_cache(maxsize=8)
def _tensor_bank(
    params: SpectrogramParams, bands: tuple[WorkingBand, ...], device: torch.device
) -> _TensorBank:
    bank = mel_bank(params, bands)
    filters = np.zeros((len(bank.row_below), params.n_mels), np.float32)
    for entry, row in enumerate(bank.row):
        begin, end = bank.begin[entry], bank.begin[entry + 1]
        first = bank.first_point[entry]
        filters[first : first + end - begin, row] += bank.weight[begin:end]

    def on_device(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    def transform(k: int) -> _Transform:
        analysis = bands[k].analysis
        window = centred_window(analysis)
        return _Transform(
            analysis=analysis,
            bins=slice(int(bank.bin_bounds[k]), int(bank.bin_bounds[k + 1])),
            taps=tuple(float(tap) for tap in bank.taps[k]),
            window=on_device(window),
            level=on_device(inverse_overlap(window, analysis.hop_samples)),
            sign=on_device(np.where(np.arange(analysis.n_bins) % 2, -1, 1).astype(np.float32)),
        )

    return _TensorBank(
        transforms=tuple(transform(k) for k in range(len(bands))),
        filters=on_device(filters),
        row_below=on_device(bank.row_below.astype(np.int64)),
        part_below=on_device(bank.part_below),
        part_above=on_device(bank.part_above),
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


@dataclass(frozen=True, eq=False)
class _KnownPhase:
    """Spectra that are given, with the phase at the frames' centers, and at which points."""

    spectra: Spectra
    is_known: Bool[Tensor, "batch frame bin"]


def _start_spectra(
    magnitude: Float[Tensor, "batch plane frame bin"],
    problem: LoopProblem,
    analysis: Analysis,
    known: _KnownPhase | None,
) -> Spectra:
    """As `StartSpectra`: the channels turned away from the phase of their mid."""
    n_channels = problem.n_channels
    guide = magnitude[:, :n_channels].sum(dim=1)
    has_mid = magnitude.shape[1] > n_channels
    if has_mid:
        guide = torch.maximum(magnitude[:, -1], float(QUIETEST_MID) * guide)
    phase = _locked_phase(guide, analysis, seed=problem.seed, known=known)
    unit = torch.polar(torch.ones_like(phase), phase)
    if not has_mid:
        return _with_known(magnitude[:, :n_channels] * unit[:, None], known)
    near, far, mid = magnitude.unbind(dim=1)
    both = 2 * mid
    short = (near + far - both) * (near + far + both)
    versine = (short / (2 * near * far + float(TINY))).clamp(0, 2)
    between = torch.complex(1 - versine, _leads(known) * (versine * (2 - versine)).sqrt())
    ahead = near + far * between
    left = unit * ahead / (ahead.abs() + float(TINY))
    return _with_known(torch.stack((near * left, far * left * between.conj()), dim=1), known)


def _with_known(spectra: Spectra, known: _KnownPhase | None) -> Spectra:
    return (
        spectra if known is None else torch.where(known.is_known[:, None], known.spectra, spectra)
    )


def _leads(known: _KnownPhase | None) -> Float[Tensor, "batch 1 bin"] | float:
    """1 where left is ahead of right, -1 where right is ahead, by bin; left where nothing says."""
    if known is None or known.spectra.shape[1] < 2:
        return 1.0
    left, right = (known.spectra * known.is_known[:, None]).unbind(dim=1)
    ahead = (left * right.conj()).sum(dim=1, keepdim=True).imag
    return torch.where(ahead < 0, -1.0, 1.0)


def _locked_phase(
    magnitude: Points, analysis: Analysis, *, seed: int, known: _KnownPhase | None
) -> Points:
    """Phases at the frames' centers, from the first frame on, and from those that are known."""
    loudest = magnitude.amax(dim=(1, 2), keepdim=True).clamp(min=float(TINY))
    level = (magnitude / loudest).clamp(0.1 * TOLERANCE, 1).log()
    step = float(phase_step(analysis))
    in_time = torch.from_numpy(phase_carrier(analysis)).to(level).expand_as(level).clone()
    in_time[..., 1:-1] += 0.5 * step * (level[..., 2:] - level[..., :-2])
    in_frequency = _change_in_frequency(level, analysis)
    in_frequency[..., [0, -1]] = 0
    along_time = 0.5 * (in_time + in_time.roll(1, dims=1))  # from the frame before
    risen = torch.zeros_like(level)  # by how much the phase rises from the lowest bin on
    risen[..., 1:] = (0.5 * (in_frequency[..., 1:] + in_frequency[..., :-1])).cumsum(dim=-1)
    seeds = _seeds(level)
    offset = along_time.gather(-1, seeds) + risen - risen.gather(-1, seeds)
    phase = torch.empty_like(level)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(level.shape[1:], generator=generator).to(level) * (2 * torch.pi)
    given = None if known is None else known.spectra.mean(dim=1).angle()
    phase[:, 0] = risen[:, 0] - risen[:, 0].gather(-1, seeds[:, 0])
    for k in range(level.shape[1]):
        if k > 0:
            phase[:, k] = phase[:, k - 1].gather(-1, seeds[:, k]) + offset[:, k]
        if known is not None and given is not None:
            phase[:, k] = torch.where(known.is_known[:, k], given[:, k], phase[:, k])
    return torch.where(level > float(np.log(TOLERANCE)), phase.remainder(2 * torch.pi), drawn)


def _change_in_frequency(level: Points, analysis: Analysis) -> Points:
    """As that of phase_gradient.py."""
    before, after = level.roll(1, dims=1), level.roll(-1, dims=1)
    hann = hann_flanks(analysis)
    sine, cosine = float(hann.sine), float(hann.cosine)
    if sine == 0:
        return -0.5 / float(phase_step(analysis)) * (after - before)
    left, right = (
        (0.5 * (beside - level)).clamp(max=float(STEEPEST)).exp() for beside in (before, after)
    )
    tangent = 0.5 * (right - left) / sine
    is_right = right > left
    alone = torch.where(is_right, right - cosine, cosine - left) / sine
    quiet = torch.where(is_right, left, right)
    is_alone = (quiet < float(ONE_SIDED)) & (alone.abs() > tangent.abs()) & (alone * tangent > 0)
    one_sided = tangent + (alone - tangent) * (1 - quiet / float(ONE_SIDED))
    angle: Tensor = torch.where(is_alone, one_sided, tangent).atan()
    return -2 * float(hann.length) * angle


def _seeds(level: Points) -> Int[Tensor, "batch frame bin"]:
    """From which bin each point has its phase: itself, or the one that its louder side ends at.

    A point goes on from the frame before where that is louder than both its neighbors here, or
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


def _analyze(loop: Float[Tensor, "batch channel sample"], transform: _Transform) -> Spectra:
    half, hop = transform.analysis.n_fft // 2, transform.analysis.hop_samples
    n_samples = loop.shape[-1]
    place = torch.arange(-half, n_samples + half, device=loop.device) % n_samples
    frames = loop[..., place].unfold(-1, transform.analysis.n_fft, hop)[..., : n_samples // hop, :]
    return torch.fft.rfft(frames * transform.window) * transform.sign


def _synthesize(spectra: Spectra, transform: _Transform) -> Float[Tensor, "batch channel sample"]:
    """The loop whose frames come nearest to these spectra (Griffin and Lim, eq. 6)."""
    n_fft, hop = transform.analysis.n_fft, transform.analysis.hop_samples
    frames = torch.fft.irfft(spectra * transform.sign, n=n_fft) * transform.window
    n_batch, n_channels, n_frames, _ = frames.shape
    strip = torch.nn.functional.fold(
        frames.reshape(-1, n_frames, n_fft).transpose(1, 2),
        output_size=(1, (n_frames - 1) * hop + n_fft),
        kernel_size=(1, n_fft),
        stride=(1, hop),
    )[:, 0, 0]
    n_samples = n_frames * hop
    place = torch.arange(-(n_fft // 2), strip.shape[-1] - n_fft // 2, device=strip.device)
    loop = strip.new_zeros(len(strip), n_samples).index_add_(1, place % n_samples, strip)
    loop *= transform.level.repeat(n_frames)
    return loop.reshape(n_batch, n_channels, n_samples)


def _enforce(spectra: Spectra, target: Target, bank: _TensorBank) -> Spectra:
    """See `enforce_mel`: bins and half bins are scaled by the rows' ratios, then joined."""
    n_channels = spectra.shape[1]
    transforms = bank.transforms
    halves = torch.cat([_half_bins(spectra[..., t.bins], t.taps) for t in transforms], dim=-1)
    points = torch.stack((spectra, halves), dim=-1).flatten(-2)
    points = _scaled(points, target[:, :n_channels], bank)
    if target.shape[1] > n_channels:
        mid = points.mean(dim=1, keepdim=True)
        points = points + (_scaled(mid, target[:, n_channels:], bank) - mid)
    bins, halves = points[..., ::2], points[..., 1::2]
    joined = [_join_half_bins(bins[..., t.bins], halves[..., t.bins], t.taps) for t in transforms]
    return torch.cat(joined, dim=-1)


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
