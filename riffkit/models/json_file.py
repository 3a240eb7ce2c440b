"""The small JSON files of a model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from riffkit.errors import ModelError


def read_json(path: Path) -> dict[str, Any]:
    """The values of a model's JSON file; ModelError if it is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name}: missing or damaged; copy the whole model again") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path.name}: damaged; copy the whole model again")
    return values
