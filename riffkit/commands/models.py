"""The models at hand: models list, models show."""

from __future__ import annotations

from typing import Annotated

import typer

from riffkit.commands.options import (
    Json,
    lines,
    say,
)

app = typer.Typer(help="Show the models at hand.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models and vocoders that are at hand."""
    from riffkit.music.models import list_models as at_hand

    facts = at_hand()
    say({"models": facts}, "\n".join(f"{m['name']}  {m['about']}" for m in facts), as_json=as_json)


@app.command("show")
def show_model(
    model: Annotated[str, typer.Argument(help="Bundled name, folder, or hub id.")],
    as_json: Json = False,
) -> None:
    """Show a model's parts, its spectrograms and its defaults."""
    from riffkit.music.models import describe_model

    facts = describe_model(model)
    say(facts, "\n".join(lines(facts)), as_json=as_json)
