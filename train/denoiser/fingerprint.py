"""What names an autoencoder; light, so that processes which only read names start at once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from riffkit.errors import ParameterError

WEIGHTS = "diffusion_pytorch_model.safetensors"
FINGERPRINT = "fingerprint.txt"


def fingerprint_of(folder: Path) -> str:
    """The name of an autoencoder: its weights' hash, or what its folder says it was made of.

    ParameterError where the folder is none.
    """
    if (folder / FINGERPRINT).exists():
        return (folder / FINGERPRINT).read_text(encoding="utf-8").strip()
    if not (folder / WEIGHTS).is_file():
        raise ParameterError(
            f"vae={str(folder)!r}: is not an autoencoder; give a folder that `riff train "
            "export-vae` wrote, or a snapshot"
        )
    return hash_of(folder / WEIGHTS)


def hash_of(path: Path) -> str:
    """The first digits of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
