"""What the converter does with files: functions that run in its process. Light until they run."""

from __future__ import annotations

import json
import struct
import tempfile
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from riffkit.errors import ImageFileError, ParameterError, RiffkitError
from riffkit.kinds import HEAD_BYTES, SOUND_SUFFIXES, is_image, is_sound
from riffkit.music.midi import SUFFIXES as MIDI_SUFFIXES
from riffkit.music.midi import is_midi

if TYPE_CHECKING:
    from riffkit.music.clip import Clip
    from riffkit.score.notes import Score

_MOST_PIXELS = 64_000_000
"""20 minutes of riffusion-v1."""
_COMMON_RATE = 48_000
_IMAGE_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif"}
_MOST_GRAY = 0.5  # of a mask's pixels, which are black or white but for soft edges
_LEAST_BLACK = 0.05  # of a mask's pixels; black is the loudest of a spectrogram, and rare


@dataclass(frozen=True)
class Described:
    """What an upload is: `kind` is audio, image, midi or mask, `suffix` the ending of its kind."""

    kind: str
    suffix: str
    seconds: float | None = None
    sample_rate: int | None = None
    width: int | None = None
    height: int | None = None


def describe_upload(path: Path, name: str, most_seconds: float) -> Described:
    """Look at a file once, wholly.

    Args:
        path: where it is, under whatever name.
        name: what the client calls it, for messages.
        most_seconds: of sound.

    Returns:
        What it is.

    Raises:
        AudioFileError, ImageFileError, ParameterError: it is nothing that riffkit reads, damaged,
            empty or too long.
    """
    try:
        if is_image(path):
            return _image(path, name, most_seconds)
        if is_midi(path) or Path(name).suffix.lower() in MIDI_SUFFIXES:
            return _midi(path, name)
        return _audio(path, name, most_seconds)
    except RiffkitError as error:
        text = str(error).replace(repr(str(path)), repr(name)).replace(repr(path.name), repr(name))
        # the reader knows sounds only
        text = text.replace(
            "a WAV, FLAC, OGG or MP3 file", "a WAV, FLAC, OGG, MP3, PNG or MIDI file"
        )
        raise type(error)(text) from error


def _audio(path: Path, name: str, most_seconds: float) -> Described:
    from riffkit.audio.reader import open_audio, read_blocks

    with open_audio(path) as sound:
        rate = sound.samplerate
        _check_length(sound.frames / rate, name, most_seconds)
        n_samples = sum(map(len, read_blocks(sound, path)))
    with path.open("rb") as file:
        suffix = _sound_suffix(file.read(HEAD_BYTES), Path(name).suffix.lower())
    return Described("audio", suffix, n_samples / rate, rate)


def _check_length(seconds: float, name: str, most_seconds: float) -> None:
    if seconds > most_seconds:
        raise ParameterError(
            f"file={name!r}: {_length(seconds)} of sound; must be at most "
            f"{_length(most_seconds)}; cut it first"
        )


def _length(seconds: float) -> str:
    """A length as one says it: "2:30", "3:00:00"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


_SUFFIX_OF_HEAD = {
    b"RIFF": ".wav",
    b"RIFX": ".wav",
    b"RF64": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"FORM": ".aiff",
    b".snd": ".au",
    b"caff": ".caf",
    b"riff": ".w64",
}


def _sound_suffix(head: bytes, named: str) -> str:
    """The ending of a sound's kind, by its first bytes."""
    found = _SUFFIX_OF_HEAD.get(head[:4])
    if found is None or (named in SOUND_SUFFIXES and not is_sound(head)):
        return ".mp3"  # which may begin with anything
    return found


def _image(path: Path, name: str, most_seconds: float) -> Described:
    from PIL import Image

    from riffkit.spectrogram.image import SpectrogramImage
    from riffkit.spectrogram.png import flattened, params_in

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # large sizes are refused below
            opened = Image.open(path)
        with opened:
            width, height = opened.size
            if width * height > _MOST_PIXELS:
                raise ImageFileError(
                    f"{name!r} is {width} × {height} px, more than {_MOST_PIXELS:,} in all; cut "
                    "it first"
                )
            suffix = _IMAGE_SUFFIXES.get(opened.format or "", ".tiff")
            is_tagged = params_in(opened.info) is not None
            levels = np.asarray(Image.fromarray(flattened(opened, over=0)).convert("L"))
    except Image.DecompressionBombError as error:
        raise ImageFileError(f"{name!r} has more than {_MOST_PIXELS:,} px; cut it first") from error
    except (OSError, SyntaxError, ValueError, TypeError, struct.error, zlib.error) as error:
        raise ImageFileError(f"{name!r} is damaged; export it again as a PNG") from error
    mask = Described("mask", suffix, width=width, height=height)
    if _is_mask(levels, is_tagged=is_tagged):
        return mask
    try:
        image = SpectrogramImage.open(path)
    except ImageFileError:
        return mask
    rate = image.params.sample_rate
    _check_length(image.n_samples / rate, name, most_seconds)
    return Described("image", suffix, image.n_samples / rate, rate, width, height)


def _is_mask(levels: UInt8[np.ndarray, "row frame"], *, is_tagged: bool) -> bool:
    """Whether an image is black and white. With a spectrogram's tags it also has to have much
    black, which is the loudest there and rare, or be of one level.
    """
    black, white = (levels < 13).mean(), (levels > 242).mean()
    if 1 - black - white > _MOST_GRAY:
        return False
    return bool(not is_tagged or black >= _LEAST_BLACK or white == 1)


def _midi(path: Path, name: str) -> Described:
    from riffkit.music.midi_score import read_score

    named = Path(name).suffix.lower()
    score = read_score(path, option="file").score
    seconds = score.n_beats * 60 / score.bpm
    return Described("midi", named if named in MIDI_SUFFIXES else ".mid", seconds)


def encode_clip(audio: Path, image: Path, output: Path, title: str, loop: bool) -> None:
    """Write a clip's sound in the format of another ending, with the same recipe and tags; at 48
    kHz, if the format doesn't have its rate.
    """
    from riffkit.audio.encoding import format_of

    clip, kind = _clip(audio, image, title, loop), format_of(output)
    rate = clip.sample_rate
    fits = rate <= kind.max_rate and (not kind.rates or rate in kind.rates)
    clip.save(output, sample_rate=None if fits else _COMMON_RATE)


def _clip(audio: Path, image: Path, title: str, loop: bool) -> Clip:
    """A clip of the library, with the title that it has there."""
    from riffkit.audio import files
    from riffkit.export.source import stems_beside
    from riffkit.music.clip import Clip, recorded_recipe
    from riffkit.spectrogram.image import SpectrogramImage

    waveform, rate = files.load(audio, allow_silence=True)
    stems = stems_beside(audio, waveform, rate)
    picture, recipe = SpectrogramImage.open(image), recorded_recipe(audio)
    return Clip(waveform, rate, picture, recipe, loop=loop, title=title, stems=stems)


def play_clip(audio: Path, image: Path, output: Path, bpm: float | None, transpose: float) -> None:
    """Write a clip's image as sound at another tempo and pitch, by the vocoder and as loud as its
    recipe says. Like the clip's own sound, it begins and ends where that does within the image.
    """
    from riffkit.audio.reader import describe
    from riffkit.music.clip import recorded_recipe
    from riffkit.music.codec import decode
    from riffkit.music.finish import Ending, finish
    from riffkit.music.musical_facts import lead_samples
    from riffkit.spectrogram.image import SpectrogramImage

    recipe, own, whole = recorded_recipe(image), describe(audio), SpectrogramImage.open(image)
    made = recipe.arguments
    asked = {
        name: made[name] for name in ("vocoder", "quality", "loudness", "seed") if name in made
    }
    clip = decode(image, bpm=bpm, transpose=transpose, **asked)
    lead = lead_samples(recipe) or 0
    length = own.n_samples * clip.sample_rate / own.sample_rate
    if lead or round(length) != whole.n_samples:
        new = clip.image.n_samples / whole.n_samples
        slower = whole.grid.bpm / bpm if bpm is not None and whole.grid is not None else new
        n_samples = round(length * slower)
        begin = max(0, min(round(lead * slower), clip.image.n_samples - n_samples))
        ending = Ending(lufs=None, span=(begin, begin + n_samples))
        facts = clip.facts and clip.facts.played(lead_seconds=begin / clip.sample_rate)
        cut = finish(
            clip.waveform,
            clip.image,
            clip.recipe,
            ending,
            circular=False,
            loudness=made.get("loudness"),
            title=clip.title,
            notes=clip.notes,
        )
        clip = replace(cut, facts=facts)
    clip.save(output)


def export_notes(audio: Path, output: Path, title: str) -> None:
    """Write the score that a clip was painted from as a MIDI file."""
    from riffkit.export.midi import score_of
    from riffkit.score.midi import write_midi

    write_midi(output, score_of(audio)[0], title=title)


def export_clip(
    kind: str,
    options: Mapping[str, str],
    audio: Path,
    image: Path,
    output: Path,
    title: str,
    loop: bool,
) -> None:
    """Write what an exporter makes of a clip; a folder as a ZIP of its files."""
    from riffkit.export.exporter import FOLDER
    from riffkit.export.folders import zip_folder
    from riffkit.export.registry import exporter

    found, clip = exporter(kind), _clip(audio, image, title, loop)
    values = found.options(options)
    if FOLDER not in found.endings or output.suffix in found.endings:
        found.export(clip, output, **values)
        return
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        found.export(clip, Path(folder, "export"), **values)
        zip_folder(Path(folder, "export"), output)


def read_notes(path: Path) -> dict[str, Any]:
    """What a MIDI file holds: `score_facts`, its title, and notes for the user."""
    from riffkit.music.midi_score import read_score

    read = read_score(path, option="file")
    return {**score_facts(read.score), "title": read.title, "remarks": list(read.notes)}


def compose_score(values: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Compose, write the MIDI file, and tell of its score; `values` are those of a
    `ComposeRequest`.
    """
    from riffkit.music.composing import composed, request_of

    composition = composed(request_of((), values))
    composition.save(output)
    title = str(composition.recipe.arguments["prompt"])
    return {**score_facts(composition.score), "title": title, "remarks": list(composition.notes)}


def write_score(values: Mapping[str, Any], output: Path, title: str) -> dict[str, Any]:
    """Write a score's plain values as a MIDI file that is read back as exactly that score."""
    from riffkit.music.midi_score import read_score
    from riffkit.score.midi import write_midi
    from riffkit.score.notes import Score

    try:
        score = Score.from_dict(values)
        if not any(track.notes for track in score.tracks):
            raise ParameterError("score: has no notes; write at least one")
        write_midi(output, score, title=title)
        back = read_score(output).score
        facts = score_facts(score)
        json.dumps(facts, allow_nan=False)
    except (AssertionError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ParameterError(_NO_SCORE) from error
    except (ValueError, struct.error) as error:
        raise (error if isinstance(error, RiffkitError) else ParameterError(_NO_SCORE)) from error
    if back != score:
        raise ParameterError(_NO_SCORE)
    return facts


_NO_SCORE = "score: MIDI can't hold it as it is; give one as /api/scores and clips give it"


def score_facts(score: Score) -> dict[str, Any]:
    """A score's plain values, its chords as text, and the name of each track's player."""
    from riffkit.score.chords import chord_line
    from riffkit.score.stems import stems_of

    names = [track.name or track.instrument for track in score.tracks]
    for stem in stems_of(score):
        for number in stem.numbers:
            names[number - 1] = stem.name
    chords = chord_line(score.chords, beats_per_bar=score.facts.beats_per_bar)
    return {"score": score.to_dict(), "chords": chords, "names": names}
