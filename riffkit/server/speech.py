"""What speech clients send, as riffkit's `generate`: what is to be said is the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from riffkit.errors import ParameterError
from riffkit.limits import bpm_text
from riffkit.music.values import built
from riffkit.prompt.prompt import choose_bpm, read_prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

FORMATS = ("mp3", "wav", "flac")
MIN_SPEED, MAX_SPEED = 0.25, 4.0


@dataclass(frozen=True, kw_only=True)
class Speech:
    """`instructions` are more words of the prompt, `speed` multiplies the tempo. `voice` and a
    `model` that the server doesn't know do nothing.
    """

    input: str
    model: str | None = None
    voice: str | None = None
    response_format: str = "mp3"
    instructions: str = ""
    speed: float = 1.0
    stream_format: str | None = None

    def __post_init__(self) -> None:
        if self.response_format not in FORMATS:
            raise ParameterError(
                f"response_format={self.response_format!r}: must be one of {', '.join(FORMATS)}"
            )
        if not MIN_SPEED <= self.speed <= MAX_SPEED:
            raise ParameterError(
                f"speed={self.speed:g}: must be between {MIN_SPEED:g} and {MAX_SPEED:g}"
            )
        if self.stream_format not in (None, "audio"):
            raise ParameterError(f"stream_format={self.stream_format!r}: must be audio")

    @property
    def prompt(self) -> str:
        return ", ".join(filter(None, (self.input.strip(), self.instructions.strip())))


def check_speed(asked: Speech, traits: ModelTraits) -> None:
    """Raise ParameterError for a speed at which the words' own tempo would be none."""
    if asked.speed == 1:
        return
    bpm = choose_bpm(read_prompt(asked.prompt, traits), traits)
    if not MIN_BPM <= bpm * asked.speed <= MAX_BPM:
        raise ParameterError(
            f"speed={asked.speed:g}: {bpm_text(bpm)} BPM would be {bpm_text(bpm * asked.speed)}; "
            f"must be between {MIN_BPM:g} and {MAX_BPM:g}"
        )


def speech_of(body: Mapping[str, Any]) -> Speech:
    """The request; ParameterError for one that isn't of that kind. A voice may be a table."""
    voice = body.get("voice")
    values = {k: v for k, v in body.items() if k != "voice" or isinstance(v, str)}
    if voice is not None and not isinstance(voice, str | dict):
        raise ParameterError(f"voice={voice!r}: must be text")
    return built(Speech, values, where="speech")
