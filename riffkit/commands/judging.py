"""Judging models: `riff eval`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.loading import Loading
from riffkit.commands.options import Device, Json, Lora, Model, Quiet
from riffkit.commands.printing import loading, progress, say, show_notes
from riffkit.commands.stages import stages

app = typer.Typer()


Dataset = Annotated[Path | None, typer.Option(help="Dataset folder that the model was tuned on.")]


@app.command("eval")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder for the clips and the report.")],
    model: Model = "mini",
    prompts: Annotated[
        int | None, typer.Option(help="How many of the prompts. Default: all; 40 with --dataset.")
    ] = None,
    prompt_list: Annotated[
        str,
        typer.Option(
            help="fixed (200 prompts), or held-out (100 others, worded as strangers speak, to "
            "measure a finished model with once: tune nothing on them)."
        ),
    ] = "fixed",
    way: Annotated[
        str | None,
        typer.Option(
            help="free: from the words alone. composed: a score is composed, and each player "
            "painted after it. both. Default: both if the model reads scores, else free."
        ),
    ] = None,
    solos: Annotated[
        int | None,
        typer.Option(help="Composed way: how many instruments also play alone. Default: all."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Denoising steps. Default: the model's.")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option(help="Classifier-free guidance scale. Default: the model's.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Folder of reference audio. Default: unseen renders.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first clip.")] = 0,
    lora: Lora = None,
    dataset: Dataset = None,
    prompt: Annotated[
        str | None, typer.Option(help="With --dataset: the prompt for both models.")
    ] = None,
    tuned: Annotated[
        str | None, typer.Option(help="With --dataset: a fully tuned model, instead of --lora.")
    ] = None,
    clips: Annotated[int, typer.Option(help="With --dataset: clips per model.")] = 64,
    tag: Annotated[
        str | None, typer.Option(help="musicnn tag to compare. Default: the most telling one.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a model on fixed prompts, and write a report.

    What a composed score asks for (notes, hits, held notes, width) is measured on each player.
    Beside each figure stands that of real renders. The same command goes on where it stopped.

    With --dataset: how much of its genre a LoRA or tuned model has learned, whether it copies
    training clips, and whether the LoRA at half weight still follows the fixed prompts.
    """
    from riffkit.atomic import check_output_folder
    from riffkit.errors import ParameterError
    from riffkit.evaluation.prompts import Evaluation, eval_prompts
    from riffkit.evaluation.real import read_real_clips, reference_files
    from riffkit.html import check_report_folder

    n_prompts = (
        prompts if prompts is not None else 40 if dataset else len(eval_prompts(prompt_list))
    )
    if dataset is None:
        for name, value in (("prompt", prompt), ("tuned", tuned), ("tag", tag)):
            if value is not None:
                raise ParameterError(f"{name}={value!r}: needs --dataset; give a dataset folder")
        check_report_folder(folder)
        check_output_folder(folder)
        Loading(model=model, lora=lora, device=device).check()
        evaluation = Evaluation(
            n_prompts, seed=seed, steps=steps, guidance=guidance, prompt_list=prompt_list
        )
        if solos is not None:
            evaluation = replace(evaluation, n_solos=solos)
        if reference is not None:
            reference_files(reference)
        _judge_prompts(folder, evaluation, way, model, lora, reference, device, as_json, quiet)
        return
    for name, given in (("way", way), ("solos", solos)):
        if given is not None:
            raise ParameterError(f"{name}={given!r}: can't be combined with --dataset; remove it")
    if not lora and tuned is None:
        raise ParameterError("lora: nothing to judge; give --lora RUN or --tuned MODEL")
    if prompt is None:
        raise ParameterError("prompt: missing; give --prompt with words from the captions")
    if reference is not None:
        raise ParameterError(
            "reference: can't be combined with --dataset, whose held-out clips are the reference"
        )
    check_report_folder(folder)
    check_output_folder(folder)
    read_real_clips(dataset)
    for judged in (model, tuned or model):
        Loading(model=judged, lora=lora, device=device).check()
    asked = None
    if n_prompts:
        asked = Evaluation(
            n_prompts, seed=seed, steps=steps, guidance=guidance, prompt_list=prompt_list
        )
    options = {"steps": steps, "guidance": guidance, "seed": seed}
    judging = {"prompt": prompt, "clips": clips, "others": asked, "tag": tag, "options": options}
    _judge_tuned(folder, dataset, judging, model, tuned, lora or [], device, as_json, quiet)


def _judge_prompts(
    folder: Path,
    evaluation: Any,
    way: str | None,
    model: str,
    lora: list[str] | None,
    reference: Path | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    with loading(quiet=quiet):
        from riffkit.evaluation.reference import load_reference
        from riffkit.evaluation.report import summary, write_report
        from riffkit.evaluation.run import sounds_of
        from riffkit.evaluation.ways import judge_ways, n_steps, ways_of
        from riffkit.models.pipeline import load_pipeline

        measure = load_reference()
        sounds = None if reference is None else sounds_of(reference)
        pipeline = load_pipeline(model, device=device, loras=lora or ())
    show_notes(pipeline.notes, quiet=quiet)
    ways = ways_of(way, pipeline)
    with progress("generating and judging", n_steps(evaluation, ways), quiet=quiet) as advance:
        found = judge_ways(
            pipeline, evaluation, ways, folder, measure, sounds=sounds, advance=advance
        )
    title = f"{pipeline.name}: {evaluation.n_prompts} prompts"
    report = write_report(folder, title, found)
    of_ways = {one.way: {s.name: asdict(s) for s in one.scores} for one in found}
    facts = {"report": str(report), "scores": of_ways[ways[0]], "ways": of_ways}
    say(facts, "\n".join((*summary(found), str(report))), as_json=as_json)


def _judge_tuned(
    folder: Path,
    dataset: Path,
    judging: dict[str, Any],
    model: str,
    tuned: str | None,
    lora: list[str],
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    with stages(quiet=quiet) as begin:
        begin("loading")
        from riffkit.evaluation.tuned import Judging, judge_tuned

        judged = judge_tuned(
            folder,
            dataset,
            Judging(**judging),
            model=model,
            tuned=tuned,
            loras=lora,
            device=device,
            begin=begin,
        )
    show_notes(judged.notes, quiet=quiet)
    facts = {"report": str(judged.report), **judged.facts()}
    say(facts, "\n".join((*judged.lines(), str(judged.report))), as_json=as_json)
