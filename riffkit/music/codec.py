"""Audio files ⇄ spectrogram images, with recipes: what `riff encode` and `riff decode` do.

torch is imported once the file and the values are known to be usable.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from riffkit.audio.reader import describe
from riffkit.errors import ParameterError
from riffkit.limits import Loudness, Quality, check_loudness
from riffkit.models.locate import local_model
from riffkit.music.clip import Clip, recipe_of
from riffkit.music.musical_facts import MusicalFacts, is_loop
from riffkit.music.request import PaintRequest
from riffkit.provenance.recipe import Recipe, sha256, versions
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import RIFFUSION_V1
from riffkit.spectrogram.params import preset as preset_of
from riffkit.vocoder.registry import check_vocoder

if TYPE_CHECKING:
    from torch import Tensor

_LOOP_TOLERANCE = 0.01  # a clip this near to whole beats is a loop of them


def encode(
    path: str | Path,
    *,
    preset: str | None = None,
    bpm: float | None = None,
    model: str | None = None,
    key: str | None = None,
    beats_per_bar: int | None = None,
) -> SpectrogramImage:
    """Turn an audio file into a spectrogram image.

    Args:
        path: WAV, FLAC, OGG or MP3 file.
        preset: "riffusion-v1" (the default), "full-band" or "crisp".
        bpm: align the image to this tempo's beat grid, 64 pixels per beat, in whole beats.
        model: make the image that this model edits, to paint masks over: with its preset, on the
            clip's own bars.
        key: with a model, as it will be given to the edit.
        beats_per_bar: with a model, as it will be given to the edit.

    Returns:
        The image, with its parameters and recipe.

    Raises:
        AudioFileError: the file isn't audio, is empty or damaged.
        ParameterError: an unknown preset, a preset beside a model, a value out of range, or what
            only goes with a model.
        ModelError: the model isn't found.

    Example:
        riffkit.encode("song.wav", preset="crisp", bpm=120).save("song.png")
    """
    path = Path(path)
    if model is not None:
        if preset is not None:
            raise ParameterError("preset and model: can't be combined; remove one of them")
        return _as_edited(path, model, bpm, key, beats_per_bar)
    if key is not None or beats_per_bar is not None:
        raise ParameterError("key and beats_per_bar: are for the image of a `model`; give one")
    preset = preset or RIFFUSION_V1.preset
    params = preset_of(preset)
    seconds = describe(path).seconds
    grid = None if bpm is None else BeatGrid(bpm, max(1, round(seconds * bpm / 60)))
    from riffkit.audio import files
    from riffkit.spectrogram.convert import audio_file_to_image, waveform_to_image

    recipe = _recipe("encode", {"preset": preset, "bpm": bpm}, path)
    if grid is None:
        image = audio_file_to_image(path, params)
    else:
        waveform, rate = files.load(path, sample_rate=params.sample_rate, allow_silence=True)
        image = waveform_to_image(_fitted(waveform, grid.n_samples(rate)), rate, params, grid=grid)
    return replace(image, recipe=recipe.to_dict())


def _as_edited(
    path: Path, model: str, bpm: float | None, key: str | None, beats_per_bar: int | None
) -> SpectrogramImage:
    local_model(model)
    request = PaintRequest(bpm=bpm, key=key, beats_per_bar=beats_per_bar)
    describe(path)
    from riffkit.models.pipeline import load_pipeline
    from riffkit.music.source import open_source

    pipeline = load_pipeline(model, device="cpu")
    source = open_source(pipeline, path, request)
    asked = {"preset": None, "bpm": bpm, "key": key, "beats_per_bar": beats_per_bar}
    recipe = replace(_recipe("encode", asked, path), model=pipeline.recipe_facts)
    return replace(source.image, recipe=recipe.to_dict())


def _fitted(
    waveform: Float[Tensor, "channel sample"], n_samples: int
) -> Float[Tensor, "channel fitted"]:
    """The clip itself if it is a loop of about that length, else cut or filled with silence."""
    excess = waveform.shape[-1] - n_samples
    if abs(excess) <= _LOOP_TOLERANCE * n_samples:
        return waveform
    import torch

    return torch.nn.functional.pad(waveform, (0, -excess))


def decode(
    path: str | Path,
    *,
    vocoder: str = "griffin-lim",
    quality: Quality = "default",
    bpm: float | None = None,
    transpose: float = 0.0,
    preset: str | None = None,
    loudness: Loudness | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Clip:
    """Turn a spectrogram image file into sound.

    The level is the one stored in the image, or −16 LUFS if there is none.

    Args:
        path: PNG (or another image) of a spectrogram.
        vocoder: the vocoder's name; see `riff models list`.
        quality: "preview", "default" or "high".
        bpm: play an image of whole beats at this tempo.
        transpose: semitones to raise the pitch by, at the same tempo, from −24 to 24.
        preset: parameters for an image without its own.
        loudness: LUFS from −40 to −5, or "peak": the highest true peak at −1 dBFS.
        seed: seed of the vocoder; the same seed gives the same samples.
        device: "auto", "cpu", "cuda" or "mps".

    Returns:
        The clip: sound, image and recipe.

    Raises:
        ImageFileError: the file isn't a spectrogram image.
        ParameterError: a value out of range or unsuitable for the image.

    Example:
        riffkit.decode("song.png", transpose=2).save("song.wav")
    """
    check_loudness(loudness)
    path = Path(path)
    check_vocoder(vocoder)
    image = SpectrogramImage.open(path, params=None if preset is None else preset_of(preset))
    image = image if bpm is None else at_tempo(image, bpm)
    image = replace(image, transpose=image.transpose + transpose)
    from riffkit.music.finish import Ending, finish
    from riffkit.vocoder.decode import decode as sound_of

    arguments: dict[str, Any] = {
        "vocoder": vocoder,
        "quality": quality,
        "bpm": bpm,
        "transpose": transpose,
        "preset": preset,
        "loudness": loudness,
        "seed": seed,
    }
    circular = image.grid is not None
    waveform = sound_of(
        image, vocoder=vocoder, quality=quality, seed=seed, circular=circular, device=device
    )
    recipe = _recipe("decode", arguments, path)
    is_leveled = has_level(image, waveform)
    clip = finish(
        waveform,
        image,
        recipe,
        Ending(lufs=None, faded=False) if is_leveled else Ending(faded=False),
        circular=circular,
        loudness=loudness,
        title=path.stem,
        notes=_notes(image, is_level_set=not is_leveled and loudness is None),
    )
    facts = _facts(image, transpose)
    return replace(clip, loop=circular and is_loop(image.recipe or {}), facts=facts)


def _facts(image: SpectrogramImage, semitones: float) -> MusicalFacts | None:
    """What the recipe of an image says of its bars and its key, when all of it is played."""
    try:
        painted = recipe_of(image)
        if painted is None:
            return None
        facts = MusicalFacts.of_recipe(painted, image.params.sample_rate)
    except ParameterError:  # of a later version: it can be heard all the same
        return None
    return facts.played(semitones=semitones)


def has_level(image: SpectrogramImage, waveform: Float[Tensor, "channel sample"]) -> bool:
    """Whether the image says how loud black is, and that fits."""
    is_known = image.max_value is not None and "max_value" not in image.assumed
    return is_known and bool(waveform.abs().max() <= 1)


def _notes(image: SpectrogramImage, *, is_level_set: bool) -> list[str]:
    """What had to be assumed of an image; those that riffkit painted never have a level."""
    is_painted = image.recipe is not None and "max_value" in image.assumed
    assumed = [name for name in image.assumed if name != "max_value"]
    notes = [f"not in the file, using the preset's values: {', '.join(assumed)}"] * bool(assumed)
    if is_level_set and not is_painted:
        notes.append("level set to -16 LUFS")
    return notes


def at_tempo(image: SpectrogramImage, bpm: float) -> SpectrogramImage:
    """The same columns at another tempo, 64 per beat."""
    if image.n_frames % PIXELS_PER_BEAT:
        raise ParameterError(
            f"bpm={bpm:g}: the image is {image.n_frames} px wide, which is not a whole number of "
            f"{PIXELS_PER_BEAT} px beats; remove `bpm`"
        )
    return replace(image, grid=BeatGrid(bpm, image.n_frames // PIXELS_PER_BEAT))


def _recipe(command: str, arguments: dict[str, Any], path: Path) -> Recipe:
    import torch

    inputs = {"file": {"name": path.name, "sha256": sha256(path)}} if path.is_file() else {}
    return Recipe(
        command=command,
        arguments=arguments,
        inputs=inputs,
        versions=versions(),
        threads=torch.get_num_threads(),
    )
