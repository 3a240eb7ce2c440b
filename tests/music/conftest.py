"""The bundled model, loaded once."""

from __future__ import annotations

import pytest

import riffkit
from riffkit.music.riff import Riff


@pytest.fixture(scope="session")
def riff() -> Riff:
    return riffkit.load(device="cpu")
