"""Hints of transformers and diffusers to their developers aren't for riffkit's users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import diffusers.utils.logging
import transformers.utils.logging


@contextmanager
def others_quiet() -> Iterator[None]:
    """Within the block both log errors only, without bars; else what the user's program chose."""
    kinds = (transformers.utils.logging, diffusers.utils.logging)
    before = [kind.get_verbosity() for kind in kinds]
    has_bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    for kind in kinds:
        kind.set_verbosity_error()
    try:
        yield
    finally:
        if has_bars:
            transformers.utils.logging.enable_progress_bar()
        for kind, level in zip(kinds, before, strict=True):
            kind.set_verbosity(level)
