"""A score becomes a loop: rendered twice through a soundfont, of which the second pass is kept."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from riffkit.errors import ParameterError
from riffkit.score.notes import Note, Score, Track
from train.sounds.mixing import mix_down

SAMPLE_RATE = 44_100
_ALL_SOUNDS_OFF, _RESET_CONTROLLERS = 120, 121
_WHEEL_CENTS, _WHEEL_CENTRE = 200, 8_192  # the pitch wheel's range in General MIDI
_BEND = -1  # before releases (0) and attacks (1)


def loop_samples(score: Score) -> int:
    """The exact length of the loop."""
    return round(score.n_beats * 60 / score.bpm * SAMPLE_RATE)


def render(score: Score, soundfont: Path) -> Float[np.ndarray, "2 sample"]:
    """The score as a stereo loop at 44,100 Hz, float32, `loop_samples` long, peak below 1.

    Every track is rendered alone, so that the mix can bring it to its level; tails of the end
    ring into the start. The same score gives the same samples in any process.
    """
    n_samples = loop_samples(score)
    dry = [render_track(track, score.n_beats, n_samples, soundfont) for track in score.tracks]
    return mix_down(dry, score, SAMPLE_RATE)


def render_track(
    track: Track,
    n_beats: int,
    n_samples: int,
    soundfont: Path,
    *,
    bends: Sequence[tuple[int, float]] = (),
) -> Float[np.ndarray, "2 sample"]:
    """One track without mixing: the second of two passes.

    `bends` are samples of the loop and the cents by which all of the track sounds higher from
    there on, up to 200 either way.
    """
    synth, font = _synth(str(soundfont))
    _silence(synth)
    if synth.sfpreset_name(font, track.bank, track.program) is None:
        raise ParameterError(
            f"soundfont={soundfont} has no program {track.program} in bank {track.bank}: "
            "use a General MIDI soundfont such as FluidR3_GM.sf2"
        )
    synth.program_select(0, font, track.bank, track.program, track.is_drums)
    timeline = _timeline(track.notes, bends, n_beats, n_samples)
    out = np.zeros((2 * n_samples, 2), np.float32)
    buffer = out.data.cast("B")
    now = 0
    for at, order, pitch, velocity in timeline:
        if at > now:
            synth.generate_simple(at - now, buffer[8 * now : 8 * at])
            now = at
        if order == _BEND:
            synth.pitchbend(0, velocity)
        elif velocity:
            synth.noteon(0, pitch, velocity)
        else:
            synth.noteoff(0, pitch)
    if now < 2 * n_samples:
        synth.generate_simple(2 * n_samples - now, buffer[8 * now :])
    return np.ascontiguousarray(out[n_samples:].T)


def _timeline(
    notes: Sequence[Note], bends: Sequence[tuple[int, float]], n_beats: int, n_samples: int
) -> list[tuple[int, int, int, int]]:
    """(sample, order, pitch, velocity) of both passes in order of time; velocity 0 is a release.

    At one sample, bends (whose velocity is the wheel's place) come before releases, and these
    before attacks. Times are rounded within one pass, so that both passes are the same to the
    sample.
    """
    events = []
    for at, cents in bends:
        wheel = min(16_383, max(0, round(_WHEEL_CENTRE * (1 + cents / _WHEEL_CENTS))))
        events += [(at, _BEND, 0, wheel), (at + n_samples, _BEND, 0, wheel)]
    for n in notes:
        on = round(n.start / n_beats * n_samples) % n_samples
        length = max(1, round(n.duration / n_beats * n_samples))
        for begin in (on, on + n_samples):
            events.append((begin, 1, n.pitch, n.velocity))
            events.append((begin + length, 0, n.pitch, 0))
    return sorted(e for e in events if e[0] < 2 * n_samples)


@functools.lru_cache(maxsize=2)
def _synth(soundfont: str) -> tuple[Any, int]:
    import tinysoundfont

    synth = tinysoundfont.Synth(gain=-12, samplerate=SAMPLE_RATE)
    return synth, synth.sfload(soundfont)


def forget_soundfonts() -> None:
    """Free the memory of the soundfonts, up to a gigabyte each."""
    _synth.cache_clear()


def _silence(synth: Any) -> None:
    """End every voice and take back every controller, so that no render knows the one before."""
    synth.control_change(0, _ALL_SOUNDS_OFF, 0)
    synth.control_change(0, _RESET_CONTROLLERS, 0)
    synth.pitchbend(0, _WHEEL_CENTRE)
    synth.generate_simple(4410)
