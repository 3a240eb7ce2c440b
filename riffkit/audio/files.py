"""Audio files ⇄ waveforms: WAV, FLAC, OGG and MP3."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.audio import containers, mpeg
from riffkit.audio.encoding import MAX_RATE, MIN_RATE, check_encodable, encode_file, format_of
from riffkit.audio.resampling import resample, resample_blocks
from riffkit.audio.shown import Shown
from riffkit.audio.tags import fields_to_tags, read_riff_fields, tags_to_fields
from riffkit.audio.view import View
from riffkit.errors import AudioFileError, ParameterError
from riffkit.kinds import HEAD_BYTES, is_sound

SILENCE_PEAK = 10 ** (-90 / 20)
"""A file that stays below -90 dBFS, the last bit of 16, is silent."""

_READ_SAMPLES = 65_536
_MPEG_SUFFIXES = (".mp3", ".mpga")


class _Reader(soundfile.SoundFile):
    """Reads straight on.

    soundfile seeks to where it is after each read of a file that can seek, and libsndfile's MP3
    decoder then has lost the bits that frames borrow from those before: a wrong frame per block.
    """

    def seekable(self) -> bool:
        return False


class _Chain:
    """Several streams of a file, read one after the other."""

    def __init__(self, links: Sequence[_Reader], name: str) -> None:
        first, self._links = links[0], list(links)
        if any((n.samplerate, n.channels) != (first.samplerate, first.channels) for n in links):
            raise AudioFileError(
                f"{name} has streams of different rates or channels, one after the other; export "
                "it again"
            )
        self.samplerate, self.channels = first.samplerate, first.channels
        self.format, self.subtype = first.format, first.subtype
        self.frames = sum(link.frames for link in links)
        self.copy_metadata = first.copy_metadata

    def read(self, n_samples: int, **options: Any) -> np.ndarray:
        parts = [self._links[0].read(n_samples, **options)]
        while len(self._links) > 1 and (n_left := n_samples - sum(map(len, parts))):
            self._links.pop(0)
            parts.append(self._links[0].read(n_left, **options))
        return np.concatenate(parts)


@dataclass(frozen=True)
class AudioInfo:
    """The header of an audio file; `n_samples` is its length per channel."""

    sample_rate: int
    n_channels: int
    n_samples: int
    subtype: str

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


def describe(path: str | Path) -> AudioInfo:
    """The rate, channels and length of an audio file, without reading its samples.

    Raises AudioFileError like `load`, except for faults in the samples themselves.
    """
    with _open(Path(path)) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames, file.subtype)


def load(
    path: str | Path, *, sample_rate: int | None = None, allow_silence: bool = False
) -> tuple[Float[Tensor, "channel sample"], int]:
    """The waveform of an audio file, full scale ±1, and its rate: the file's or `sample_rate`.

    Raises AudioFileError for a file that is missing, empty, truncated, damaged or not audio, has
    more than two channels, contains NaN or infinity, or is silent (unless `allow_silence`).
    """
    path = Path(path)
    with _open(path) as file:
        waveform = torch.cat(list(_read_blocks(file, path)), -1)
        file_rate = file.samplerate
    if not allow_silence and waveform.max() - waveform.min() < 2 * SILENCE_PEAK:
        raise AudioFileError(f"{str(path)!r} is silent; choose a file with audible sound")
    if sample_rate is None or sample_rate == file_rate:
        return waveform, file_rate
    return resample(waveform, file_rate, sample_rate), sample_rate


def iter_blocks(
    path: str | Path, block_samples: int, *, sample_rate: int | None = None
) -> Iterator[Float[Tensor, "channel sample"]]:
    """An audio file of any length in blocks of `block_samples`; the last may be shorter.

    With `sample_rate` the file is resampled as one stream: joined, the blocks have round(samples ·
    sample_rate / rate of the file) samples. Raises AudioFileError like `load`, except for silence.
    """
    if block_samples < 1:
        raise ParameterError(f"block_samples={block_samples}: must be at least 1")
    path = Path(path)
    with _open(path) as file:
        blocks = _read_blocks(file, path)
        if sample_rate is not None and sample_rate != file.samplerate:
            n_samples = round(file.frames * sample_rate / file.samplerate)
            blocks = resample_blocks(blocks, file.samplerate, sample_rate, n_samples=n_samples)
        yield from _regroup(blocks, block_samples)


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags that `save` wrote, or another program's title, artist, comment …"""
    path = Path(path)
    with _open(path) as file:
        is_wav = file.format in ("WAV", "WAVEX", "RF64")
        return fields_to_tags(read_riff_fields(path) if is_wav else file.copy_metadata())


def save(
    path: str | Path,
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    subtype: str | None = None,
    tags: Mapping[str, str] | None = None,
    shown: Shown | None = None,
) -> None:
    """Write a waveform atomically, in the format of the file extension.

    `subtype` is soundfile's (PCM_16, PCM_24, PCM_32, FLOAT …); WAV and FLAC default to PCM_16. PCM
    is rounded, and clipped at full scale. `tags` are texts of any length, which `read_tags` gives
    back; `shown` is for players. The same waveform and tags give the same bytes.

    Raises OutputError for an unknown extension or a path that can't be written, and ParameterError
    for a waveform, rate or subtype that the format can't store.
    """
    path = Path(path)
    audio_format = format_of(path)
    subtype = subtype or audio_format.subtypes[0]
    samples = waveform.detach().to("cpu", torch.float32).numpy().T
    check_encodable(samples, sample_rate, audio_format, subtype)
    with atomic_path(path) as temporary:
        fields = tags_to_fields(tags or {})
        encode_file(temporary, samples, sample_rate, audio_format, subtype, fields, shown)


@contextmanager
def _open(path: Path) -> Iterator[_Reader | _Chain]:
    """An audio file with at least one sample in one or two channels; `load` names the errors."""
    name = repr(str(path))
    try:
        frames = _check_bytes(path, name)
        with ExitStack() as stack:
            sources = stack.enter_context(_as_libsndfile_reads_it(path, frames))
            links = [stack.enter_context(_Reader(source)) for source in sources]
            file = links[0] if len(links) == 1 else _Chain(links, name)
            _check_readable(file, name)
            yield file
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{name} is damaged or truncated; copy or export it again") from error
    except OSError as error:
        raise AudioFileError(f"{name} can't be read ({error.strerror}); check the path") from error


@contextmanager
def _as_libsndfile_reads_it(path: Path, frames: mpeg.Frames | None) -> Iterator[Sequence[Any]]:
    """The file, or views of what it would read wrong; more than one where streams are chained."""
    with path.open("rb") as opened:
        if frames is not None and frames.needs_view:
            yield [mpeg.view(opened, frames)]
        elif (wav := containers.unfinished_wav(opened)) is not None:
            yield [wav]
        elif len(links := containers.ogg_links(opened)) > 1:
            yield [View(opened, b"", [link]) for link in links]
        else:  # soundfile can't write out a name that isn't UTF-8, but takes its bytes
            yield [path if os.name == "nt" else os.fsencode(path)]


def _check_bytes(path: Path, name: str) -> mpeg.Frames | None:
    """Whether the file is audio by its head, and whole by its own headers; an MP3's frames."""
    with path.open("rb") as opened:
        header = opened.read(HEAD_BYTES)
        is_truncated = containers.is_truncated(opened)
    if not header:
        raise AudioFileError(f"{name} is empty (0 bytes); choose another file")
    frames = None
    is_audio = is_sound(header)
    if containers.may_be_mpeg(header) or (not is_audio and path.suffix.lower() in _MPEG_SUFFIXES):
        with mpeg.mapped(path) as data:
            frames = mpeg.find_frames(data)
            is_truncated = frames.is_cut if frames else mpeg.read_header(data, 0) is not None
        is_audio = is_audio or frames is not None
    # soundfile takes the word of the extension .raw, whatever the file holds.
    if not is_audio or path.suffix.lower() == ".raw":
        raise AudioFileError(f"{name} is not audio; choose a WAV, FLAC, OGG or MP3 file")
    if is_truncated:
        raise AudioFileError(f"{name} is truncated (its end is missing); copy or export it again")
    return frames


def _check_readable(file: _Reader | _Chain, name: str) -> None:
    if file.channels > 2:
        raise AudioFileError(f"{name} has {file.channels} channels; mix it down to 1 or 2 first")
    if file.frames < 1:
        raise AudioFileError(f"{name} is empty (0 samples); choose another file")
    if not MIN_RATE <= file.samplerate <= MAX_RATE:
        raise AudioFileError(
            f"{name} has a sample rate of {file.samplerate:,} Hz: "
            f"it must be between {MIN_RATE:,} and {MAX_RATE:,}"
        )


def _read_blocks(file: _Reader | _Chain, path: Path) -> Iterator[Float[Tensor, "channel block"]]:
    """The whole sound: as many samples as the file promises, and all of them numbers."""
    for start in range(0, file.frames, _READ_SAMPLES):
        n_wanted = min(_READ_SAMPLES, file.frames - start)
        samples = file.read(n_wanted, dtype="float32", always_2d=True)
        if len(samples) < n_wanted:
            raise AudioFileError(
                f"{str(path)!r} is truncated (only {start + len(samples):,} of {file.frames:,} "
                "samples "
                "can be read); copy or export it again"
            )
        if not np.isfinite(samples).all():
            raise AudioFileError(f"{str(path)!r} contains NaN or infinity; export it again")
        yield torch.from_numpy(np.ascontiguousarray(samples.T))


def _regroup(blocks: Iterator[Tensor], block_samples: int) -> Iterator[Tensor]:
    """The same sound in blocks of another size, the last one shorter."""
    pending: list[Tensor] = []
    n_wanted = block_samples
    for block in blocks:
        while block.shape[-1] >= n_wanted:
            pending.append(block[:, :n_wanted])
            block, n_wanted = block[:, n_wanted:], block_samples
            yield _joined(pending)
        if block.shape[-1]:
            pending.append(block)
            n_wanted -= block.shape[-1]
    if pending:
        yield _joined(pending)


def _joined(parts: list[Tensor]) -> Tensor:
    """All parts, of which none is held any longer."""
    whole = torch.cat(parts, -1)
    parts.clear()
    return whole
