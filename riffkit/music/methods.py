# mypy: disable-error-code="empty-body"
"""`Riff`'s methods, one for each task that ships, and `riffkit.compose`.

tests/face/write_methods.py writes this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from riffkit.diffusion.denoise import OnStep
    from riffkit.limits import Loudness, OnOff, Quality
    from riffkit.music.clip import Clip
    from riffkit.music.composing import Composition
    from riffkit.music.timeline import Keyframe

Method = TypeVar("Method", bound=Callable[..., Any])


def _of_task(declared: Method) -> Method:
    """A call of the task of that name, with those values that were given."""

    @wraps(declared)
    def method(self: Any, *given: Any, **values: Any) -> Any:
        return self._perform(declared.__name__, given, values)

    return method  # type: ignore[return-value]


def _of_composer(declared: Method) -> Method:
    """A call of the composer, with those values that were given."""

    @wraps(declared)
    def function(*given: Any, **values: Any) -> Any:
        from riffkit.music.composing import composed, request_of

        return composed(request_of(given, values))

    return function  # type: ignore[return-value]


class TaskMethods:
    """The tasks that ship; one more is a method of its name too, once it is registered."""

    @_of_task
    def generate(
        self,
        prompt: str,
        *,
        score: str | Path | None = None,
        melody: str | Path | None = None,
        drums: str | Path | None = None,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        free: bool | None = None,
        bars: int | None = None,
        duration: float | None = None,
        loop: bool = False,
        chords: str | None = None,
        track: Sequence[str] = (),
        humanize: float = 0.0,
        melody_strength: float | None = None,
        stems: bool = False,
        solo: Sequence[str] = (),
        mute: Sequence[str] = (),
        replace: Sequence[str] = (),
        on_step: OnStep | None = None,
    ) -> Clip:
        """Make music from a prompt: an audio file and its PNG.

        The length is `bars` (2 by default) or `duration`.

        With `duration`, the music is made in whole bars and cut to length; a loop is rounded to
        whole bars instead. A `score` is played as it is; over `chords`, a `melody` and `drums` a
        score is composed. Their tempo, metre, key and length are the defaults, but of a
        recording's melody the first 8 bars at most. With `stems`, `solo`, `mute` or `replace`,
        each player is painted alone.

        Args:
            prompt: The music in words: 'lo-fi piano, rainy'.
            score: MIDI file to play, each track by its instrument.
            melody: Audio or MIDI file with a melody: it leads, and is accompanied.
            drums: MIDI file with drums, repeated to the length.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            free: Paint from words alone, without composing a score for them. Default: no, if the
                model is the bundled one, follows scores, and knows the style.
            bars: Length in bars. Default: the score's or melody's, else 2. From 1 to 512.
            duration: Length in seconds, instead of bars.
            loop: Make a seamless loop.
            chords: Chords to play over: 'Am7 | F | C/G | G7sus4'.
            track: Instrument for a track of the score, such as 2=violin; repeatable.
            humanize: Play a score unevenly, as people do, 0 to 1. From 0 to 1.
            melody_strength: 0 follows the melody or score, 1 ignores it. Default: 0.5; of a guided
                model 0. From 0 to 1.
            stems: Write each player to a file of its own, too.
            solo: Only these players: 'bass'; repeatable.
            mute: Not these players; repeatable.
            replace: Another instrument for a player: bass='upright bass'; repeatable.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.generate("lo-fi piano, rainy", bars=4, bpm=84, seed=7)
        """

    @_of_task
    def loop(
        self,
        prompts: Sequence[str],
        *,
        theme: str | Path | None = None,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        free: bool | None = None,
        bars: int | None = None,
        strength: float = 0.75,
        on_step: OnStep | None = None,
    ) -> Clip:
        """Make a seamless loop that travels through prompts and back.

        Each prompt gets an equal share of the bars.

        Args:
            prompts: One or more prompts. The last leads back to the first.
            theme: Audio file, PNG or bundled seed to stay close to.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            free: Paint from words alone, without composing a score for them. Default: no, if the
                model is the bundled one, follows scores, and knows the style.
            bars: Length in bars. Default: 4 per prompt. From 1 to 512.
            strength: 0 repeats the theme, 1 ignores it. From 0 to 1.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.loop(["lo-fi piano", "jazz trio"], bars=8)
        """

    @_of_task
    def morph(
        self,
        first: str | Path,
        last: str | Path,
        *,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        frames: int = 8,
        bars: int = 2,
        strength: float = 0.7,
        last_seed: int | None = None,
        on_step: OnStep | None = None,
    ) -> Clip:
        """Morph from one prompt or clip to another in even steps.

        `frames` clips of `bars` bars from one end to the other; an end is a prompt or a clip.

        Between clips, `strength` is how much is regenerated at the midpoint. `last_seed` is the
        seed of the last end, if it differs; the noise is then interpolated along with the prompt.

        Args:
            first: Start: a prompt, or an audio file.
            last: End: a prompt, or an audio file.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            frames: Steps from start to end. From 2 to 64.
            bars: Bars per step. From 1 to 512.
            strength: For clips: how much is regenerated at the midpoint, 0 to 1. From 0 to 1.
            last_seed: Seed of the end. Default: the same.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.morph("lo-fi piano", "techno", frames=4)
        """

    @_of_task
    def edit(
        self,
        clip: str | Path,
        prompt: str = "",
        *,
        mask: str | Path | None = None,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        time: tuple[float, float] | None = None,
        freq: tuple[float, float] | None = None,
        keep_melody: bool = False,
        keep_level: OnOff = "on",
        strength: float = 1.0,
        on_step: OnStep | None = None,
    ) -> Clip:
        """Regenerate part of a clip and keep the rest.

        The part is a `time` span, a `freq` band, both (where they meet), or a mask.

        Args:
            clip: WAV, FLAC, OGG or MP3 file, or a PNG made by riffkit.
            prompt: What the part should become, in words.
            mask: PNG painted over the clip's image: white is regenerated, black kept.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            time: Regenerate from A to B seconds.
            freq: Regenerate from LO to HI hertz.
            keep_melody: Keep the strongest partials.
            keep_level: Bring the new part to the level of what is around it.
            strength: 0 keeps the part, 1 ignores it. From 0 to 1.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.edit("song.wav", "distorted guitar", time=(4, 8))
        """

    @_of_task
    def extend(
        self,
        clip: str | Path,
        prompt: str = "",
        *,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        free: bool | None = None,
        bars: int = 4,
        before: bool = False,
        strength: float = 0.85,
        on_step: OnStep | None = None,
    ) -> Clip:
        """Add bars after the end of a clip, or before its beginning.

        With `strength` below 1 the new bars start as an echo of the clip's.

        Args:
            clip: WAV, FLAC, OGG or MP3 file, or a PNG made by riffkit.
            prompt: The music of the new bars, in words.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            free: Paint from words alone, without composing a score for them. Default: no, if the
                model is the bundled one, follows scores, and knows the style.
            bars: Bars to add. From 1 to 512.
            before: Add them before the clip instead of after it.
            strength: 0 repeats the clip's bars, 1 ignores them. From 0 to 1.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.extend("song.wav", bars=8)
        """

    @_of_task
    def restyle(
        self,
        clip: str | Path,
        prompt: str,
        *,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        strength: float = 0.5,
        on_step: OnStep | None = None,
    ) -> Clip:
        """Restyle a clip or a whole song to match a prompt.

        With `strength` 0, the result is the clip's image decoded by the vocoder.

        Args:
            clip: WAV, FLAC, OGG or MP3 file, or a PNG made by riffkit.
            prompt: The music in words: 'lo-fi piano, rainy'.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            strength: 0 keeps the clip, 1 ignores it. From 0 to 1.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.restyle("song.wav", "harpsichord", strength=0.6)
        """

    @_of_task
    def story(
        self,
        script: str | Path | None = None,
        *,
        theme: str | Path | None = None,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        free: bool | None = None,
        keyframes: Sequence[Keyframe] | None = None,
        bars: int | None = None,
        loop: bool = False,
        phrase_bars: int = 2,
        on_step: OnStep | None = None,
    ) -> Clip:
        """Make minutes of music from a script of keyframes.

        A piece of `bars` bars. With `loop`, its end leads into its beginning.

        The noise repeats every `phrase_bars` bars, so the music keeps its shape while prompts and
        seeds change it. A longer phrase gives more variety.

        Args:
            script: TOML file of keyframes, as in docs/loops-and-journeys.md.
            theme: Audio file, PNG or bundled seed to stay close to.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            free: Paint from words alone, without composing a score for them. Default: no, if the
                model is the bundled one, follows scores, and knows the style.
            keyframes: Prompts by bar.
            bars: Length in bars. From 1 to 512.
            loop: Make the end lead back into the beginning.
            phrase_bars: Bars after which the noise repeats.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clip: sound, image and recipe.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.story("story.toml", seed=7)
        """

    @_of_task
    def vary(
        self,
        clip: str | Path,
        *,
        bpm: float | None = None,
        key: str | None = None,
        negative_prompt: str = "",
        beats_per_bar: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        guidance_interval: str | None = None,
        sampler: str | None = None,
        deep_cache: int = 1,
        vocoder: str = "griffin-lim",
        quality: Quality = "default",
        loudness: Loudness | None = None,
        seed: int | None = None,
        count: int = 4,
        distance: float = 0.5,
        prompt: str | None = None,
        on_step: OnStep | None = None,
    ) -> list[Clip]:
        """Make variations of a clip, and a sheet of their images.

        Without `prompt`, the one in the clip's recipe is used.

        Args:
            clip: WAV, FLAC, OGG or MP3 file, or a PNG made by riffkit.
            bpm: Tempo in BPM. Default: the clip's; without a clip the prompt's or its style's.
                From 20 to 400.
            key: Key, such as 'A minor'. Default: the clip's; without a clip the prompt's.
            negative_prompt: What to avoid.
            beats_per_bar: Quarter notes per bar: 3 for a waltz or 6/8. Default: the clip's, the
                prompt's, else 4. From 2 to 12.
            steps: Denoising steps. Default: the model's.
            guidance: Classifier-free guidance scale. Default: the model's. From 0 to 100.
            guidance_interval: Guide only this part of the steps; 0:0.6 saves time.
            sampler: dpm++2m, unipc, euler-a, lcm, … Default: the model's.
            deep_cache: Recompute deep UNet features only every N steps (faster, less accurate).
            vocoder: Turns images into sound; see `riff models list`.
            quality: The vocoder's speed or fidelity.
            loudness: LUFS, such as -14; or peak, for no limiter. Default: -16, or the clip's own.
            seed: Same seed, same result. Default: a random one.
            count: How many variations. From 1 to 64.
            distance: 0 is the clip itself, 1 is unrelated.
            prompt: The music in words. Default: the clip's own prompt.
            on_step: Called with the steps done and all steps after each denoising step.

        Returns:
            The clips.

        Raises:
            ParameterError: an unknown name or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            riff.vary("song.wav", count=4, distance=0.3)
        """


@_of_composer
def compose(
    prompt: str,
    *,
    bars: int | None = None,
    bpm: float | None = None,
    key: str | None = None,
    beats_per_bar: int | None = None,
    chords: str | None = None,
    melody: str | Path | None = None,
    drums: str | Path | None = None,
    humanize: float = 0.0,
    seed: int | None = None,
) -> Composition:
    """Write music for a prompt as notes.

    The instruments that the prompt names play, and no others but the drums of styles made of
    beats, such as house; where it names none, a band of its style does. What it leaves open is
    drawn by the seed.

    Args:
        prompt: The music in words: 'jazz trio, sad'.
        bars: Length in bars. Default: the melody's; else 8, or more for longer chords or
            drums. From 1 to 512.
        bpm: Tempo in BPM. Default: the file's; without one the prompt's or its style's. From
            20 to 400.
        key: Key, such as 'A minor'. Default: the melody's, the prompt's or the chords'.
        beats_per_bar: Beats per bar: 4 for 4/4, 3 for a waltz. Default: the file's, else the
            prompt's. From 2 to 12.
        chords: Chords to play over: 'Am7 | F | C/G | G7sus4'.
        melody: MIDI file with a melody: it leads, and is harmonized.
        drums: MIDI file with drums, which are repeated to the length.
        humanize: Play unevenly, as people do: 0 is exact, 1 is loose. From 0 to 1.
        seed: Same seed, same score. Default: a random one.

    Returns:
        The score with its recipe, and notes on what the prompt's words were taken for.

    Raises:
        ParameterError: an unknown name or an invalid value, or a file that can't be read.

    Example:
        riffkit.compose("funk with slap bass and clavinet", bars=16, seed=3).save("funk.mid")
    """
