"""The notes of a clip as a MIDI file: those that it was painted from, or those that are heard.

Light: no torch, unless it listens.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from riffkit.errors import ParameterError
from riffkit.export.exporter import Exported, Exporter
from riffkit.kinds import is_image
from riffkit.music.clip import Clip, read_recipe
from riffkit.music.composing import check_midi_name
from riffkit.music.heard_score import Quantize
from riffkit.music.midi import is_midi
from riffkit.music.midi_score import ReadScore
from riffkit.score.midi import write_midi
from riffkit.score.notes import Score
from riffkit.spectrogram.image import SpectrogramImage

if TYPE_CHECKING:
    from riffkit.music.transcribing import Listener

TRANSCRIBED = "it wasn't painted from a score, so its notes are as heard; some may be wrong"
LISTENED = "its notes are as heard, not those of its score"


def export_midi(
    clip: Clip | str | Path,
    output: str | Path,
    *,
    transcribe: bool = False,
    quantize: Quantize | None = None,
    bpm: float | None = None,
    listener: Literal["riffkit", "basic-pitch"] = "riffkit",
) -> Exported:
    """Write the notes of a clip as a MIDI file, exact if it was composed, else as heard.

    Pitched notes and drums of other sound are transcribed by a small bundled network. For a
    recorded voice or a single instrument, basic-pitch may hear more.

    Args:
        clip: a clip, an audio file or a PNG.
        output: file to write, with the extension .mid.
        transcribe: listen to the sound even if its score is known.
        quantize: grid of transcribed notes; by default they stay where they are heard.
        bpm: tempo of transcribed sound in BPM, in the place of what is said or measured.
        listener: who transcribes: riffkit, or basic-pitch, which hears no drums and needs
            `pip install 'riffkit[basic-pitch]'`.

    Returns:
        What was written; its facts are the numbers of "bars" and "notes". Notes say where these
        were transcribed, and how the tempo was found.

    Raises:
        ParameterError: it is MIDI already, or no notes can be heard.
        AudioFileError: it can't be read.
        ModelError: basic-pitch is asked for, and onnxruntime isn't installed.
        OutputError: it can't be written there.

    Example:
        riffkit.export_midi("song.wav", "song.mid")
    """
    output = Path(output)
    check_midi_name(output)
    if transcribe or not _has_score(clip):
        found = _heard(clip, quantize=quantize, bpm=bpm, listener=listener)
        notes = (LISTENED if _has_score(clip) else TRANSCRIBED, *found.notes)
    else:
        found = ReadScore(*score_of(clip))
        notes = tuple(
            f"{name}: isn't used; the notes are the score's own"
            for name, value in (("quantize", quantize), ("bpm", bpm), ("listener", listener))
            if value not in (None, "riffkit")
        )
    score = found.score
    write_midi(output, score, title=found.title)
    n_notes = sum(len(track.notes) for track in score.tracks)
    bars = -(-score.n_beats // score.facts.beats_per_bar)
    summary = f"{n_notes} note{'s' * (n_notes != 1)} in {bars} bar{'s' * (bars != 1)}"
    return Exported(output, summary, {"bars": bars, "notes": n_notes}, notes)


EXPORTER = Exporter("midi", export_midi, (".mid", ".midi"))


def _has_score(clip: Clip | str | Path) -> bool:
    if isinstance(clip, Clip):
        return clip.recipe.score is not None
    path = Path(clip)
    if is_midi(path):
        raise ParameterError(f"clip={path.name!r}: is MIDI already; choose an audio file or PNG")
    recipe = read_recipe(path)
    return recipe is not None and recipe.score is not None


def _heard(
    clip: Clip | str | Path, *, quantize: Quantize | None, bpm: float | None, listener: Listener
) -> ReadScore:
    from riffkit.export.sound import Known, sound_of_clip, sound_of_file
    from riffkit.music.transcribing import transcribe, transcribe_image

    if isinstance(clip, Clip):
        title = name = clip.title or clip.recipe.command
        sound = sound_of_clip(clip, Known(bpm))
    else:
        path, title, name = Path(clip), Path(clip).stem, Path(clip).name
        if is_image(path):
            made = transcribe_image(
                SpectrogramImage.open(path),
                bpm=bpm,
                quantize=quantize,
                listener=listener,
                name=f"clip={name!r}",
            )
            return replace(made, title=title)
        sound = sound_of_file(path, Known(bpm))
    made = transcribe(
        sound.waveform,
        sound.sample_rate,
        bpm=sound.bpm,
        beats_per_bar=sound.facts.beats_per_bar,
        loop=None if sound.bpm is None else sound.beats is not None,
        quantize=quantize,
        listener=listener,
        name=f"clip={name!r}",
    )
    return ReadScore(made.score, title, (*sound.notes, *made.notes))


def score_of(clip: Clip | str | Path) -> tuple[Score, str]:
    """The score in a clip's recipe, and a title; ParameterError if there is none."""
    if isinstance(clip, Clip):
        recipe, name = clip.recipe, clip.title or clip.recipe.command
    else:
        path, name = Path(clip), Path(clip).name
        if is_midi(path):
            raise ParameterError(f"clip={name!r}: is MIDI already; choose an audio file or PNG")
        found = read_recipe(path)
        if found is None:
            raise ParameterError(f"clip={name!r}: contains no recipe; choose one made by riffkit")
        recipe = found
    if recipe.score is None:
        raise ParameterError(
            f"clip={name!r}: wasn't painted from a score, so it has no exact notes; choose one "
            "that was"
        )
    return Score.from_dict(recipe.score), Path(name).stem
