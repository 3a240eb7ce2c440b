"""Puts a pack together: code, sounds, the frozen autoencoder, a snapshot, wheels."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.training.export import replacing
from train.denoiser.autoencoder import copy_frozen
from train.denoiser.network import TEXT_ENCODER, TOKENIZER
from train.pack.soundfont import shrink_soundfont

SOUNDFONT, VAE, WHEELS, SNAPSHOT = "sounds/FluidR3_GM.sf3", "vae", "wheels", "start.safetensors"
MAX_BYTES = 60_000_000
PYTHON = "3.12"
MISSING = (
    "diffusers",
    "pytorch-optimizer",
    "tinysoundfont",
    "soundfile",
    "cffi",
    "pycparser",
    "soxr",
    "pydantic",
    "pydantic-core",
    "annotated-types",
    "typing-inspection",
)
"""What such a machine lacks beside PyTorch, transformers, accelerate, scipy and jaxtyping."""
_PLATFORMS = ("2_28", "2_27", "2_17")
_ROOT = Path(__file__).parents[2]


def build(
    out: Path, vae: Path, soundfont: Path, *, snapshot: Path | None = None, wheels: bool = True
) -> int:
    """Write the pack to `out`, and return its size in bytes; an older one is replaced.

    ParameterError where it would be larger than 60 MB.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as temporary:
        _copy_code(temporary)
        (temporary / SOUNDFONT).parent.mkdir()
        shrink_soundfont(soundfont, temporary / SOUNDFONT)
        copy_frozen(vae, temporary / VAE)
        if snapshot is not None:
            shutil.copyfile(snapshot, temporary / SNAPSHOT)
        if wheels:
            _download(temporary / WHEELS)
        size = sum(path.stat().st_size for path in temporary.rglob("*") if path.is_file())
        if size > MAX_BYTES:
            raise ParameterError(
                f"pack={str(out)!r}: would have {size / 1e6:.1f} MB, and may have "
                f"{MAX_BYTES / 1e6:.0f}; leave out the snapshot or the wheels"
            )
    return size


def _copy_code(out: Path) -> None:
    """The packages, of whose data only text encoder and tokenizer."""
    left_out = {_ROOT / "riffkit" / "weights", _ROOT / "train" / "snapshots"}

    def ignored(folder: str, names: list[str]) -> list[str]:
        paths = {name: Path(folder, name) for name in names}
        return [n for n, path in paths.items() if path in left_out or n == "__pycache__"]

    for package in ("riffkit", "train"):
        shutil.copytree(_ROOT / package, out / package, ignore=ignored)
    for part in (TEXT_ENCODER, TOKENIZER):
        shutil.copytree(part, out / part.relative_to(_ROOT))


def _download(folder: Path) -> None:
    """Wheels for the machine's own Python, from the package registry, by name and without needs."""
    versions = {name: _installed(name) for name in MISSING}
    platforms = [f"--platform=manylinux_{n}_x86_64" for n in _PLATFORMS]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp"),
            *platforms,
            "--platform=manylinux2014_x86_64",
            f"--dest={folder}",
            *(f"{name}=={version}" if version else name for name, version in versions.items()),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
        raise ParameterError(f"wheels: can't be fetched ({reason[0]}); use --no-wheels")


def _installed(name: str) -> str | None:
    """The version here: wheels that depend on one another must fit."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
