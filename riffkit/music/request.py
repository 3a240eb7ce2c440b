"""The options of every painting command. Light: doesn't import torch."""

from __future__ import annotations

from dataclasses import dataclass

from riffkit.errors import ParameterError
from riffkit.limits import (
    Loudness,
    Quality,
    check_every,
    check_interval,
    check_loudness,
    check_sampler,
    check_seed,
)
from riffkit.music.fields import check_ranges, option
from riffkit.prompt.emphasis import check_emphasis
from riffkit.prompt.metre import FEWEST_BEATS, MOST_BEATS
from riffkit.spectrogram.beat_grid import MAX_BARS, MAX_BPM, MIN_BPM
from riffkit.vocoder.registry import DEFAULT as DEFAULT_VOCODER
from riffkit.vocoder.registry import check_vocoder

STRENGTH = {"least": 0, "most": 1}
BARS = {"least": 1, "most": MAX_BARS}


class TaskRequest:
    """What a task is asked for: a `PaintRequest`, or the few options of one that paints nothing."""


@dataclass(frozen=True, kw_only=True)
class PaintRequest(TaskRequest):
    """Options of every painting task; None leaves the choice to the prompt, the clip or the model.

    `riffkit.diffusion.denoise.SamplerConfig` explains `sampler`, `guidance_interval` ("A:B", where
    0 is the first step and 1 the last) and `deep_cache`. Raises ParameterError for a value out of
    range.
    """

    bpm: float | None = option(
        "Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.",
        None,
        least=MIN_BPM,
        most=MAX_BPM,
    )
    key: str | None = option(
        "Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.", None
    )
    negative_prompt: str = option("What to avoid.", "")
    beats_per_bar: int | None = option(
        "Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the prompt's, else 4.",
        None,
        least=FEWEST_BEATS,
        most=MOST_BEATS,
    )
    steps: int | None = option("Denoising steps. Default: the model's.", None, least=1)
    guidance: float | None = option(
        "Classifier-free guidance scale. Default: the model's.", None, least=0, most=100
    )
    guidance_interval: str | None = option(
        "Guide only this part of the steps; 0:0.6 saves time.", None, metavar="A:B"
    )
    sampler: str | None = option(
        "dpm++2m, unipc, euler-a, lcm, … Default: the model's.", None, metavar="NAME"
    )
    deep_cache: int = option(
        "Recompute deep UNet features only every N steps (faster, less accurate).", 1, metavar="N"
    )
    vocoder: str = option("Turns images into sound; see `riff models list`.", DEFAULT_VOCODER)
    quality: Quality = option("The vocoder's speed or fidelity.", "default")  # noqa: RUF009
    loudness: Loudness | None = option(  # noqa: RUF009
        "LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.",
        None,
        metavar="LUFS|peak",
    )
    seed: int = option("Same seed, same result. Default: a random one.", 0)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.key is not None:
            from riffkit.prompt.key import parse_key

            parse_key(self.key)
        check_seed(self.seed)
        check_emphasis(self.negative_prompt)
        check_sampler(self.sampler)
        check_vocoder(self.vocoder)
        check_every(self.deep_cache)
        check_loudness(self.loudness)
        _ = self.interval

    @property
    def leading_prompt(self) -> str:
        """The prompt whose words decide tempo, key and metre; "" if there is none."""
        return getattr(self, "prompt", None) or ""

    @property
    def interval(self) -> tuple[float, float]:
        """`guidance_interval` as two numbers; ParameterError unless a range within 0 to 1."""
        if self.guidance_interval is None:
            return 0.0, 1.0
        begin, colon, end = self.guidance_interval.partition(":")
        try:
            interval = float(begin or 0), float(end or 1)
        except ValueError:
            colon = ""
        if not colon:
            raise ParameterError(
                f"guidance_interval={self.guidance_interval!r}: must be two numbers, such as 0:0.6"
            )
        check_interval(interval)
        return interval


@dataclass(frozen=True, kw_only=True)
class MusicRequest(PaintRequest):
    """Options of tasks that may compose a score for their prompts, and paint after that.

    `free` None: a score is composed by the bundled model, if it follows scores, no LoRA is added,
    and a prompt names a style that is known (`riffkit.music.scoring.composes`).
    """

    free: bool | None = option(
        "Paint from words alone, without composing a score for them. Default: no, if the model is "
        "the bundled one, follows scores, and knows the style.",
        None,
    )
