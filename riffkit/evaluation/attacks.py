"""Measures of hits and held notes: rise time, noise before the hit, wobble, stereo width.

Hits are found once, in the original; the same positions serve every decoded version of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from riffkit.errors import ParameterError

_HIGH_PASS_HZ = 1_500.0
_HIGH_PASS_ORDER = 4
_AVERAGE_MS = 1.0
_RISE_FROM, _RISE_TO = 0.1, 0.9  # of the peak
_REACH_MS = 60.0  # before a hit: it is quiet there, and both measures look no further
_PEAK_MS = 40.0  # after a hit: its peak lies there
_NOISE_MS = (50.0, 10.0)  # before a hit
_QUIET = 10 ** (-24 / 20)  # of its peak: a hit is isolated where no more than that precedes it
_FAINT = 10 ** (-30 / 20)  # of the loudest moment: no hit

_PARTIALS_HZ = (150.0, 1_200.0)
_N_PARTIALS = 6
_FAINT_PARTIAL = 10 ** (-40 / 20)  # of the strongest partial: none
_PASS_HZ, _STOP_HZ = 15.0, 30.0  # either side of a partial: flat to there, nothing from there on
_EDGE = 0.1  # of a clip at either end, where the band-pass still rings
_LEVEL_FLOOR_DB = -60.0  # under a partial's loudest moment


@dataclass(frozen=True)
class Wobble:
    """How much a held sound wavers: one standard deviation, the median of its partials."""

    pitch_cents: float
    level_db: float


def find_hits(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    count: int = 10,
    circular: bool = False,
) -> list[int]:
    """The onsets of the strongest isolated hits, at most `count`, in samples in order of time.

    An onset is where the envelope above 1.5 kHz passes a tenth of the hit's peak. Isolated: for
    60 ms before it the envelope lies 24 dB under the peak or lower, and nothing louder follows
    within 40 ms. Where the clip isn't `circular`, its first 60 ms and its last 40 have no hit.
    """
    envelope = _Envelope.of(waveform, sample_rate, circular=circular)
    values, n_samples = envelope.values, waveform.shape[-1]
    height = max(_FAINT * values.max(), 1e-12)
    apart = envelope.samples(_PEAK_MS)
    first, last = (0, n_samples) if circular else (envelope.samples(_REACH_MS), n_samples - apart)
    peaks, _ = scipy.signal.find_peaks(values, height=height, distance=apart)
    found: dict[int, float] = {}
    for peak in peaks:
        onset = envelope.onset(int(peak)) - envelope.lead
        if first <= onset < last and envelope.is_isolated(onset, values[peak]):
            found[onset] = values[peak]
    strongest = sorted(found, key=lambda onset: -found[onset])[:count]
    return sorted(strongest)


def rise_ms(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    hits: Sequence[int],
    *,
    circular: bool = False,
) -> float:
    """How long hits take from 10 to 90 % of their own peak, in ms; the median over `hits`.

    Of the envelope: a 4th-order Butterworth high-pass at 1.5 kHz, the magnitude averaged over 1 ms
    and over the channels. A step reads 0.8 ms. From the last moment under 10 % before the peak,
    but no earlier than 60 ms before the hit, to the first at 90 %, with samples interpolated. NaN
    where every hit is silent.

        hits = find_hits(original, 44_100)
        rise_ms(decoded, 44_100, hits) / rise_ms(original, 44_100, hits)
    """
    envelope = _Envelope.of(waveform, sample_rate, circular=circular)
    rises = [envelope.rise_samples(hit) for hit in _checked(hits, waveform)]
    return _median(rises) * 1_000 / sample_rate


def noise_before_db(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    hits: Sequence[int],
    *,
    circular: bool = False,
) -> float:
    """How loud it is just before hits, in dB of their peaks; the median over `hits`.

    The RMS of the envelope of `rise_ms` from 50 to 10 ms before each hit against its peak.
    -inf where there is silence.
    """
    envelope = _Envelope.of(waveform, sample_rate, circular=circular)
    ratios = [envelope.noise_ratio(hit) for hit in _checked(hits, waveform)]
    return _decibels(_median(ratios))


def find_partials(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, *, circular: bool = False
) -> list[float]:
    """The frequencies in Hz of the six strongest partials from 150 to 1,200 Hz, strongest first.

    Of the mean of the channels. No two are nearer than 30 Hz, and none is 40 dB under the
    strongest.
    """
    spectrum, hz = _spectrum(waveform, sample_rate, circular=circular)
    magnitude = np.abs(spectrum)
    magnitude[(hz < _PARTIALS_HZ[0]) | (hz > _PARTIALS_HZ[1])] = 0
    apart = max(1, round(_STOP_HZ / float(hz[1])))
    height = max(_FAINT_PARTIAL * magnitude.max(), 1e-12)
    peaks, _ = scipy.signal.find_peaks(magnitude, height=height, distance=apart)
    strongest = sorted(peaks, key=lambda peak: -magnitude[peak])[:_N_PARTIALS]
    return [float(hz[peak]) for peak in strongest]


def wobble(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    partials_hz: Sequence[float] | None = None,
    circular: bool = False,
) -> Wobble:
    """How much the partials of a held sound waver in pitch (cents) and level (dB).

    `partials_hz`: those to measure, such as `find_partials` of the original; else the clip's own.
    Each is taken out of the mean of the channels by a band-pass of ±30 Hz, so that only
    movements slower than that count, and partials nearer than that are heard to beat. One standard
    deviation of its instantaneous frequency, weighted by power (a rest has no pitch), and of its
    level down to 60 dB under its loudest; the median over the partials. A clip that isn't
    `circular` is measured without its first and last tenth. ParameterError where there are no
    partials.
    """
    if partials_hz is None:
        partials_hz = find_partials(waveform, sample_rate, circular=circular)
    if not partials_hz:
        low, high = _PARTIALS_HZ
        raise ParameterError(f"partials_hz=[]: no partial between {low:g} and {high:g} Hz")
    spectrum, hz = _spectrum(waveform, sample_rate, circular=circular)
    found = [_partial_wobble(spectrum, hz, center, circular=circular) for center in partials_hz]
    return Wobble(_median([w.pitch_cents for w in found]), _median([w.level_db for w in found]))


def side_over_mid_db(stereo: Float[Tensor, "channel sample"]) -> float:
    """Power of the side, (L - R) / 2, against that of the mid, (L + R) / 2: the width, in dB.

    -inf for mono, 0 where left and right have nothing in common.
    """
    if len(stereo) == 1:
        return -math.inf
    left, right = stereo.double()
    return float(20 * torch.log10((left - right).norm() / (left + right).norm()))


@dataclass(frozen=True)
class _Envelope:
    """The magnitude above 1.5 kHz, averaged over 1 ms, from `lead` samples before the clip on."""

    values: Float[np.ndarray, " moment"]
    lead: int
    sample_rate: int

    @classmethod
    def of(
        cls, waveform: Float[Tensor, "channel sample"], sample_rate: int, *, circular: bool
    ) -> _Envelope:
        lead = round(2 * _REACH_MS / 1_000 * sample_rate)
        padded = np.pad(
            waveform.detach().cpu().double().numpy(),
            ((0, 0), (lead, lead)),
            mode="wrap" if circular else "constant",
        )
        high_pass = scipy.signal.butter(
            _HIGH_PASS_ORDER, _HIGH_PASS_HZ, "highpass", fs=sample_rate, output="sos"
        )
        magnitude = np.abs(scipy.signal.sosfilt(high_pass, padded, axis=-1)).mean(0)
        width = max(1, round(_AVERAGE_MS / 1_000 * sample_rate))
        values = np.convolve(magnitude, np.full(width, 1 / width), mode="same")
        return cls(values, lead, sample_rate)

    def samples(self, milliseconds: float) -> int:
        return round(milliseconds / 1_000 * self.sample_rate)

    def onset(self, peak: int) -> int:
        """The moment of the last value under a tenth of that at moment `peak`."""
        first = max(0, peak - self.samples(_REACH_MS))
        under = np.flatnonzero(self.values[first:peak] < _RISE_FROM * self.values[peak])
        return first + int(under[-1]) if len(under) else first

    def is_isolated(self, hit: int, peak: float) -> bool:
        """Quiet before, and nothing louder than `peak` right after."""
        at = hit + self.lead
        # the last 3 ms are the hit's own rise
        before = self.values[max(0, at - self.samples(_REACH_MS)) : at - self.samples(3.0)]
        return bool(before.max() <= _QUIET * peak and self._peak(hit)[1] <= peak)

    def rise_samples(self, hit: int) -> float:
        peak_at, peak = self._peak(hit)
        if not peak > 0:
            return math.nan
        first = hit + self.lead - self.samples(_REACH_MS)
        rising = self.values[first : peak_at + 1] / peak
        under = np.flatnonzero(rising < _RISE_FROM)
        start = int(under[-1]) if len(under) else 0
        end = start + int(np.argmax(rising[start:] >= _RISE_TO))
        begun = _crossing(rising, start + 1, _RISE_FROM) if len(under) else 0.0
        return _crossing(rising, end, _RISE_TO) - begun

    def noise_ratio(self, hit: int) -> float:
        _, peak = self._peak(hit)
        first, last = (hit + self.lead - self.samples(ms) for ms in _NOISE_MS)
        noise = float(np.sqrt(np.mean(self.values[first:last] ** 2)))
        return noise / peak if peak > 0 else math.nan

    def _peak(self, hit: int) -> tuple[int, float]:
        """The moment and the value of the hit's peak: from 10 ms before the onset to 40 ms after.

        Only the onset lies in the original; a decoded hit may come a little early.
        """
        first = hit + self.lead - self.samples(10.0)
        near = self.values[first : hit + self.lead + self.samples(_PEAK_MS)]
        return first + int(np.argmax(near)), float(near.max())


def _crossing(values: Float[np.ndarray, " moment"], index: int, level: float) -> float:
    """Where the line from value `index - 1` to `index` passes `level`, in moments."""
    if index == 0:
        return 0.0
    before, after = values[index - 1], values[index]
    return index - 1 + float((level - before) / (after - before))


def _checked(hits: Sequence[int], waveform: Float[Tensor, "channel sample"]) -> Sequence[int]:
    n_samples = waveform.shape[-1]
    if not len(hits) or min(hits) < 0 or max(hits) >= n_samples:
        raise ParameterError(
            f"hits={list(hits)}: must be at least one position from 0 to {n_samples - 1}; "
            "use find_hits(original, sample_rate)"
        )
    return hits


def _spectrum(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, *, circular: bool
) -> tuple[Complex[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """The transform of the mean of the channels, faded in and out unless circular, and its Hz."""
    mono = waveform.detach().cpu().double().mean(0).numpy()
    if not circular:
        mono = mono * scipy.signal.windows.tukey(len(mono), _EDGE)  # half of the edges left out
    return np.fft.rfft(mono), np.fft.rfftfreq(len(mono), 1 / sample_rate)


def _partial_wobble(
    spectrum: Complex[np.ndarray, " bin"],
    hz: Float[np.ndarray, " bin"],
    center_hz: float,
    *,
    circular: bool,
) -> Wobble:
    """Of the partial about `center_hz`, brought down to 0 Hz and sampled at some 500 Hz.

    The instantaneous frequency of an analytic signal z is Im(z'/z) / 2π (Boashash 1992, eq. 16);
    z' is had from the spectrum.
    """
    near = np.flatnonzero(np.abs(hz - center_hz) < _STOP_HZ)
    offset_hz = hz[near] - center_hz
    slope = np.clip((np.abs(offset_hz) - _PASS_HZ) / (_STOP_HZ - _PASS_HZ), 0, 1)
    band = spectrum[near] * np.cos(0.5 * np.pi * slope) ** 2
    n_moments = 8 * len(near)
    partial = np.fft.ifft(band, n_moments)
    edge = 0 if circular else math.ceil(_EDGE * n_moments)
    kept = slice(edge, n_moments - edge)
    power = np.abs(partial[kept]) ** 2
    power = np.maximum(power, 1e-30 + power.max() * 10 ** (_LEVEL_FLOOR_DB / 10))
    moving = (np.fft.ifft(band * offset_hz, n_moments) * partial.conj()).real[kept]
    frequency_hz = center_hz + moving / power
    mean_hz = np.average(frequency_hz, weights=power)
    deviation_hz = math.sqrt(np.average((frequency_hz - mean_hz) ** 2, weights=power))
    cents = 1_200 * math.log2(1 + deviation_hz / mean_hz)
    return Wobble(cents, float(np.std(10 * np.log10(power))))


def _median(values: Sequence[float]) -> float:
    """The median without NaN; NaN where nothing is left."""
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.median(numbers)) if numbers else math.nan


def _decibels(ratio: float) -> float:
    return 20 * math.log10(ratio) if ratio > 0 else (-math.inf if ratio == 0 else math.nan)
