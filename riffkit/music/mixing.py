"""The mix of a score: levels, panorama, ducking, room, tape. Light: no torch.

Each stem has its own share of all that, so that the stems add up to the mix.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy import fft

from riffkit.score.drums import PARTS
from riffkit.score.notes import Mix, Score, Track
from riffkit.score.stems import stem_names

VINYL = "vinyl"
"""The name of the stem that holds the crackle."""

_KICKS = (35, PARTS["kick"])
_LONGEST_ROOM_S = 4
_LEAD_S = 0.02
"""How far the low-pass, which has no phase, rings to either side."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """Stems by name, in the order of the score's tracks; the mix is their sum."""

    stems: Mapping[str, Float[np.ndarray, "2 sample"]]

    @property
    def waveform(self) -> Float[np.ndarray, "2 sample"]:
        """The mix."""
        whole, *others = self.stems.values()
        whole = whole.copy()
        for stem in others:
            whole += stem
        return whole


def mix(
    dry: Sequence[Float[np.ndarray, "_ sample"]],
    score: Score,
    sample_rate: int,
    *,
    circular: bool = True,
    names: Sequence[str] | None = None,
    ducked_by: Sequence[Track] | None = None,
) -> Mixed:
    """Mix the tracks of a score as its style's rules say.

    Args:
        dry: the sound of each track, mono or stereo, of any level; all have one length, which is
            that of the score's beats.
        score: gives each track its level, place and send, and all of them the mix.
        sample_rate: in Hz.
        circular: the sound is a loop: the room at its end is heard at its start. Otherwise the room
            is cut off at the end, as when a DAW exports a range of bars.
        names: of the stems; by default those of the tracks' instruments.
        ducked_by: the tracks whose kicks duck the others; the score's own by default.

    Returns:
        A stem for each track, and one for the vinyl's crackle if there is any.

    Raises:
        ValueError: there are not as many sounds as tracks.

    Example:
        bass = mix([bass_sound, drum_sound], score, 44_100).stems["bass guitar"]
    """
    n_samples = dry[0].shape[1]
    beat = score.tracks if ducked_by is None else ducked_by
    duck = _duck(score, beat, n_samples, sample_rate, circular=circular)
    room = _Room.of(score.mix, n_samples, sample_rate, circular=circular)
    stems = {}
    names = stem_names(score.tracks) if names is None else names
    for name, waveform, track in zip(names, dry, score.tracks, strict=True):
        placed = _place(waveform, track, sample_rate)
        stems[name] = room.heard(placed if track.is_drums else placed * duck, track.send)
    if score.mix.crackle:
        stems[VINYL] = _crackle(score, n_samples, sample_rate)
    return Mixed(stems)


def _place(
    waveform: Float[np.ndarray, "channel sample"], track: Track, sample_rate: int
) -> Float[np.ndarray, "2 sample"]:
    """Bring the loud moments of a track to its level, and pan it by balance (louder side kept)."""
    gain = 10 ** (track.level_db / 20) / max(_loud_rms(waveform, sample_rate), 1e-5)
    left, right = min(1.0, 1 - track.pan), min(1.0, 1 + track.pan)
    placed: np.ndarray = waveform * (gain * np.array([[left], [right]], np.float32))
    return placed


def _loud_rms(waveform: Float[np.ndarray, "channel sample"], sample_rate: int) -> float:
    """RMS of 50 ms windows, each weighted by its own power, so that rests hardly count."""
    window = sample_rate // 20
    n_windows = max(1, waveform.shape[1] // window)
    cut = waveform[:, : n_windows * window].reshape(len(waveform), n_windows, -1)
    power = np.mean(cut**2, axis=(0, 2), dtype=np.float64)
    return float(np.sqrt(np.sum(power**2) / max(float(np.sum(power)), 1e-12)))


def _duck(
    score: Score, beat: Sequence[Track], n_samples: int, sample_rate: int, *, circular: bool
) -> Float[np.ndarray, " sample"]:
    """A gain that dips at every kick and is back within a beat's third (side-chain pumping)."""
    gain = np.ones(n_samples, np.float32)
    length = min(n_samples, int(0.35 * 60 / score.bpm * sample_rate))
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    attack = np.minimum(1.0, np.arange(length, dtype=np.float32) / (0.004 * sample_rate))
    dip = 1 - score.mix.duck * attack * (1 - ramp) ** 1.5
    for track in beat:
        for note in track.notes if track.is_drums else ():
            if note.pitch in _KICKS:
                start = round(note.start / score.n_beats * n_samples)
                at = np.arange(start, start + length)
                at = at % n_samples if circular else at[at < n_samples]
                gain[at] = np.minimum(gain[at], dip[: len(at)])
    return gain


@dataclass(frozen=True, eq=False)
class _Room:
    """A room and the style's low-pass, as the spectra of `n_fft` samples.

    Sounds get silence at both ends, so that any length is quick to transform; a loop's ends are
    then laid round it.
    """

    reverb: Complex[np.ndarray, "2 bin"]
    tone: Float[np.ndarray, " bin"]
    n_fft: int
    n_lead: int
    circular: bool

    @classmethod
    def of(cls, mix: Mix, n_samples: int, sample_rate: int, *, circular: bool) -> _Room:
        impulse = _impulse(mix.reverb_s, sample_rate)
        energy = np.sum((_wrapped(impulse, n_samples) if circular else impulse) ** 2, axis=1)
        n_lead = int(_LEAD_S * sample_rate)
        n_fft = fft.next_fast_len(n_samples + impulse.shape[1] + 2 * n_lead, real=True)
        hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
        tone = np.ones_like(hz)
        if mix.lowpass_hz is not None:
            tone = 1 / np.sqrt(1 + (hz / mix.lowpass_hz) ** 6)
        reverb = fft.rfft(impulse / np.sqrt(energy)[:, None], n_fft, axis=1)
        return cls(reverb.astype(np.complex64), tone.astype(np.float32), n_fft, n_lead, circular)

    def heard(
        self, dry: Float[np.ndarray, "2 sample"], send: float
    ) -> Float[np.ndarray, "2 sample"]:
        """The sound with the room that `send` gives it."""
        n_samples = dry.shape[1]
        padded = np.pad(dry.astype(np.float32), ((0, 0), (self.n_lead, 0)))
        spectrum = fft.rfft(padded, self.n_fft, axis=1)
        spectrum *= self.tone * (1 + send * self.reverb)
        wet = fft.irfft(spectrum, self.n_fft, axis=1)
        if not self.circular:
            return np.asarray(wet[:, self.n_lead : self.n_lead + n_samples], np.float32)
        return np.asarray(np.roll(_wrapped(wet, n_samples), -self.n_lead, axis=1), np.float32)


def _wrapped(sound: Float[np.ndarray, "2 long"], n_samples: int) -> Float[np.ndarray, "2 sample"]:
    """A sound laid round a loop of `n_samples`."""
    rest = -sound.shape[1] % n_samples
    turns: np.ndarray = np.pad(sound, ((0, 0), (0, rest))).reshape(2, -1, n_samples)
    return np.asarray(turns.sum(axis=1))


@functools.lru_cache(maxsize=2)
def _noise(n_samples: int) -> Float[np.ndarray, "2 sample"]:
    return np.random.default_rng(1961).standard_normal((2, n_samples)).astype(np.float32)


def _impulse(seconds: float, sample_rate: int) -> Float[np.ndarray, "2 sample"]:
    """Of a room: decaying stereo noise (-60 dB after `seconds`), dull.

    Its energy is made one, so that the send alone says how loud the room is.
    """
    length = min(int(seconds * 1.1 * sample_rate), _LONGEST_ROOM_S * sample_rate)
    time = np.arange(length) / sample_rate
    noise = _noise(_LONGEST_ROOM_S * sample_rate)[:, :length]
    dull = np.empty_like(noise)
    dull[:, 0], dull[:, 1:] = noise[:, 0], 0.5 * (noise[:, 1:] + noise[:, :-1])
    impulse: np.ndarray = dull * np.exp(-6.9 * time / seconds) * np.minimum(1, time / 0.012)
    return impulse


def _crackle(score: Score, n_samples: int, sample_rate: int) -> Float[np.ndarray, "2 sample"]:
    """Vinyl: a faint hiss and some ten clicks a second, from the score's seed."""
    amount = score.mix.crackle
    rng = np.random.default_rng(score.facts.seed)
    noise = rng.standard_normal((2, n_samples)) * 0.0008 * amount
    clicks = rng.integers(0, n_samples, int(10 * n_samples / sample_rate))
    noise[:, clicks] += rng.normal(0, 0.03 * amount, clicks.size)
    return noise.astype(np.float32)
