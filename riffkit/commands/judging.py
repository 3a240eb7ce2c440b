"""Models judged: eval."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.options import (
    Device,
    Json,
    Model,
    Quiet,
    progress,
    say,
)

app = typer.Typer()


@app.command("eval")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder for the clips and the report.")],
    model: Model = "mini",
    prompts: Annotated[int, typer.Option(help="How many of the 200 fixed prompts.")] = 200,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; default: model's.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Prompt's pull; default: model's.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Folder of audio to be like; default: unseen renders.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first clip.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a model on fixed prompts: loops, and a report of how well they follow."""
    from riffkit.diffusion.checkpoint import load_checkpoint
    from riffkit.evaluation.judge import judge
    from riffkit.evaluation.reference import load_reference
    from riffkit.evaluation.report import summary, write_report
    from riffkit.evaluation.run import Evaluation, make_clips, read_clips, sounds_of

    evaluation = Evaluation(prompts, seed=seed, steps=steps, guidance=guidance)
    measure = load_reference()
    sounds = None if reference is None else sounds_of(reference)
    checkpoint = load_checkpoint(model, device=device)
    audio, readings = [], []
    with progress("making and judging", 2 * prompts, quiet=quiet) as advance:
        for path in make_clips(checkpoint, evaluation, folder):
            audio.append(path)
            advance()
        for reading in read_clips(evaluation, folder):
            readings.append(reading)
            advance()
    scores = judge(readings, measure, sounds=sounds)
    asked = [prompt for prompt, _ in evaluation.requests()]
    title = f"{checkpoint.name}: {prompts} prompts"
    report = write_report(folder, title, scores, asked, readings, audio)
    facts = {"report": str(report), "scores": {s.name: asdict(s) for s in scores}}
    say(facts, "\n".join((*summary(scores), str(report))), as_json=as_json)
