"""How much time the way back from image to sound may take."""

from __future__ import annotations

from typing import Literal, get_args

Quality = Literal["preview", "default", "high"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
