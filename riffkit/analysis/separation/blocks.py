"""Long clips taken apart block by block, so that memory doesn't grow with their length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.errors import ParameterError

_BLOCK_SECONDS = 16.0
_CONTEXT_SECONDS = 2.0  # heard before and after a block
_FADE_SECONDS = 0.25

TakeApart = Callable[[Float[Tensor, "channel sample"], int], Float[Tensor, "stem channel sample"]]
"""A clip and its sample rate to stems that add up to it, about."""


def in_blocks(
    blocks: Iterable[Float[Tensor, "channel _block"]],
    sample_rate: int,
    take_apart: TakeApart,
    *,
    rest: int,
) -> Iterator[Float[Tensor, "stem channel _piece"]]:
    """Successive pieces of the stems of a clip that comes in blocks of any lengths.

    Stems of neighboring pieces are crossfaded. What the others leave of the clip goes to the stem
    number `rest`, so that all add up to it. Raises ParameterError for a clip without samples, of
    other than 1 or 2 channels, or of a rate below 1.
    """
    if sample_rate < 1:
        raise ParameterError(f"sample_rate={sample_rate!r}: must be at least 1 sample per second")
    n_fade, tail = round(_FADE_SECONDS * sample_rate), None
    for piece in _pieces(blocks, sample_rate):
        stems = take_apart(piece.samples, sample_rate)[..., piece.n_before :]
        if tail is not None:
            stems[..., :n_fade] = _crossfaded(tail, stems[..., :n_fade])
        tail = stems[..., piece.n_core : piece.n_core + n_fade].clone()
        stems = stems[..., : piece.n_core]
        stems[rest] = 0
        stems[rest] = piece.core - stems.sum(dim=0)
        yield stems


def joined(
    pieces: Iterable[Mapping[str, Float[Tensor, "channel _piece"]]], shape: torch.Size
) -> dict[str, Float[Tensor, "channel sample"]]:
    """Successive pieces of stems as whole ones, each of a clip's shape; held once."""
    stems: dict[str, Tensor] = {}
    first = 0
    for piece in pieces:
        stems = stems or {name: torch.empty(shape) for name in piece}
        for name, waveform in piece.items():
            stems[name][:, first : first + waveform.shape[1]] = waveform
        first += waveform.shape[1]
    return stems


def _crossfaded(
    before: Float[Tensor, "stem channel _fade"], after: Float[Tensor, "stem channel sample"]
) -> Float[Tensor, "stem channel sample"]:
    n_fade = after.shape[-1]
    return torch.lerp(before[..., :n_fade], after, (torch.arange(n_fade) + 0.5) / n_fade)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Samples that are taken apart at once, of which `n_core` after the first `n_before` count."""

    samples: Float[Tensor, "channel sample"]
    n_before: int
    n_core: int

    @property
    def core(self) -> Float[Tensor, "channel core_sample"]:
        return self.samples[:, self.n_before : self.n_before + self.n_core]


def _pieces(
    blocks: Iterable[Float[Tensor, "channel _block"]], sample_rate: int
) -> Iterator[_Piece]:
    """A clip in pieces that overlap; the last one takes what is too short for its own."""
    n_core, n_context = (
        max(1, round(seconds * sample_rate)) for seconds in (_BLOCK_SECONDS, _CONTEXT_SECONDS)
    )
    held, n_before = torch.zeros(0, 0), 0
    for part in _parts(blocks, n_core):
        held = torch.cat((held, part), dim=1) if held.numel() else part
        while held.shape[1] > n_before + n_core + n_context:
            yield _Piece(held[:, : n_before + n_core + n_context], n_before, n_core)
            n_past = max(0, n_before + n_core - n_context)
            held = held[:, n_past:]
            n_before += n_core - n_past
    if not held.numel():
        raise ParameterError("waveform: must have at least one sample")
    yield _Piece(held, n_before, held.shape[1] - n_before)


def _parts(
    blocks: Iterable[Float[Tensor, "channel _block"]], n_most: int
) -> Iterator[Float[Tensor, "channel _part"]]:
    for block in blocks:
        if block.shape[0] not in (1, 2):
            raise ParameterError(f"waveform={tuple(block.shape)}: must be 1 or 2 channels")
        yield from block.float().split(n_most, dim=1)
