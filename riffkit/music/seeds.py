"""The bundled seeds, which a theme can name instead of a file. Light: reads only their names."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).parent.parent / "weights" / "seeds" / "seeds.safetensors"


@cache
def seed_names() -> dict[str, dict[str, Any]]:
    """The names of the seeds; each has two bars, with a tempo and key."""
    from safetensors import safe_open

    if not SEEDS.exists():
        return {}
    with safe_open(SEEDS, "np") as file:
        return {name: json.loads(text) for name, text in sorted(file.metadata().items())}
