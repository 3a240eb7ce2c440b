"""The bundled seeds: what a theme may be in place of a file. Light: only their names are read."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).parent.parent / "weights" / "seeds" / "seeds.safetensors"


@cache
def seed_names() -> dict[str, dict[str, Any]]:
    """Two bars each, with their tempo and key."""
    from safetensors import safe_open

    if not SEEDS.exists():
        return {}
    with safe_open(SEEDS, "np") as file:
        return {name: json.loads(text) for name, text in sorted(file.metadata().items())}
