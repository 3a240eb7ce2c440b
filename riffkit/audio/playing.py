"""Sound to the loudspeaker, by the package sounddevice where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from riffkit.errors import OutputError

_BLOCK_SECONDS = 0.1
_ELSEWHERE = "or open a sound file with any player"


def sound_device() -> Any:
    """The module sounddevice; OutputError, with what to do, where nothing can be played."""
    try:
        module = importlib.import_module("sounddevice")
        module.query_devices(kind="output")
    except ImportError as error:
        raise OutputError(
            f"sounddevice is not installed; run `pip install 'riffkit[play]'`, {_ELSEWHERE}"
        ) from error
    except OSError as error:
        raise OutputError(
            f"sounddevice lacks PortAudio; install libportaudio2, {_ELSEWHERE}"
        ) from error
    except Exception as error:  # PortAudio finds no device
        raise OutputError(f"no loudspeaker found; connect one, {_ELSEWHERE}") from error
    return module


def play(
    samples: Float[np.ndarray, "sample channel"],
    sample_rate: int,
    *,
    loop: bool = False,
    on_block: Callable[[], None] = lambda: None,
) -> None:
    """Play a clip to its end, or with `loop` round and round until KeyboardInterrupt.

    `on_block` is called for each tenth of a second. Raises OutputError where it can't be played.
    """
    module = sound_device()
    n_samples, n_channels = samples.shape
    n_block = max(1, round(_BLOCK_SECONDS * sample_rate))
    try:
        with module.OutputStream(sample_rate, channels=n_channels, dtype="float32") as stream:
            place = 0
            while loop or place < n_samples:
                end = place + n_block
                block = np.arange(place, end if loop else min(end, n_samples)) % n_samples
                stream.write(np.ascontiguousarray(samples[block]))
                on_block()
                place = end % n_samples if loop else end
    except module.PortAudioError as error:
        raise OutputError(
            f"the loudspeaker refused the sound ({error}); open it with another player"
        ) from error


def n_blocks(n_samples: int, sample_rate: int) -> int:
    """How many times `play` calls `on_block`, if not for a loop."""
    return -(-n_samples // max(1, round(_BLOCK_SECONDS * sample_rate)))
