"""`riff train genre`: a folder of songs becomes a LoRA, and a report of what it learned."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riffkit.atomic import output_error
from riffkit.dataset.build import Built, build_dataset
from riffkit.dataset.caption import STYLE_TAGS
from riffkit.dataset.formats import ClipRecord, dataset_fingerprint, write_json
from riffkit.errors import ParameterError
from riffkit.evaluation.prompts import Evaluation
from riffkit.evaluation.tuned import Judging, judge_tuned
from riffkit.genre.plan import DATASET, INFO, LORA, MIN_CLIPS, REPORT, GenrePlan, plan_genre
from riffkit.genre.report import write_report
from riffkit.progress import Begin, silent
from riffkit.prompt.emphasis import as_text
from riffkit.prompt.prompt import contains
from riffkit.training.settings import LoraSettings
from riffkit.training.tuning_run import result_of, tune

_JUDGING_STEPS, _MOST_OTHERS = 12, 40
"""Denoising steps of the judged clips, and other prompts: those of docs/genre.md's figures."""


@dataclass(frozen=True)
class Genre:
    """A trained genre: the LoRA's file, the report, how to use it, and the figures in words.

    `scores` are the judges' figures, None where nothing was judged; `notes` say why.
    """

    name: str
    lora: Path
    report: Path
    prompt: str
    usage: str
    lines: tuple[str, ...]
    scores: dict[str, Any] | None
    notes: tuple[str, ...] = ()


def in_python(prompt: str, lora: Path) -> str:
    """How a program plays the LoRA."""
    return f"riffkit.load(loras=[{str(lora)!r}]).generate({prompt!r})"


def train_genre(
    name: str,
    songs: str | Path,
    output: str | Path | None = None,
    settings: LoraSettings = LoraSettings(),  # noqa: B008 (frozen)
    *,
    clips: int = 64,
    workers: int | None = None,
    usage: Callable[[str, Path], str] = in_python,
    begin: Begin = silent,
) -> Genre:
    """Turn a folder of songs into a LoRA: build a dataset, train, judge; run it again to resume.

    Args:
        name: word for the genre, 2 to 40 letters; it starts every caption and your prompts.
        songs: folder of audio files, two or more, with or without subfolders.
        output: folder for everything that is made; by default, one called after `name`.
        settings: model, number of images, device and so on; by default the recommended recipe.
        clips: clips to make before and after the training to judge it by, 4 or more; 0 for none.
        workers: number of processes that cut the songs; None for one per core.
        usage: how to play a prompt with the LoRA's folder, in words for the report; by default,
            in Python.
        begin: called with the name and the number of steps of each stage; returns a callback that
            is called after each step.

    Returns:
        The LoRA's file, the report, what was measured, and a prompt.

    Raises:
        ParameterError: no usable audio in `songs`, or `output` holds something else.
        ModelError: the model can't be loaded.
        OutputError: `output` can't be written. Finished work is kept.

    Example:
        genre = riffkit.train_genre("mygenre", "songs")
        riffkit.load(loras=[genre.lora]).generate(genre.prompt).save("mine.wav")
    """
    plan = plan_genre(
        name, Path(songs), None if output is None else Path(output), settings, clips=clips
    )
    try:
        plan.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(plan.output, error) from error
    info = _read_info(plan.output)
    if not info:
        write_json(plan.output / INFO, {"name": plan.name})
    try:
        built = _build(plan, workers, begin)
    except ParameterError:
        if plan.is_new:
            shutil.rmtree(plan.output, ignore_errors=True)
        raise
    prompt = prompt_of(plan.name, built.records)
    data, run = plan.output / DATASET, plan.output / LORA
    samples = settings.sample_prompts or (prompt, as_text(built.records[0].text))
    asked = LoraSettings(**{**settings.model_dump(), "sample_prompts": samples})
    wanted = {
        "dataset": dataset_fingerprint(data),
        "settings": json.loads(asked.model_dump_json()),
        "clips": plan.clips,
    }
    report = plan.output / REPORT
    lora = result_of(run, asked)
    if info.get("made") == wanted and report.exists() and lora.exists():
        lines, scores, notes = info["lines"], info["scores"], [f"{plan.output} is up to date"]
    else:
        for _ in tune(data, run, asked, begin=begin):
            pass
        lines, scores, notes = _judged(plan, built, prompt, begin)
        lines = [_summary(built), f"trained on {asked.images:,} images", *lines]
        write_report(plan, usage(prompt, run), lines, notes)
        made = {"made": wanted, "lines": lines, "scores": scores}
        write_json(plan.output / INFO, {"name": plan.name, "prompt": prompt, **made})
    return Genre(
        plan.name,
        lora,
        report,
        prompt,
        usage(prompt, run),
        tuple(lines),
        scores,
        (*built.notes, *notes),
    )


def _build(plan: GenrePlan, workers: int | None, begin: Begin) -> Built:
    return build_dataset(
        plan.songs,
        plan.output / DATASET,
        replace(plan.build_request(), workers=workers),
        without=plan.output,
        begin=lambda n: begin("listening to the songs", n),
    )


def prompt_of(name: str, records: Sequence[ClipRecord]) -> str:
    """The name, with the style that most captions mention after it if it is another word."""
    texts = [record.text.removeprefix(name) for record in records]
    counts = Counter(tag for text in texts for tag in STYLE_TAGS if contains(text, [tag]))
    if not counts:
        return name
    style, n = counts.most_common(1)[0]
    return name if contains(name, [style]) or 2 * n < len(records) else f"{name} {style}"


def _judged(
    plan: GenrePlan, built: Built, prompt: str, begin: Begin
) -> tuple[list[str], dict[str, Any] | None, list[str]]:
    """The judges' words and figures, or a note why there are none."""
    if not plan.clips:
        return [], None, []
    fewest = min(len(built.clips(split)) for split in ("train", "test"))
    if fewest < MIN_CLIPS:
        return [], None, ["not judged: too little music can be held out; give more songs"]
    judging = Judging(
        prompt,
        plan.clips,
        Evaluation(min(plan.clips, _MOST_OTHERS), steps=_JUDGING_STEPS),
        options={"steps": _JUDGING_STEPS},
    )
    judged = judge_tuned(
        plan.judged,
        plan.output / DATASET,
        judging,
        model=plan.settings.model,
        loras=[str(plan.output / LORA)],
        device=plan.settings.device,
        begin=begin,
    )
    plain = json.loads(json.dumps(judged.facts()))  # as a later call reads them
    return judged.lines(), plain, list(judged.notes)


def _summary(built: Built) -> str:
    seconds = sum(record.seconds for record in built.records)
    n_train, n_test = len(built.clips("train")), len(built.clips("test"))
    return (
        f"{len({record.source for record in built.records})} songs, {seconds / 60:.1f} minutes in "
        f"{len(built.records):,} clips, {n_train:,} for training and {n_test:,} held out"
    )


def _read_info(output: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((output / INFO).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"output={str(output)!r}: its {INFO} is damaged; choose another folder"
        ) from error
