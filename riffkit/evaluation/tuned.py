"""Judges a LoRA or a tuned model beside the music it learned from: `riff eval --dataset`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from riffkit.evaluation import genre
from riffkit.evaluation.kept import Kept, at_half_weight, kept
from riffkit.evaluation.prompts import Evaluation
from riffkit.evaluation.real import genre_requests, read_real_clips
from riffkit.evaluation.run import make_clips, read_clips
from riffkit.html import check_report_folder
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.progress import Begin, silent

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Judging:
    """What to judge by: clips of `prompt` by the model with and without what it learned.

    `others` are prompts of anything else, for what the model still knows; None for none. `tag` is
    the musicnn tag to compare, by default the most telling one.
    """

    prompt: str
    clips: int = 64
    others: Evaluation | None = None
    tag: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """`steps`, `guidance` and `seed` of the clips."""


@dataclass(frozen=True)
class Judged:
    """The scores, where their report lies, and notes on the models."""

    scores: genre.GenreScores
    kept: Kept | None
    report: Path
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The scores as lines of text."""
        return [*self.scores.lines(), *(self.kept.lines() if self.kept else ())]

    def facts(self) -> dict[str, Any]:
        """The scores as plain values."""
        return {**asdict(self.scores), "kept": asdict(self.kept) if self.kept else None}


def judge_tuned(
    folder: Path,
    dataset: Path,
    judging: Judging,
    *,
    model: str,
    tuned: str | None = None,
    loras: Sequence[str] = (),
    device: str = "auto",
    begin: Begin = silent,
) -> Judged:
    """Make clips with `model` and with its `loras` (or the `tuned` model), and compare them.

    They lie in `folder`: base/, tuned/, kept/ and report.html; those that exist are kept.
    ParameterError if the dataset has too few clips, or the folder clips of another model or
    another's report.
    """
    check_report_folder(folder)
    genre.check_tag(judging.tag)
    real = read_real_clips(dataset)
    requests = genre_requests(judging.prompt, real, judging.clips, **judging.options)
    begin("loading the models")
    models = {
        "base": load_pipeline(model, device=device),
        "tuned": load_pipeline(tuned or model, device=device, loras=loras),
    }
    notes = dict.fromkeys(note for pipeline in models.values() for note in pipeline.notes)
    heard = {}
    for name, pipeline in models.items():
        which = "before" if name == "base" else "after"
        clips = genre.make_genre_clips(pipeline, requests, folder / name)
        paths = list(_told(clips, f"painting as {which} the training", judging.clips, begin))
        heard[name] = genre.hear_made(_told(paths, "listening to them", len(paths), begin))
    for split in ("train", "test"):
        chosen = [clip for clip in real if clip.split == split]
        told = _told(chosen, f"listening to the {split} clips", len(chosen), begin)
        heard[split] = genre.hear_real(told, models["tuned"].params)
    followed = None
    if judging.others is not None:
        if loras:
            half = at_half_weight(loras)
            models["tuned"] = load_pipeline(tuned or model, device=device, loras=half)
        followed = _followed(models, judging.others, folder / "kept", begin)
    scores = genre.judge_genre(
        heard["base"], heard["tuned"], heard["train"], heard["test"], tag=judging.tag
    )
    lines = [*scores.lines(), *(followed.lines() if followed else ())]
    report = genre.write_genre_report(folder, judging.prompt, lines)
    return Judged(scores, followed, report, tuple(notes))


def _followed(models: dict[str, Pipeline], others: Evaluation, folder: Path, begin: Begin) -> Kept:
    """How well both models follow other prompts."""
    readings = {}
    for name, pipeline in models.items():
        clips = make_clips(pipeline, others, folder / name)
        for _ in _told(clips, f"other prompts, {name}", others.n_prompts, begin):
            pass
        readings[name] = list(read_clips(others, folder / name))
    return kept(readings["base"], readings["tuned"])


def _told(items: Iterable[_Item], what: str, total: int, begin: Begin) -> Iterator[_Item]:
    """The items, each told once it has been used."""
    advance = begin(what, total)
    for item in items:
        yield item
        advance()
