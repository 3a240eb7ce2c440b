"""Encodes samples as a WAV, FLAC, OGG or MP3 file, with the same bytes each time."""

from __future__ import annotations

import errno
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from jaxtyping import Float, Num

from riffkit.audio import containers, mpeg
from riffkit.audio.player_fields import write_shown
from riffkit.audio.shown import SOFTWARE, Shown
from riffkit.audio.tags import append_riff_fields, set_fields
from riffkit.errors import OutputError, ParameterError

MIN_RATE, MAX_RATE = 1_000, 768_000
Bits = Literal[16, 24, "float"]
_SUBTYPES: dict[Bits, str] = {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True)
class AudioFormat:
    """A file format by soundfile's name: its subtypes (the default first), its highest sample rate
    (`rates`: all, where they are few), and its encoder's options.
    """

    name: str
    subtypes: tuple[str, ...]
    max_rate: int
    options: Mapping[str, float | str] = field(default_factory=dict)
    rates: tuple[int, ...] = ()


FORMATS = {
    ".wav": AudioFormat(
        "WAV", ("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "FLOAT", "DOUBLE"), MAX_RATE
    ),
    ".flac": AudioFormat("FLAC", ("PCM_16", "PCM_24", "PCM_S8"), 655_350),
    # Quality 8 of 10, some 180-250 kbit/s. libvorbis crashes above 200 kHz.
    ".ogg": AudioFormat("OGG", ("VORBIS",), 192_000, {"compression_level": 0.2}),
    # LAME's V0, some 220-260 kbit/s.
    ".mp3": AudioFormat(
        "MP3",
        ("MPEG_LAYER_III",),
        48_000,
        {"compression_level": 0.0, "bitrate_mode": "VARIABLE"},
        (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    ),
}

_SUBTYPE_BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_MAX_WAV_BYTES = 2**32 - 2**24
# libvorbis puts a whole block on its stack: hour-long ones crash.
_BLOCK_SAMPLES = 65_536


def format_of(path: Path) -> AudioFormat:
    """The format that a path's extension names; OutputError for any other."""
    if path.suffix.lower() not in FORMATS:
        raise OutputError(
            f"cannot write {str(path)!r}: extension {path.suffix!r} is not one of "
            f"{', '.join(FORMATS)}; rename the output"
        )
    return FORMATS[path.suffix.lower()]


@dataclass(frozen=True)
class Storage:
    """How a file stores samples: in 16 or 24 bits or as floats, and at which rate.

    None is the format's default (16 bits in WAV and FLAC), and the clip's own rate.
    """

    bits: Bits | None = None
    sample_rate: int | None = None

    @property
    def subtype(self) -> str | None:
        return None if self.bits is None else _SUBTYPES[self.bits]

    @classmethod
    def of(cls, subtype: str, sample_rate: int) -> Storage:
        """That of a file which is there; `subtype` is soundfile's."""
        bits = {name: bits for bits, name in _SUBTYPES.items()}.get(subtype)
        return cls(bits, sample_rate)

    def check(self, path: Path) -> None:
        """Raise OutputError or ParameterError if a file of that name can't store them so."""
        audio_format = format_of(path)
        name, rate = audio_format.name, self.sample_rate
        if self.bits not in (None, *_SUBTYPES):
            raise ParameterError(f"bits={self.bits!r}: must be 16, 24 or float")
        if self.bits is not None and self.subtype not in audio_format.subtypes:
            known = [str(bits) for bits, name in _SUBTYPES.items() if name in audio_format.subtypes]
            can = f"stores {' or '.join(known)} bits" if known else "has no bits per sample"
            other = ".wav" if known else ".wav or .flac"
            raise ParameterError(f"bits={self.bits}: {name} {can}; write {other}")
        if rate is None:
            return
        if audio_format.rates and rate not in audio_format.rates:
            known = [f"{one:,}" for one in audio_format.rates]
            raise ParameterError(f"sample_rate={rate}: {name} knows only {', '.join(known)} Hz")
        if not MIN_RATE <= rate <= audio_format.max_rate:
            raise ParameterError(
                f"sample_rate={rate}: must be between {MIN_RATE:,} and {audio_format.max_rate:,} "
                f"Hz for {name}"
            )


def check_encodable(
    samples: Float[np.ndarray, "sample channel"],
    sample_rate: int,
    audio_format: AudioFormat,
    subtype: str,
) -> None:
    """Raise ParameterError if the format can't store such samples."""
    n_samples, n_channels = samples.shape
    if n_samples < 1 or n_channels not in (1, 2):
        raise ParameterError(
            f"waveform has {n_channels} channels of {n_samples} samples: "
            "must have 1 or 2 channels and at least 1 sample"
        )
    if not np.isfinite(samples).all():
        raise ParameterError("waveform contains NaN or infinity; all samples must be finite")
    if not 1 <= sample_rate <= audio_format.max_rate:
        raise ParameterError(
            f"sample_rate={sample_rate}: {audio_format.name} supports 1 to "
            f"{audio_format.max_rate:,}"
        )
    if subtype not in audio_format.subtypes:
        raise ParameterError(
            f"subtype={subtype!r}: {audio_format.name} supports {', '.join(audio_format.subtypes)}"
        )
    n_bytes = samples.size * (8 if subtype == "DOUBLE" else _SUBTYPE_BITS.get(subtype, 32) // 8)
    if audio_format.name == "WAV" and n_bytes > _MAX_WAV_BYTES:
        raise ParameterError(
            f"waveform needs {n_bytes:,} bytes, but WAV files are limited to 4 GB; write .flac"
        )
    try:
        _open_to_write(io.BytesIO(), sample_rate, n_channels, audio_format, subtype).close()
    except soundfile.LibsndfileError as error:
        reason = str(error).rpartition(": ")[2].rstrip(".\n")
        raise ParameterError(f"sample_rate={sample_rate}, subtype={subtype}: {reason}") from error


def encode_file(
    path: Path,
    samples: Float[np.ndarray, "sample channel"],
    sample_rate: int,
    audio_format: AudioFormat,
    subtype: str,
    fields: Mapping[str, str],
    shown: Shown | None = None,
) -> None:
    """Write all of `samples` to `path`; raises OSError if that fails."""
    n_samples, n_channels = samples.shape
    shown = None if shown is None else shown.readable
    if audio_format.name == "WAV" and shown is not None:
        fields = {**_shown_fields(shown), **fields}
    try:
        with _open_to_write(path, sample_rate, n_channels, audio_format, subtype) as file:
            if audio_format.name != "WAV":
                set_fields(file, fields)
            for start in range(0, n_samples, _BLOCK_SAMPLES):
                file.write(_quantize(samples[start : start + _BLOCK_SAMPLES], subtype))
        _settle_bytes(path, samples, audio_format, fields)
        if shown is not None:
            write_shown(path, shown, sample_rate=sample_rate, n_samples=n_samples)
        _check_complete(path, n_samples)
    except soundfile.LibsndfileError as error:
        # All that could be refused was tried in memory, and libsndfile keeps the errno.
        raise OSError(errno.ENOSPC, str(error)) from error


def _shown_fields(shown: Shown) -> dict[str, str]:
    named = {"title": shown.title, "genre": shown.genre, "software": SOFTWARE, **shown.credits}
    return {name: text for name, text in named.items() if text}


def _open_to_write(
    file: Path | io.BytesIO,
    sample_rate: int,
    n_channels: int,
    audio_format: AudioFormat,
    subtype: str,
) -> soundfile.SoundFile:
    return soundfile.SoundFile(
        file,
        "w",
        sample_rate,
        n_channels,
        subtype,
        format=audio_format.name,
        **audio_format.options,
    )


def _quantize(
    samples: Float[np.ndarray, "sample channel"], subtype: str
) -> Num[np.ndarray, "sample channel"]:
    """The samples as libsndfile should store them; for PCM, integers in the upper bits.

    libsndfile's own conversion rounds down in a WAV: half a step of offset, and more noise.
    """
    if subtype not in _SUBTYPE_BITS:
        return samples
    bits = _SUBTYPE_BITS[subtype]
    full_scale = 2.0 ** (bits - 1)
    steps = np.clip(np.rint(samples * np.float64(full_scale)), -full_scale, full_scale - 1)
    return steps.astype(np.int32) << (32 - bits)


def _settle_bytes(
    path: Path,
    samples: Float[np.ndarray, "sample channel"],
    audio_format: AudioFormat,
    fields: Mapping[str, str],
) -> None:
    """Remove random bytes, and add the fields that libsndfile can't write."""
    with path.open("r+b") as file:
        if audio_format.name == "WAV":
            containers.clear_peak_time(file)
            if fields:
                append_riff_fields(file, fields)
        if audio_format.name == "OGG":
            # From the sound, since two streams of one serial must not be joined in a file.
            containers.set_ogg_serial(file, zlib.crc32(samples.tobytes()))


def _check_complete(path: Path, n_samples: int) -> None:
    """Raise OSError if the end is missing: libsndfile doesn't report failures on closing."""
    with path.open("rb") as opened:
        is_truncated = containers.is_truncated(opened)
    if path.suffix.lower() == ".mp3":
        with mpeg.mapped(path) as data:
            frames = mpeg.find_frames(data)
        is_truncated = frames is None or frames.is_cut
    if not is_truncated:
        with soundfile.SoundFile(path) as file:
            if file.frames == n_samples:
                file.seek(n_samples - 1)
                if len(file.read(1)) == 1:
                    return
    raise OSError(errno.ENOSPC, "the end of the file is missing")
