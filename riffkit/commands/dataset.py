"""`riff dataset`: turn a folder of audio into training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.messages import as_options
from riffkit.commands.options import Json, Quiet
from riffkit.commands.printing import say, show_notes
from riffkit.commands.stages import stages

app = typer.Typer(no_args_is_help=True, help="Turn a folder of audio into a captioned dataset.")


@app.command()
def build(
    folder: Annotated[
        Path, typer.Argument(help="Folder of audio files, with or without subfolders.")
    ],
    out: Annotated[Path, typer.Argument(help="Dataset folder to create or resume.")],
    bars: Annotated[int, typer.Option(help="Bars per clip.")] = 2,
    hop_bars: Annotated[
        int | None, typer.Option(help="Bars between clip starts; clips overlap if below --bars.")
    ] = None,
    beats_per_bar: Annotated[
        int, typer.Option(help="Beats per bar: 4 for 4/4, 3 for a waltz.")
    ] = 4,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo of all files. Default: measured.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Clip length in seconds, instead of bars.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="riffusion-v1, full-band or crisp. Default: the model's.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model to make images for, or none. Default: mini, with bars."),
    ] = None,
    test_share: Annotated[
        float, typer.Option(help="Fraction held out for testing, by whole tracks.")
    ] = 0.1,
    tags: Annotated[
        bool, typer.Option(help="Detect instruments, genre and mood for captions.")
    ] = True,
    licence: Annotated[
        str | None, typer.Option(help="License to record for files that don't name one.")
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(help="File of caption templates, one per line: '{style}, {key}'.")
    ] = None,
    captioner: Annotated[
        str | None, typer.Option(help="Command that prints a caption for a clip.")
    ] = None,
    trigger: Annotated[str | None, typer.Option(help="Word to put in every caption.")] = None,
    max_clips_per_track: Annotated[
        int | None, typer.Option(help="Maximum clips per track, spread evenly.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed for the split and the captions.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes. Default: one per core.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or ray for a Ray cluster.")] = "local",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cut, caption and split a folder of audio. An interrupted build resumes.

    Captions come from song.txt beside song.mp3, metadata.jsonl or .csv, file tags, folder names,
    and measurements.
    """
    from riffkit.atomic import check_output_folder
    from riffkit.dataset.find import find_audio
    from riffkit.dataset.formats import check_folder
    from riffkit.dataset.resolve import BuildRequest

    request = BuildRequest(
        bars=bars,
        hop_bars=hop_bars,
        beats_per_bar=beats_per_bar,
        bpm=bpm,
        seconds=seconds,
        preset=preset,
        model=model,
        test_share=test_share,
        tags=tags,
        licence=licence,
        templates=templates,
        captioner=captioner,
        trigger=trigger,
        max_clips_per_track=max_clips_per_track,
        seed=seed,
        workers=workers,
        engine=engine,
    )
    find_audio(folder, without=out)
    check_folder(out)
    check_output_folder(out)
    with stages(quiet=quiet) as begin:
        begin("loading")
        from riffkit.dataset.build import build_dataset

        built = build_dataset(folder, out, request, begin=lambda n: begin("listening", n))
    total = sum(record.seconds for record in built.records)
    train, test = len(built.clips("train")), len(built.clips("test"))
    if not quiet and not as_json:
        for name, reason in built.bad:
            print(f"left out: {name}: {as_options(reason)}")
    show_notes(built.notes, quiet=quiet or as_json)
    facts = {
        "dataset": str(out),
        "clips": len(built.records),
        "train": train,
        "test": test,
        "seconds": round(total, 3),
        "sources": built.n_sources,
        "copies": built.n_copies,
        "near_duplicates": built.n_duplicates,
        "left_out": [{"source": name, "reason": reason} for name, reason in built.bad],
        "notes": list(built.notes),
    }
    text = (
        f"{out}: {len(built.records)} clips, {total / 60:.1f} minutes, "
        f"{train} for training and {test} for testing, from {built.n_sources} files"
    )
    say(facts, text, as_json=as_json)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Dataset folder written by `riff dataset build`.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if there are problems.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes. Default: one per core.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or ray for a Ray cluster.")] = "local",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a dataset for problems, and write check.html and check.json into it.

    Looks for train/test leaks, near-duplicates, clipping, silence, missing captions and damage.
    """
    from riffkit.dataset.formats import read_dataset_info

    read_dataset_info(folder)
    with stages(quiet=quiet) as begin:
        begin("loading")
        from riffkit.dataset.check import check_dataset
        from riffkit.dataset.report import problem_lines, write_report

        checked = check_dataset(
            folder, engine=engine, workers=workers, begin=lambda n: begin("checking", n)
        )
    report, facts = write_report(folder, checked)
    problems = problem_lines(facts)
    text = f"{report}: {facts['clips']} clips, {facts['hours']:.2f} hours, "
    text += f"{len(problems)} kinds of problem" if problems else "no problems"
    say({"report": str(report), **facts}, "\n".join([*problems, text]), as_json=as_json)
    if strict and problems:
        raise typer.Exit(1)
