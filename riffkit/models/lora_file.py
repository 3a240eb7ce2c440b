"""Where a LoRA's file lies, and how much of it is asked for. Light."""

from __future__ import annotations

from pathlib import Path

from riffkit.errors import ModelError, ParameterError

FILE = "pytorch_lora_weights.safetensors"
PEFT_FILE = "adapter_model.safetensors"
MOST_WEIGHT = 10.0
IN_FOLDERS = (FILE, PEFT_FILE, *(name.replace("safetensors", "bin") for name in (FILE, PEFT_FILE)))
"""The names of the file in a folder."""


def parse_lora(text: str | Path | tuple[str | Path, float]) -> tuple[Path, float]:
    """Path and weight of "PATH[:WEIGHT]", of a path (weight 1), or of both as a pair."""
    if isinstance(text, tuple):
        path, weight = Path(text[0]), float(text[1])
    else:
        path, weight = Path(text), 1.0
        head, colon, tail = str(text).rpartition(":")
        if colon and head and not path.exists() and (number := _number(tail)) is not None:
            path, weight = Path(head), number
    if not abs(weight) <= MOST_WEIGHT:
        raise ParameterError(
            f"lora={str(path)!r}: weight={weight:g}: must be within ±{MOST_WEIGHT:g}"
        )
    return path.expanduser(), weight


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def lora_file(path: Path) -> Path:
    """The file of a LoRA: itself, or the one in the folder of a training run."""
    if not path.is_dir():
        if not path.is_file():
            raise ModelError(f"lora={str(path)!r}: no such file or folder")
        return path
    for name in IN_FOLDERS:
        if (path / name).is_file():
            return path / name
    if (path / "model_index.json").is_file():
        raise ModelError(f"lora={str(path)!r}: is a whole model, not a LoRA; use `model`")
    raise ModelError(
        f"lora={str(path)!r}: contains no {FILE}; choose a file, or a finished run of "
        "`riff train lora`"
    )
