"""Clips changed: restyle, edit, extend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.options import (
    Audio,
    BeatsPerBar,
    ClipBpm,
    ClipKey,
    Device,
    Guidance,
    Json,
    Lora,
    Model,
    NegativePrompt,
    Output,
    Prompt,
    Quality,
    Quiet,
    Seed,
    Steps,
    Vocoder,
    checked_paths,
    chosen_seed,
    painting,
    put,
)
from riffkit.errors import ParameterError

app = typer.Typer()


@app.command()
def restyle(
    audio: Audio,
    prompt: Prompt,
    output: Output = None,
    strength: Annotated[float, typer.Option(help="0 leaves it, 1 makes it up.")] = 0.5,
    negative_prompt: NegativePrompt = "",
    bpm: ClipBpm = None,
    key: ClipKey = None,
    beats_per_bar: BeatsPerBar = 4,
    steps: Steps = None,
    guidance: Guidance = None,
    model: Model = "mini",
    lora: Lora = None,
    vocoder: Vocoder = "griffin-lim",
    quality: Quality = "default",
    seed: Seed = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play a clip or a whole song as the prompt says."""
    (path,) = checked_paths(output, f"{audio.stem} {prompt}")
    from riffkit.music.restyle import RestyleRequest
    from riffkit.music.restyle import restyle as restyle_clip

    request = RestyleRequest(
        prompt, strength=strength, negative_prompt=negative_prompt, bpm=bpm, key=key,
        beats_per_bar=beats_per_bar, steps=steps, guidance=guidance, vocoder=vocoder,
        quality=quality, seed=chosen_seed(seed),
    )  # fmt: skip
    from riffkit.diffusion.checkpoint import load_checkpoint
    from riffkit.music.source import open_source

    checkpoint = load_checkpoint(model, device=device, loras=lora or ())
    source = open_source(checkpoint, audio, request)
    with painting(checkpoint, request, quiet=quiet) as on_step:
        clip = restyle_clip(checkpoint, request, source, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
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
    negative_prompt: NegativePrompt = "",
    bpm: ClipBpm = None,
    key: ClipKey = None,
    beats_per_bar: BeatsPerBar = 4,
    steps: Steps = None,
    guidance: Guidance = None,
    model: Model = "mini",
    lora: Lora = None,
    vocoder: Vocoder = "griffin-lim",
    quality: Quality = "default",
    seed: Seed = None,
    device: Device = "auto",
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
        strength=strength, negative_prompt=negative_prompt, bpm=bpm, key=key,
        beats_per_bar=beats_per_bar, steps=steps, guidance=guidance, vocoder=vocoder,
        quality=quality, seed=chosen_seed(seed),
    )  # fmt: skip
    from riffkit.diffusion.checkpoint import load_checkpoint
    from riffkit.music.mask import read_mask
    from riffkit.music.source import open_source

    checkpoint = load_checkpoint(model, device=device, loras=lora or ())
    source = open_source(checkpoint, audio, request)
    painted = None if mask is None else read_mask(mask, source)
    with painting(checkpoint, request, quiet=quiet) as on_step:
        clip = edit_clip(checkpoint, request, source, painted=painted, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
def extend(
    audio: Audio,
    prompt: Annotated[str, typer.Argument(help="What the new bars are, in words.")] = "",
    output: Output = None,
    bars: Annotated[int, typer.Option(help="How many more.")] = 4,
    before: Annotated[bool, typer.Option("--before", help="Before it, not behind.")] = False,
    strength: Annotated[float, typer.Option(help="Below 1 an echo of the clip.")] = 0.85,
    negative_prompt: NegativePrompt = "",
    bpm: ClipBpm = None,
    key: ClipKey = None,
    beats_per_bar: BeatsPerBar = 4,
    steps: Steps = None,
    guidance: Guidance = None,
    model: Model = "mini",
    lora: Lora = None,
    vocoder: Vocoder = "griffin-lim",
    quality: Quality = "default",
    seed: Seed = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on from a clip's end, or lead up to its beginning."""
    (path,) = checked_paths(output, f"{audio.stem} longer")
    from riffkit.music.extend import ExtendRequest
    from riffkit.music.extend import extend as extend_clip

    request = ExtendRequest(
        prompt=prompt, bars=bars, before=before, strength=strength,
        negative_prompt=negative_prompt, bpm=bpm, key=key, beats_per_bar=beats_per_bar,
        steps=steps, guidance=guidance, vocoder=vocoder, quality=quality, seed=chosen_seed(seed),
    )  # fmt: skip
    from riffkit.diffusion.checkpoint import load_checkpoint
    from riffkit.music.source import open_source

    checkpoint = load_checkpoint(model, device=device, loras=lora or ())
    source = open_source(checkpoint, audio, request)
    with painting(checkpoint, request, quiet=quiet) as on_step:
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
