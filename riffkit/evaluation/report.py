"""The report of an evaluation: report.md, and report.html with pictures and players."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from riffkit.atomic import atomic_path
from riffkit.evaluation.judge import Score
from riffkit.evaluation.prompts import EvalPrompt
from riffkit.evaluation.reading import Reading
from riffkit.html import check_report_folder, image, page, player, table

_HEAD = ("", "score", "95 % interval", "real renders", "ratio", "clips")
_NOTES = """\
Instruments, style, drums and density are detected by a probe trained on rendered music. Key and
mode come from a chroma template on the loop played twice. on_grid is the fraction of onsets within
20 ms of a sixteenth note. Diversity is the mean distance between two clips' musicnn features. The
Fréchet distance compares the same features with renders not used in training; the column of real
renders shows the distance between two parts of those. The nearest training loop is a distance
between coarse images; it is low where loops are copied."""


def summary(scores: Sequence[Score]) -> list[str]:
    """One line for each score."""
    return [
        f"{score.name}: {score.value:.3f}"
        + ("" if score.real is None else f" (real renders: {score.real:.3f})")
        for score in scores
    ]


def write_report(
    folder: Path,
    title: str,
    scores: Sequence[Score],
    prompts: Sequence[EvalPrompt],
    readings: Sequence[Reading],
    audio: Sequence[Path],
) -> Path:
    """Write both reports into the folder of the clips; the path of report.html.

    ParameterError if it has others, which would be replaced.
    """
    check_report_folder(folder)
    with atomic_path(folder / "report.html") as path:
        path.write_text(_html(title, scores, prompts, readings, audio), encoding="utf-8")
    with atomic_path(folder / "report.md") as path:
        path.write_text(_markdown(title, scores), encoding="utf-8")
    return folder / "report.html"


def _row(score: Score) -> tuple[str, ...]:
    real = "" if score.real is None else f"{score.real:.3f}"
    ratio = "" if score.ratio is None else f"{score.ratio:.2f}"
    between = f"{score.low:.3f} to {score.high:.3f}"
    return score.name, f"{score.value:.3f}", between, real, ratio, str(score.n)


def _markdown(title: str, scores: Sequence[Score]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (_HEAD, *map(_row, scores))]
    lines.insert(1, "|---" * len(_HEAD) + "|")
    return "\n".join((f"# {title}", "", *lines, "", _NOTES, ""))


def _html(
    title: str,
    scores: Sequence[Score],
    prompts: Sequence[EvalPrompt],
    readings: Sequence[Reading],
    audio: Sequence[Path],
) -> str:
    clips = "".join(
        f"<h3>{escape(prompt.text)}</h3>{image(path.with_suffix('.png').name)}<br>"
        f"{player(path.name)}<p>{_scores(reading)}</p>"
        for prompt, reading, path in zip(prompts, readings, audio, strict=True)
    )
    scored = table(_HEAD, [_row(score) for score in scores])
    return page(title, scored, f"<p>{escape(_NOTES)}</p>", clips)


def _scores(reading: Reading) -> str:
    scores = {k: v for k, v in asdict(reading.adherence).items() if v is not None}
    return ", ".join(f"{name} {value:.2g}" for name, value in scores.items())
