"""A file of weights, of whatever kind it is."""

from __future__ import annotations

from pathlib import Path

import torch

from riffkit.errors import ModelError
from riffkit.models.weights.mapped import (
    DamagedError,
    Stored,
    looks_like_safetensors,
    read_safetensors,
)
from riffkit.models.weights.pickled import RefusedError, looks_pickled, read_pickled

_HEAD_BYTES = 16
_SAFE_TORCH = (2, 10)


def read_weights(path: Path, *, named: str) -> Stored:
    """The tensors of a safetensors file, or of a pickled one (.ckpt, .bin), by its content.

    No code in a pickle is run. ModelError, starting with `named`, if the file can't be used.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if looks_pickled(head):
            if tuple(map(int, torch.__version__.split(".")[:2])) < _SAFE_TORCH:
                raise ModelError(
                    f"{named}: torch before 2.10 can't read .ckpt and .bin files safely "
                    "(CVE-2026-24747); update torch or choose a .safetensors file"
                )
            return read_pickled(path)
        if looks_like_safetensors(head):
            return read_safetensors(path)
        raise DamagedError("it is neither a safetensors nor a checkpoint file")
    except RefusedError as error:
        raise ModelError(
            f"{named}: refused, because reading it would run code ({error.name}); nothing was run; "
            "choose a .safetensors file from a source you trust"
        ) from error
    except DamagedError as error:
        raise ModelError(f"{named}: can't be loaded: {error}; copy it again") from error
    except OSError as error:
        raise ModelError(f"{named}: can't be read: {error.strerror or error}") from error
