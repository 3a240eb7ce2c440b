"""From voices to loops: a voice plays one note, and its tail wraps round the loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from riffkit.score.notes import Note

SAMPLE_RATE = 44_100
_LONGEST_S = 12.0

Stereo = Float[np.ndarray, "2 sample"]


@runtime_checkable
class Voice(Protocol):
    """An instrument without memory: the same note always gives the same samples."""

    def play(self, note_hz: float, held_s: float, loudness: float) -> Stereo:
        """One note that is held for `held_s`, with its release; `loudness` lies from 0 to 1."""
        ...


def pitch_to_hz(pitch: float) -> float:
    """MIDI pitch to hertz, A4 = 69 = 440 Hz."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def play_loop(
    notes: Iterable[Note], voice: Voice, *, n_beats: int, n_samples: int, cents: float = 0.0
) -> Stereo:
    """The notes as one turn of a loop of `n_samples`, all of them detuned by `cents`."""
    loop = np.zeros((2, n_samples), np.float32)
    beat_s = n_samples / n_beats / SAMPLE_RATE
    for note in notes:
        start = round(note.start / n_beats * n_samples) % n_samples
        held_s = min(note.duration * beat_s, _LONGEST_S)
        hz = pitch_to_hz(note.pitch + cents / 100)
        add_circular(loop, voice.play(hz, held_s, note.velocity / 127), start)
    return loop


def add_circular(loop: Stereo, sound: Float[np.ndarray, "2 length"], start: int) -> None:
    """Add `sound` to `loop` from sample `start` on, as often round as it is long."""
    n_samples = loop.shape[1]
    done = 0
    while done < sound.shape[1]:
        at = (start + done) % n_samples
        length = min(n_samples - at, sound.shape[1] - done)
        loop[:, at : at + length] += sound[:, done : done + length]
        done += length


def seconds(duration_s: float) -> Float[np.ndarray, " sample"]:
    """The times of the samples of `duration_s`, from 0."""
    return np.arange(max(1, round(duration_s * SAMPLE_RATE)), dtype=np.float32) / SAMPLE_RATE
