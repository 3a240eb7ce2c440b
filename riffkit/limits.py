"""Valid names and ranges, checked without torch: quality, loudness, keys, samplers,
guidance, devices."""

from __future__ import annotations

from typing import Literal, get_args

from riffkit.errors import ParameterError

OnOff = Literal["on", "off"]

Quality = Literal["preview", "default", "high"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
"""How much time decoding an image to sound may take."""

Loudness = float | Literal["peak"]
"""LUFS, or the highest true peak at -1 dBFS."""
MIN_LUFS, MAX_LUFS = -40.0, -5.0

MAJOR_KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
MINOR_MODES = ("minor", "dorian", "phrygian")
"""Modes that are spelled and heard as minor."""
"""The twelve tonics of either mode from C up, spelled with the fewer accidentals."""

SAMPLERS = (
    "ddim",
    "pndm",
    "euler",
    "euler-karras",
    "euler-a",
    "heun",
    "dpm++2m",
    "dpm++2m-karras",
    "dpm++2m-sde",
    "dpm++2m-sde-karras",
    "unipc",
    "unipc-karras",
    "lcm",
)
"""Heun calls the network twice per step except the last; PNDM twice in its second step."""


def bpm_text(bpm: float) -> str:
    """A tempo as it is shown: with at most two decimals."""
    return f"{round(bpm, 2):g}"


DEVICES = ("auto", "cpu", "cuda", "mps")


def check_device(name: str) -> None:
    """Raise ParameterError unless it is a device's name, such as "cuda:1"."""
    kind, colon, number = name.partition(":")
    if kind not in DEVICES or (colon and not number.isdecimal()):
        raise ParameterError(f"device={name!r}: must be one of {', '.join(DEVICES)}")


def check_seed(seed: int) -> None:
    """Raise ParameterError for a seed out of range."""
    if not 0 <= seed < 2**63:
        raise ParameterError(f"seed={seed}: must be between 0 and 2^63 - 1")


def check_sampler(name: str | None) -> None:
    """Raise ParameterError for an unknown sampler; None is the model's own."""
    if name is not None and name not in SAMPLERS:
        raise ParameterError(f"sampler={name!r}: must be one of {', '.join(SAMPLERS)}")


def check_loudness(loudness: Loudness | None) -> None:
    """Raise ParameterError for a loudness out of range; None is the clip's own."""
    if loudness is None or loudness == "peak":
        return
    if not isinstance(loudness, int | float) or not MIN_LUFS <= loudness <= MAX_LUFS:
        shown = repr(loudness) if isinstance(loudness, str) else f"{loudness:g}"
        raise ParameterError(
            f"loudness={shown}: must be LUFS between {MIN_LUFS:g} and {MAX_LUFS:g}, or peak"
        )


def check_guidance(guidance: float) -> None:
    """Raise ParameterError for a scale out of range."""
    if not 0 <= guidance <= 100:
        raise ParameterError(f"guidance={guidance:g}: must be between 0 and 100")


def check_interval(interval: tuple[float, float]) -> None:
    """Raise ParameterError unless it is a range within 0 to 1."""
    begin, end = interval
    if not 0 <= begin < end <= 1:
        raise ParameterError(
            f"guidance_interval={begin:g}:{end:g}: must be a range within 0:1, such as 0:0.6"
        )


def check_every(every: int) -> None:
    """Raise ParameterError for a value below 1."""
    if every < 1:
        raise ParameterError(f"deep_cache={every}: must be 1 (off) or more")
