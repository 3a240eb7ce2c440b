"""Audio files ⇄ waveforms: WAV, FLAC, OGG and MP3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.audio.encoding import check_encodable, encode_file, format_of
from riffkit.audio.reader import Chain, Reader, open_audio, read_blocks
from riffkit.audio.resampling import resample, resample_blocks
from riffkit.audio.shown import Shown
from riffkit.audio.tags import tags_to_fields
from riffkit.errors import AudioFileError, ParameterError

SILENCE_PEAK = 10 ** (-90 / 20)
"""A file that stays below -90 dBFS, the last bit of 16, is silent."""


def load(
    path: str | Path, *, sample_rate: int | None = None, allow_silence: bool = False
) -> tuple[Float[Tensor, "channel sample"], int]:
    """The waveform of an audio file, full scale ±1, and its rate: the file's or `sample_rate`.

    Raises AudioFileError for a file that is missing, empty, truncated, damaged or not audio, has
    more than two channels, contains NaN or infinity, or is silent (unless `allow_silence`).
    """
    path = Path(path)
    with open_audio(path) as file:
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
    with open_audio(path) as file:
        blocks = _read_blocks(file, path)
        if sample_rate is not None and sample_rate != file.samplerate:
            n_samples = round(file.frames * sample_rate / file.samplerate)
            blocks = resample_blocks(blocks, file.samplerate, sample_rate, n_samples=n_samples)
        yield from _regroup(blocks, block_samples)


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


def _read_blocks(file: Reader | Chain, path: Path) -> Iterator[Float[Tensor, "channel block"]]:
    for samples in read_blocks(file, path):
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
