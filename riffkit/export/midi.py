"""The notes that a clip was painted from, as a MIDI file. Light: no torch."""

from __future__ import annotations

from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.export.exporter import Exported, Exporter
from riffkit.music.clip import Clip, read_recipe
from riffkit.music.composing import check_midi_name
from riffkit.music.midi import is_midi
from riffkit.score.midi import write_midi
from riffkit.score.notes import Score


def export_midi(clip: Clip | str | Path, output: str | Path) -> Exported:
    """Write the notes of a clip as a MIDI file.

    Args:
        clip: a clip, or an audio file or PNG that was painted from a score.
        output: file to write, with the extension .mid.

    Returns:
        What was written; its facts are the numbers of "bars" and "notes".

    Raises:
        ParameterError: there is no score in its recipe, or no recipe.
        OutputError: it can't be written there.

    Example:
        riffkit.export_midi("song.wav", "song.mid")
    """
    output = Path(output)
    check_midi_name(output)
    score, title = score_of(clip)
    write_midi(output, score, title=title)
    n_notes = sum(len(track.notes) for track in score.tracks)
    bars = -(-score.n_beats // score.facts.beats_per_bar)
    summary = f"{n_notes} notes in {bars} bar{'s' * (bars != 1)}"
    return Exported(output, summary, {"bars": bars, "notes": n_notes})


EXPORTER = Exporter("midi", export_midi, (".mid", ".midi"))


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
