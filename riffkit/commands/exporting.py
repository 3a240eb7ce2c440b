"""Files for other programs: `riff export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.options import Force, Json
from riffkit.commands.printing import say

app = typer.Typer(help="Write a clip's parts for other programs.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group, though it has one command."""


@app.command()
def midi(
    clip: Annotated[
        Path, typer.Argument(help="Audio file or PNG that riffkit painted from a score.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="MIDI file to write. Default: NAME.mid, beside it."),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the notes that a clip was painted from: a MIDI file."""
    from riffkit.export.midi import export_midi, score_of
    from riffkit.music.composing import check_midi_name
    from riffkit.music.outputs import check_target

    path = output or clip.with_suffix(".mid")
    check_midi_name(path)
    score_of(clip)
    check_target(path, inputs=[clip], force=force)
    score = export_midi(clip, path)
    n_notes = sum(len(track.notes) for track in score.tracks)
    bars = -(-score.n_beats // score.facts.beats_per_bar)
    facts = {"midi": str(path), "bars": bars, "notes": n_notes}
    say(facts, f"{path}: {n_notes} notes in {bars} bar{'s' * (bars != 1)}", as_json=as_json)
