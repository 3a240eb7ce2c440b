"""Notes: `riff compose`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.options import Force, Json, Quiet, explicit
from riffkit.commands.parameters import annotated, is_argument, of_request, with_parameters
from riffkit.commands.printing import say, show_notes
from riffkit.limits import bpm_text

_Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="MIDI file to write. Default: named after the prompt."),
]
_COMMON = {"force": (Force, False), "as_json": (Json, False), "quiet": (Quiet, False)}


def command() -> Callable[..., None]:
    """The command, with an option for each field of its request."""
    from riffkit.music.composing import ComposeRequest

    fields = of_request(ComposeRequest)
    arguments = [one for one in fields if is_argument(one)]
    options = [one for one in fields if not is_argument(one)]
    output = annotated({"output": (_Output, None)})
    return with_parameters(compose, [*arguments, *output, *options, *annotated(_COMMON)])


def compose(
    ctx: Any, output: Path | None, force: bool, as_json: bool, quiet: bool, **values: Any
) -> None:
    """Write music for a prompt as notes: a MIDI file."""
    from riffkit.music.composing import check_midi_name, composed, request_of
    from riffkit.music.outputs import check_target, unused
    from riffkit.score.chords import chord_line

    request = request_of((), explicit(ctx, values))
    path = next(unused(request.prompt, ".mid")) if output is None else output
    check_midi_name(path)
    inputs = [file for file in (request.melody, request.drums) if file is not None]
    check_target(path, inputs=inputs, force=force)
    made = composed(request)
    made.save(path)
    show_notes(made.notes, quiet=quiet)
    facts, arguments = made.score.facts, made.recipe.arguments
    players = [*facts.instruments, *(["drums"] if facts.drums else [])]
    shown = {
        "midi": str(path),
        "bars": arguments["bars"],
        "bpm": facts.bpm,
        "key": arguments["key"],
        "beats_per_bar": facts.beats_per_bar,
        "style": facts.style,
        "instruments": players,
        "form": made.score.form,
        "chords": chord_line(made.score.chords, beats_per_bar=facts.beats_per_bar)
        if facts.instruments
        else None,
        "seed": arguments["seed"],
    }
    bars = "1 bar" if shown["bars"] == 1 else f"{shown['bars']} bars"
    text = f"{path}: {bars} of {facts.beats_per_bar}/4, {bpm_text(facts.bpm)} BPM"
    text += f", {arguments['key']}" if arguments["key"] else ""
    text += f", {facts.style}: {', '.join(players)}, seed {arguments['seed']}"
    say(shown, text, as_json=as_json)
