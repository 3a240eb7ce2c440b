"""Notes: `riff compose`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.options import Force, Json, Quiet
from riffkit.commands.printing import say, show_notes
from riffkit.limits import bpm_text


def compose(
    prompt: Annotated[str, typer.Argument(help="The music in words: 'jazz trio, sad'.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="MIDI file to write. Default: named after the prompt."),
    ] = None,
    bars: Annotated[int, typer.Option(help="Length in bars.")] = 8,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo in BPM. Default: the prompt's or its style's.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Key, such as 'A minor'. Default: the prompt's.")
    ] = None,
    beats_per_bar: Annotated[
        int | None,
        typer.Option(help="Beats per bar: 4 for 4/4, 3 for a waltz. Default: the prompt's."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same score. Default: a random one.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write music for a prompt as notes: a MIDI file."""
    from riffkit.music.composing import check_midi_name
    from riffkit.music.composing import compose as compose_score
    from riffkit.music.outputs import check_target, unused

    path = next(unused(prompt, ".mid")) if output is None else output
    check_midi_name(path)
    check_target(path, force=force)
    made = compose_score(
        prompt, bars=bars, bpm=bpm, key=key, beats_per_bar=beats_per_bar, seed=seed
    )
    made.save(path)
    show_notes(made.notes, quiet=quiet)
    facts, arguments = made.score.facts, made.recipe.arguments
    players = [*facts.instruments, *(["drums"] if facts.drums else [])]
    shown = {
        "midi": str(path),
        "bars": bars,
        "bpm": facts.bpm,
        "key": arguments["key"],
        "beats_per_bar": facts.beats_per_bar,
        "style": facts.style,
        "instruments": players,
        "form": made.score.form,
        "seed": arguments["seed"],
    }
    text = f"{path}: {bars} bars of {facts.beats_per_bar}/4, {bpm_text(facts.bpm)} BPM"
    text += f", {arguments['key']}" if arguments["key"] else ""
    text += f", {facts.style}: {', '.join(players)}, seed {arguments['seed']}"
    say(shown, text, as_json=as_json)
