"""The parameters of a spectrogram image, and the presets that name them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from enum import IntEnum
from typing import Any

from riffkit.errors import ParameterError


class Planes(IntEnum):
    """The contents of an image's three color planes (tag PLANES)."""

    MONO = 0
    """three equal planes"""
    RIFFUSION_STEREO = 1
    """R = 0, G = left, B = right"""
    LEFT_RIGHT_MID = 2
    """R = left, G = right, B = the mel of (left + right) / 2"""

    @property
    def n_mel_planes(self) -> int:
        """The number of mel spectrograms in the image: 1, 2 or 3."""
        return {Planes.MONO: 1, Planes.RIFFUSION_STEREO: 2, Planes.LEFT_RIGHT_MID: 3}[self]

    @property
    def n_channels(self) -> int:
        """The number of audio channels they decode to: 1 or 2."""
        return 1 if self is Planes.MONO else 2


HTK_BREAK_HZ = 700.0
MAX_TRANSPOSE = 24.0
"""Semitones, up or down."""
LATER_FIELDS = ("mel_break_hz", "time_bandwidth", "shortest_window_ms")
"""Fields missing from files of version 0.1.0, which mean the defaults."""


@dataclass(frozen=True)
class SpectrogramParams:
    """Everything needed to decode a spectrogram image; the defaults are riffusion-v1.

    Times in milliseconds at the clip's own speed, frequencies in hertz. `mel_break_hz` shapes the
    scale of the rows (mel_scale.py). With a `time_bandwidth` above 0 higher rows have shorter
    windows than `window_ms`, down to `shortest_window_ms` (windows.py); with 0 all have that one.
    """

    preset: str = "riffusion-v1"
    sample_rate: int = 44_100
    hop_ms: float = 10.0
    window_ms: float = 100.0
    padded_ms: float = 400.0
    n_mels: int = 512
    min_hz: float = 0.0
    max_hz: float = 10_000.0
    power_for_image: float = 0.25
    mel_break_hz: float = HTK_BREAK_HZ
    time_bandwidth: float = 0.0
    shortest_window_ms: float = 0.0
    planes: Planes = Planes.MONO

    def __post_init__(self) -> None:
        positive = ("sample_rate", "hop_ms", "window_ms", "n_mels", "power_for_image")
        for name in (*positive, "mel_break_hz"):
            if not getattr(self, name) > 0:
                raise ParameterError(f"{name}={getattr(self, name)!r}: must be above 0")
        if not self.time_bandwidth >= 0:
            raise ParameterError(f"time_bandwidth={self.time_bandwidth!r}: must not be below 0")
        if not 0 <= self.shortest_window_ms <= self.window_ms:
            raise ParameterError(
                f"shortest_window_ms={self.shortest_window_ms!r}: "
                f"must be between 0 and window_ms={self.window_ms}"
            )
        if self.padded_ms < self.window_ms:
            raise ParameterError(
                f"padded_ms={self.padded_ms}: must be at least window_ms={self.window_ms}"
            )
        if not 0 <= self.min_hz < self.max_hz <= self.sample_rate / 2:
            raise ParameterError(
                f"min_hz={self.min_hz}, max_hz={self.max_hz}: "
                f"must be ascending, from 0 to half of sample_rate={self.sample_rate}"
            )
        object.__setattr__(self, "planes", Planes(self.planes))

    @property
    def hop_samples(self) -> int:
        """Samples per column, off the beat grid."""
        return round(self.hop_ms * self.sample_rate / 1000)

    def with_planes(self, planes: Planes) -> SpectrogramParams:
        return replace(self, planes=planes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in ``spectrogram.json``.

        Fields in `LATER_FIELDS` are omitted if they have default values, so that older versions can
        read it.
        """
        values = {**asdict(self), "planes": int(self.planes)}
        for name in LATER_FIELDS:
            if values[name] == getattr(type(self), name):
                del values[name]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SpectrogramParams:
        """The inverse of `to_dict`; raises ParameterError for an unknown name or a wrong type."""
        kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(cls)}
        if unknown := sorted(set(values) - set(kinds)):
            raise ParameterError(f"unknown spectrogram parameters: {', '.join(unknown)}")
        try:
            return cls(**{name: kinds[name](value) for name, value in values.items()})
        except (TypeError, ValueError, OverflowError) as error:
            raise ParameterError(f"unusable spectrogram parameters: {error}") from error


RIFFUSION_V1 = SpectrogramParams()
FULL_BAND = SpectrogramParams(preset="full-band", max_hz=20_000.0, planes=Planes.LEFT_RIGHT_MID)
CRISP = replace(
    FULL_BAND, preset="crisp", mel_break_hz=2_000.0, time_bandwidth=1.1, shortest_window_ms=16.0
)
PRESETS: dict[str, SpectrogramParams] = {p.preset: p for p in (RIFFUSION_V1, FULL_BAND, CRISP)}


def preset(name: str) -> SpectrogramParams:
    """The parameters of a preset by name."""
    if name not in PRESETS:
        raise ParameterError(f"preset={name!r}: must be one of {', '.join(PRESETS)}")
    return PRESETS[name]
