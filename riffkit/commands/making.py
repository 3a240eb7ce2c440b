"""Music from prompts: generate, loop, morph, story, vary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.grouped import Loading, Painting, with_groups
from riffkit.commands.options import (
    Audio,
    ClipBpm,
    ClipKey,
    Json,
    Key,
    Output,
    PromptBpm,
    Quiet,
    as_file,
    checked_paths,
    opened,
    painting_bar,
    progress,
    put,
)
from riffkit.commands.prompt_list import put_list
from riffkit.errors import ParameterError

app = typer.Typer()


@app.command()
@with_groups
def generate(
    prompt: Annotated[
        str | None, typer.Argument(help="The music in words: 'lo-fi piano, rainy'.")
    ] = None,
    output: Output = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Instead of PROMPT: a text file, one a line; .jsonl or .csv with fields."
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="For --prompts: local, or ray for a cluster.")] = (
        "local"
    ),
    workers: Annotated[
        int | None, typer.Option(help="For --prompts: processes.  [default: one a core]")
    ] = None,
    bars: Annotated[int | None, typer.Option(help="Length in bars.  [default: 2]")] = None,
    bpm: PromptBpm = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, instead of --bars.")] = None,
    key: Key = None,
    count: Annotated[int, typer.Option(help="How many clips, each with the next seed.")] = 1,
    loop: Annotated[bool, typer.Option("--loop", help="Plays round without a seam.")] = False,
    melody: Annotated[Path | None, typer.Option(help="Audio or MIDI file of a tune.")] = None,
    melody_strength: Annotated[float, typer.Option(help="0 near to the tune, 1 free.")] = 0.5,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make music from a prompt: an audio file, and its PNG.

    With --prompts a clip of each, as OUTPUT/NNN-<its words>.wav; options are for those that don't
    say otherwise. Clips that are there are kept: run it again to go on.
    """
    if count < 1:
        raise ParameterError(f"count={count}: must be at least 1")
    if (prompt is None) == (prompts is None):
        raise ParameterError("prompt: give one, or a list of them with --prompts FILE")
    if prompt is None:
        assert prompts is not None
        defaults = {
            **painting.options, "bars": bars, "bpm": bpm, "duration": duration, "key": key,
            "loop": loop, "melody_strength": melody_strength, "melody": melody,
        }  # fmt: skip
        put_list(
            prompts, output, defaults,
            loading=loading.arguments, seed=painting.seed, count=count, engine=engine,
            workers=workers, as_json=as_json, quiet=quiet,
        )  # fmt: skip
        return
    paths = checked_paths(output, prompt, count)
    from riffkit.music.generate import GenerateRequest, plan_for
    from riffkit.music.generate import generate as generate_clip

    first = GenerateRequest(
        prompt, **painting.seeded, bars=bars, bpm=bpm, duration=duration, key=key, loop=loop,
        melody_strength=melody_strength,
    )  # fmt: skip
    requests = [replace(first, seed=first.seed + index) for index in range(count)]

    checkpoint = loading.checkpoint(quiet=quiet)
    tune = None if melody is None else read_tune(melody, bpm, painting.beats_per_bar)
    n_steps = sum(plan_for(request, checkpoint, tune).steps for request in requests)
    with progress("painting", n_steps, quiet=quiet) as advance:
        for path, request in zip(paths, requests, strict=True):
            clip = generate_clip(
                checkpoint, request, melody=tune, on_step=lambda done, total: advance()
            )
            put(clip, path, as_json=as_json, quiet=quiet)


def read_tune(path: Path, bpm: float | None, beats_per_bar: int) -> Any:
    from riffkit.music.melody import read_melody

    return read_melody(path, bpm=bpm, beats_per_bar=beats_per_bar)


@app.command()
@with_groups
def loop(
    prompts: Annotated[list[str], typer.Argument(help="One or more; the last leads to the first.")],
    output: Output = None,
    bars: Annotated[int | None, typer.Option(help="Default: 4 a prompt.")] = None,
    bpm: PromptBpm = None,
    key: Key = None,
    theme: Annotated[
        str | None, typer.Option(help="Audio, PNG or bundled seed that it stays near to.")
    ] = None,
    strength: Annotated[float, typer.Option(help="How far from the theme, 0 to 1.")] = 0.75,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a loop that wanders through prompts and back, without a seam."""
    (path,) = checked_paths(output, prompts[0])
    from riffkit.music.story import LoopRequest
    from riffkit.music.story import loop as loop_clip
    from riffkit.music.theme import open_theme

    request = LoopRequest(
        tuple(prompts), **painting.seeded, bars=bars, bpm=bpm, key=key, strength=strength
    )

    checkpoint = loading.checkpoint(quiet=quiet)
    source = None if theme is None else open_theme(checkpoint, theme, request)
    with painting_bar(checkpoint, request, quiet=quiet) as on_step:
        clip = loop_clip(checkpoint, request, theme=source, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
@with_groups
def morph(
    first: Annotated[str, typer.Argument(metavar="FROM", help="A prompt, or an audio file.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="A prompt, or an audio file.")],
    output: Output = None,
    frames: Annotated[int, typer.Option(help="Steps from one to the other.")] = 8,
    bars: Annotated[int, typer.Option(help="Bars of each frame.")] = 2,
    bpm: PromptBpm = None,
    key: Key = None,
    strength: Annotated[float, typer.Option(help="New half-way between clips, 0 to 1.")] = 0.7,
    last_seed: Annotated[int | None, typer.Option(help="Seed of TO; default: the same.")] = None,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go from one prompt or clip to another in even steps, on the downbeat."""
    (path,) = checked_paths(output, f"{Path(first).stem} to {Path(last).stem}")
    from riffkit.music.morph import MorphRequest
    from riffkit.music.morph import morph as morph_clip

    files = [as_file(end) for end in (first, last)]
    names = [
        end if file is None else file.name for end, file in zip((first, last), files, strict=True)
    ]
    request = MorphRequest(
        names[0], names[1], **painting.seeded, frames=frames, bars=bars, bpm=bpm, key=key,
        strength=strength, last_seed=last_seed,
    )  # fmt: skip

    checkpoint = loading.checkpoint(quiet=quiet)
    ends = [opened(checkpoint, file, request) for file in files]
    with painting_bar(checkpoint, request, quiet=quiet) as on_step:
        clip = morph_clip(checkpoint, request, first=ends[0], last=ends[1], on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
@with_groups
def story(
    script: Annotated[Path, typer.Argument(help="TOML file; README, 'A story'.")],
    output: Output = None,
    *,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make minutes of music from a script of keyframes."""
    from riffkit.music.story import read_script
    from riffkit.music.story import story as story_clip
    from riffkit.music.theme import open_theme

    told = read_script(script)
    (path,) = checked_paths(output, script.stem)

    checkpoint = loading.checkpoint(quiet=quiet)
    theme = None if told.theme is None else open_theme(checkpoint, told.theme, told.request)
    with painting_bar(checkpoint, told.request, quiet=quiet) as on_step:
        clip = story_clip(checkpoint, told.request, theme=theme, on_step=on_step)
    put(clip, path, as_json=as_json, quiet=quiet)


@app.command()
@with_groups
def vary(
    file: Audio,
    output: Output = None,
    count: Annotated[int, typer.Option(help="How many siblings.")] = 4,
    distance: Annotated[float, typer.Option(help="From 0, the clip, to 1, strangers.")] = 0.5,
    prompt: Annotated[str, typer.Option(help="What they should be; default: the clip's.")] = "",
    bpm: ClipBpm = None,
    key: ClipKey = None,
    *,
    painting: Painting,
    loading: Loading,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make siblings of a clip, and a sheet of their images to choose from."""
    paths = checked_paths(output, f"{file.stem} sibling", count)
    sheet = (output or paths[0]).with_stem(f"{(output or paths[0]).stem}-sheet").with_suffix(".png")
    from riffkit.music.recorded import recorded_prompt
    from riffkit.music.sheet import save_sheet
    from riffkit.music.vary import VaryRequest
    from riffkit.music.vary import vary as vary_clip

    request = VaryRequest(
        count=count, distance=distance, prompt=prompt or recorded_prompt(file),
        **painting.seeded, bpm=bpm, key=key,
    )  # fmt: skip
    from riffkit.music.source import open_source

    checkpoint = loading.checkpoint(quiet=quiet)
    source = open_source(checkpoint, file, request)
    with painting_bar(checkpoint, request, quiet=quiet) as on_step:
        clips = vary_clip(checkpoint, request, source, on_step=on_step)
    images = {path.name: clip.image for path, clip in zip(paths, clips, strict=True)}
    save_sheet(sheet, {file.name: source.image, **images})
    for path, clip in zip(paths, clips, strict=True):
        put(clip, path, as_json=as_json, quiet=quiet)
