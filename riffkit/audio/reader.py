"""Opens audio files: what they are, whether they are whole, their tags. Light: no torch.

What libsndfile would read wrong, or only in part, is shown to it as it should be (mpeg.py,
containers.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float

from riffkit.audio import containers, mpeg
from riffkit.audio.encoding import MAX_RATE, MIN_RATE
from riffkit.audio.tags import fields_to_tags, read_riff_fields
from riffkit.audio.view import View
from riffkit.errors import AudioFileError
from riffkit.kinds import HEAD_BYTES, MPEG_SUFFIXES, is_sound

_READ_SAMPLES = 65_536


class Reader(soundfile.SoundFile):
    """Reads straight on.

    soundfile seeks to where it is after each read of a file that can seek, and libsndfile's MP3
    decoder then has lost the bits that frames borrow from those before: a wrong frame per block.
    """

    def seekable(self) -> bool:
        return False


class Chain:
    """Several streams of a file, read one after the other."""

    def __init__(self, links: Sequence[Reader], name: str) -> None:
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
    with open_audio(Path(path)) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames, file.subtype)


def read_blocks(file: Reader | Chain, path: Path) -> Iterator[Float[np.ndarray, "block channel"]]:
    """The whole sound of an open file: as many samples as it promises, and all of them numbers."""
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
        yield samples


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags that `save` wrote, or another program's title, artist, comment …"""
    return fields_to_tags(read_fields(Path(path)))


def read_fields(path: Path) -> dict[str, str]:
    """The fields that players know, as they stand in a file, by the names of `tags_to_fields`."""
    with open_audio(path) as file:
        is_wav = file.format in ("WAV", "WAVEX", "RF64")
        fields: dict[str, str] = read_riff_fields(path) if is_wav else file.copy_metadata()
        return fields


@contextmanager
def open_audio(path: Path) -> Iterator[Reader | Chain]:
    """An audio file with at least one sample in one or two channels; `load` names the errors."""
    name = repr(str(path))
    try:
        frames = _check_bytes(path, name)
        with ExitStack() as stack:
            sources = stack.enter_context(_as_libsndfile_reads_it(path, frames))
            links = [stack.enter_context(Reader(source)) for source in sources]
            file = links[0] if len(links) == 1 else Chain(links, name)
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
    if containers.may_be_mpeg(header) or (not is_audio and path.suffix.lower() in MPEG_SUFFIXES):
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


def _check_readable(file: Reader | Chain, name: str) -> None:
    if file.channels > 2:
        raise AudioFileError(f"{name} has {file.channels} channels; mix it down to 1 or 2 first")
    if file.frames < 1:
        raise AudioFileError(f"{name} is empty (0 samples); choose another file")
    if not MIN_RATE <= file.samplerate <= MAX_RATE:
        raise AudioFileError(
            f"{name} has a sample rate of {file.samplerate:,} Hz: "
            f"it must be between {MIN_RATE:,} and {MAX_RATE:,}"
        )
