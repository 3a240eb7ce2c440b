"""Models judged: eval."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.options import Device, Json, Lora, Model, Quiet, progress, say, show_notes

app = typer.Typer()


Dataset = Annotated[
    Path | None, typer.Option(help="Judge what was learned of it: a `riff dataset build` folder.")
]


@app.command("eval")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder for the clips and the report.")],
    model: Model = "mini",
    prompts: Annotated[
        int | None, typer.Option(help="How many of the 200 fixed prompts; 40 with --dataset.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; default: model's.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Prompt's pull; default: model's.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Folder of audio to be like; default: unseen renders.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first clip.")] = 0,
    lora: Lora = None,
    dataset: Dataset = None,
    prompt: Annotated[
        str | None, typer.Option(help="With --dataset: what both models are asked for.")
    ] = None,
    tuned: Annotated[
        str | None, typer.Option(help="With --dataset: a fully tuned model, in place of --lora.")
    ] = None,
    clips: Annotated[int, typer.Option(help="With --dataset: how many of each model.")] = 64,
    tag: Annotated[
        str | None, typer.Option(help="musicnn's tag to watch; default: the one that tells most.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a model on fixed prompts: loops, and a report of how well they follow.

    With --dataset, what a LoRA or a tuned model has learned of it: its genre, or its clips, and
    whether the LoRA at half its weight still follows the fixed prompts.
    """
    from riffkit.errors import ParameterError
    from riffkit.evaluation.run import Evaluation

    n_prompts = prompts if prompts is not None else 40 if dataset else 200
    if dataset is None:
        for name, value in (("prompt", prompt), ("tuned", tuned), ("tag", tag)):
            if value is not None:
                raise ParameterError(
                    f"{name}={value!r}: goes with --dataset; give a dataset's folder"
                )
        evaluation = Evaluation(n_prompts, seed=seed, steps=steps, guidance=guidance)
        _judge_prompts(folder, evaluation, model, lora, reference, device, as_json, quiet)
        return
    if not lora and tuned is None:
        raise ParameterError("lora: give --lora RUN, or --tuned MODEL, to judge what was learned")
    if prompt is None:
        raise ParameterError("prompt: give --prompt with the words that the captions have")
    if reference is not None:
        raise ParameterError(
            "reference: is the dataset's held-out clips; leave it or --dataset out"
        )
    asked = Evaluation(n_prompts, seed=seed, steps=steps, guidance=guidance) if n_prompts else None
    _judge_genre(
        folder,
        dataset,
        prompt,
        model,
        tuned,
        lora or [],
        asked,
        options={"steps": steps, "guidance": guidance, "seed": seed},
        clips=clips,
        tag=tag,
        device=device,
        as_json=as_json,
        quiet=quiet,
    )


def _judge_prompts(
    folder: Path,
    evaluation: Any,
    model: str,
    lora: list[str] | None,
    reference: Path | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    from riffkit.evaluation.judge import judge
    from riffkit.evaluation.reference import load_reference
    from riffkit.evaluation.report import summary, write_report
    from riffkit.evaluation.run import make_clips, read_clips, sounds_of
    from riffkit.models.pipeline import load_pipeline

    measure = load_reference()
    sounds = None if reference is None else sounds_of(reference)
    pipeline = load_pipeline(model, device=device, loras=lora or ())
    show_notes(pipeline.notes, quiet=quiet)
    audio, readings = [], []
    with progress("making and judging", 2 * evaluation.n_prompts, quiet=quiet) as advance:
        for path in make_clips(pipeline, evaluation, folder):
            audio.append(path)
            advance()
        for reading in read_clips(evaluation, folder):
            readings.append(reading)
            advance()
    scores = judge(readings, measure, sounds=sounds)
    asked = [prompt for prompt, _ in evaluation.requests()]
    title = f"{pipeline.name}: {evaluation.n_prompts} prompts"
    report = write_report(folder, title, scores, asked, readings, audio)
    facts = {"report": str(report), "scores": {s.name: asdict(s) for s in scores}}
    say(facts, "\n".join((*summary(scores), str(report))), as_json=as_json)


def _judge_genre(
    folder: Path,
    dataset: Path,
    prompt: str,
    model: str,
    tuned: str | None,
    lora: list[str],
    evaluation: Any,
    *,
    options: dict[str, Any],
    clips: int,
    tag: str | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    from riffkit.evaluation import genre
    from riffkit.evaluation.kept import at_half_weight, kept
    from riffkit.evaluation.run import make_clips, read_clips
    from riffkit.models.pipeline import load_pipeline

    genre.check_tag(tag)
    real = genre.read_real_clips(dataset)
    requests = genre.genre_requests(prompt, real, clips, **options)
    models = {
        "base": load_pipeline(model, device=device),
        "tuned": load_pipeline(tuned or model, device=device, loras=lora),
    }
    notes = dict.fromkeys(note for pipeline in models.values() for note in pipeline.notes)
    show_notes(tuple(notes), quiet=quiet)
    heard, readings = {}, {}
    n_asked = evaluation.n_prompts if evaluation else 0
    total = 2 * clips + len(real) + 2 * n_asked
    with progress("making and judging", total, quiet=quiet) as advance:
        for name, pipeline in models.items():
            paths = []
            for path in genre.make_genre_clips(pipeline, requests, folder / name):
                paths.append(path)
                advance()
            heard[name] = genre.hear_made(paths)
        for split in ("train", "test"):
            chosen = [clip for clip in real if clip.split == split]
            heard[split] = genre.hear_real(chosen, models["tuned"].params)
            for _ in chosen:
                advance()
        if evaluation and lora:
            half = at_half_weight(lora)
            models["tuned"] = load_pipeline(tuned or model, device=device, loras=half)
        for name, pipeline in models.items() if evaluation else ():
            for _ in make_clips(pipeline, evaluation, folder / "kept" / name):
                advance()
            readings[name] = list(read_clips(evaluation, folder / "kept" / name))
    scores = genre.judge_genre(
        heard["base"], heard["tuned"], heard["train"], heard["test"], tag=tag
    )
    followed = kept(readings["base"], readings["tuned"]) if evaluation else None
    said = [*scores.lines(), *(followed.lines() if followed else ())]
    report = genre.write_genre_report(folder, prompt, said)
    facts = {
        "report": str(report),
        **asdict(scores),
        "kept": asdict(followed) if followed else None,
    }
    say(facts, "\n".join((*said, str(report))), as_json=as_json)
