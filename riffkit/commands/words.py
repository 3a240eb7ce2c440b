"""What a prompt may say: `riff words`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from riffkit.commands.options import Json
from riffkit.commands.printing import say
from riffkit.limits import bpm_text

if TYPE_CHECKING:
    from riffkit.prompt.lexicon import KnownStyle, KnownWord

app = typer.Typer()
_MODEL = "mini"


@app.command()
def words(
    language: Annotated[str, typer.Option(help="en, de, fr, es, uk, ru or zh.")] = "en",
    as_json: Json = False,
) -> None:
    """List the words that the bundled model knows in prompts."""
    from dataclasses import asdict

    from riffkit.models.locate import bundled_models, model_traits
    from riffkit.prompt.lexicon import lexicon

    known = lexicon(model_traits(bundled_models()[_MODEL]), language)
    text = [_of_styles(known.styles)]
    text += [f"{kind.capitalize()}:\n  {_listed(of)}" for kind, of in known.words.items()]
    if language != "en":
        text.append("… stands for any ending. Words without a translation are to be in English.")
    facts = {"model": _MODEL, "language": language, **asdict(known)}
    say(facts, "\n\n".join(text), as_json=as_json)


def _of_styles(styles: Sequence[KnownStyle]) -> str:
    """A line for the names of each style."""
    lines = ["Styles, with the tempo and beats per bar that they have unless you give others:"]
    for (bpm, beats, _), names in groupby(styles, lambda s: (s.bpm, s.beats_per_bar, s.modes)):
        lines.append(
            f"  {_listed([style.name for style in names])}: {bpm_text(bpm)} BPM, {beats}/4"
        )
    return "\n".join(lines)


def _listed(known: Sequence[KnownWord]) -> str:
    return ", ".join(map(_shown, known))


def _shown(known: KnownWord) -> str:
    """ "piano", or "klavier…, flügel (piano)" in another language."""
    if not known.translations:
        return known.word
    return f"{', '.join(known.translations).replace('*', '…')} ({known.word})"
