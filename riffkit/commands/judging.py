"""Models judged: eval."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.options import (
    Device,
    Json,
    Lora,
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
    lora: Lora = None,
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
    checkpoint = load_checkpoint(model, device=device, loras=lora or ())
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


@app.command("eval-genre")
def evaluate_genre(
    folder: Annotated[Path, typer.Argument(help="Folder for the clips and the report.")],
    dataset: Annotated[Path, typer.Option(help="Folder that riff dataset build made.")],
    prompt: Annotated[str, typer.Option(help="What both models are asked for.")],
    lora: Lora = None,
    model: Model = "mini",
    tuned: Annotated[
        str | None, typer.Option(help="Model after full fine-tuning, in place of --lora.")
    ] = None,
    clips: Annotated[int, typer.Option(help="How many of each model.")] = 64,
    tag: Annotated[
        str | None, typer.Option(help="musicnn's tag to watch; default: the one that tells most.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; default: model's.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Prompt's pull; default: model's.")] = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge what a LoRA or a tuned model has learned of a dataset: its genre, or its clips."""
    from riffkit.diffusion.checkpoint import load_checkpoint
    from riffkit.errors import ParameterError
    from riffkit.evaluation import genre

    if not lora and tuned is None:
        raise ParameterError("lora: give --lora RUN, or --tuned MODEL, to judge what was learned")
    real = genre.read_real_clips(dataset)
    requests = genre.genre_requests(prompt, real, clips, steps=steps, guidance=guidance)
    models = {
        "base": load_checkpoint(model, device=device),
        "tuned": load_checkpoint(tuned or model, device=device, loras=lora or ()),
    }
    params = models["tuned"].params
    heard = {}
    with progress("making and judging", 2 * clips + len(real), quiet=quiet) as advance:
        for name, checkpoint in models.items():
            paths = []
            for path in genre.make_genre_clips(checkpoint, requests, folder / name):
                paths.append(path)
                advance()
            heard[name] = genre.hear_made(paths)
        for split in ("train", "test"):
            chosen = [clip for clip in real if clip.split == split]
            heard[split] = genre.hear_real(chosen, params)
            for _ in chosen:
                advance()
    scores = genre.judge_genre(
        heard["base"], heard["tuned"], heard["train"], heard["test"], tag=tag
    )
    report = genre.write_genre_report(folder, prompt, scores)
    facts = {"report": str(report), **asdict(scores)}
    say(facts, "\n".join((*scores.lines(), str(report))), as_json=as_json)
