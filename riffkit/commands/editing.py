"""Clips changed: restyle, edit, extend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.grouped import Loading, Painting, with_groups
from riffkit.commands.options import (
    Audio,
    ClipBpm,
    ClipKey,
    Json,
    Output,
    Prompt,
    Quiet,
    checked_paths,
    painting_bar,
    put,
)
from riffkit.errors import ParameterError

app = typer.Typer()


@app.command()
@with_groups
def restyle(
    audio: Audio,
    prompt: Prompt,
    output: Output = None,
    strength: Annotated[float, typer.Option(help="0 leaves it, 1 makes it up.")] = 0.5,
    bpm: ClipBpm = None,
    key: ClipKey = None,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play a clip or a whole song as the prompt says."""
    (path,) = checked_paths(output, f"{audio.stem} {prompt}")
    from riffkit.music.restyle import RestyleRequest
    from riffkit.music.restyle import restyle as restyle_clip

    request = RestyleRequest(prompt, **painting.seeded, strength=strength, bpm=bpm, key=key)
    from riffkit.music.source import open_source

    checkpoint = loading.checkpoint(quiet=quiet)
    source = open_source(checkpoint, audio, request)
    with painting_bar(checkpoint, request, quiet=quiet) as on_step:
        clip = restyle_clip(checkpoint, request, source, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
@with_groups
def edit(
    audio: Audio,
    prompt: Annotated[str, typer.Argument(help="What is to be there, in words.")] = "",
    output: Output = None,
    time: Annotated[str | None, typer.Option(help="Seconds A:B to make anew.")] = None,
    freq: Annotated[str | None, typer.Option(help="Hertz LO:HI to make anew.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="PNG of the image's size: white new, black kept.")
    ] = None,
    keep_melody: Annotated[
        bool, typer.Option("--keep-melody", help="Leave the strongest partials as they are.")
    ] = False,
    strength: Annotated[float, typer.Option(help="Below 1 near to what was there.")] = 1.0,
    bpm: ClipBpm = None,
    key: ClipKey = None,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a part of a clip anew, and leave the rest as it is."""
    if mask is not None and (time or freq or keep_melody):
        raise ParameterError("mask: stands alone; leave --time, --freq and --keep-melody out")
    (path,) = checked_paths(output, f"{audio.stem} edit")
    from riffkit.music.edit import EditRequest
    from riffkit.music.edit import edit as edit_clip

    request = EditRequest(
        prompt=prompt, time=span("time", time), freq=span("freq", freq), keep_melody=keep_melody,
        **painting.seeded, strength=strength, bpm=bpm, key=key,
    )  # fmt: skip
    from riffkit.music.mask import read_mask
    from riffkit.music.source import open_source

    checkpoint = loading.checkpoint(quiet=quiet)
    source = open_source(checkpoint, audio, request)
    painted = None if mask is None else read_mask(mask, source)
    with painting_bar(checkpoint, request, quiet=quiet) as on_step:
        clip = edit_clip(checkpoint, request, source, painted=painted, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
@with_groups
def extend(
    audio: Audio,
    prompt: Annotated[str, typer.Argument(help="What the new bars are, in words.")] = "",
    output: Output = None,
    bars: Annotated[int, typer.Option(help="How many more.")] = 4,
    before: Annotated[bool, typer.Option("--before", help="Before it, not behind.")] = False,
    strength: Annotated[float, typer.Option(help="Below 1 an echo of the clip.")] = 0.85,
    bpm: ClipBpm = None,
    key: ClipKey = None,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on from a clip's end, or lead up to its beginning."""
    (path,) = checked_paths(output, f"{audio.stem} longer")
    from riffkit.music.extend import ExtendRequest
    from riffkit.music.extend import extend as extend_clip

    request = ExtendRequest(
        prompt=prompt, **painting.seeded, bars=bars, before=before, strength=strength, bpm=bpm,
        key=key,
    )  # fmt: skip
    from riffkit.music.source import open_source

    checkpoint = loading.checkpoint(quiet=quiet)
    source = open_source(checkpoint, audio, request)
    with painting_bar(checkpoint, request, quiet=quiet) as on_step:
        clip = extend_clip(checkpoint, request, source, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


def span(name: str, text: str | None) -> tuple[float, float] | None:
    """The two numbers of "A:B"; either may be left out."""
    if text is None:
        return None
    begin, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return float(begin or 0), float(end or "inf")
    except ValueError as error:
        raise ParameterError(f"{name}={text!r}: must be two numbers, as 2.5:4") from error
