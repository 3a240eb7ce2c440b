"""The report of an evaluation: report.md, and report.html with pictures and players."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from riffkit.atomic import atomic_path
from riffkit.evaluation.judge import Score
from riffkit.evaluation.measures import measure_names
from riffkit.evaluation.prompts import EvalPrompt
from riffkit.evaluation.reading import Reading
from riffkit.html import check_report_folder, image, page, player, table

_HEAD = ("", "score", "95 % interval", "real renders", "after the autoencoder", "ratio", "clips")
_NOTES = """\
Instruments, style, drums and density are detected by a probe trained on rendered music. Key and
mode come from a chroma template on the loop played twice. on_grid is the fraction of onsets within
20 ms of a sixteenth note. Diversity is the mean distance between two clips' musicnn features. The
Fréchet distance compares the same features with renders not used in training; the column of real
renders shows the distance between two parts of those. The nearest training loop is a distance
between coarse images; it is low where loops are copied. Composed clips are painted player by player
after a score; "one track alone" is the fraction of instruments that are recognized when they play
alone. F1 of notes is what the bundled transcriber hears of each player, beside what it hears of a
real render of the same score; the chroma of a real render is compared with another one's. Without
a render of that score there is nothing to compare with."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One way's scores, and its clips in the prompts' order."""

    way: str
    scores: Sequence[Score]
    prompts: Sequence[EvalPrompt]
    readings: Sequence[Reading]
    audio: Sequence[Path]


def summary(ways: Sequence[Judged]) -> list[str]:
    """One line for each score, the ways' beside each other."""
    lines = []
    for name in _names(ways):
        found = {one.way: score for one in ways for score in one.scores if score.name == name}
        unit = next(f" {score.unit}" if score.unit else "" for score in found.values())
        values = [
            f"{score.value:.3f}{unit}{_real(score)}"
            if len(ways) == 1
            else f"{way} {score.value:.3f}{unit}{_real(score)}"
            for way, score in found.items()
        ]
        lines.append(f"{name}: {', '.join(values)}")
    return lines


def write_report(folder: Path, title: str, ways: Sequence[Judged]) -> Path:
    """Write both reports into the folder of the clips; the path of report.html.

    ParameterError if it has others, which would be replaced.
    """
    check_report_folder(folder)
    with atomic_path(folder / "report.html") as path:
        path.write_text(_html(folder, title, ways), encoding="utf-8")
    with atomic_path(folder / "report.md") as path:
        path.write_text(_markdown(title, ways), encoding="utf-8")
    return folder / "report.html"


def _names(ways: Sequence[Judged]) -> list[str]:
    return list(dict.fromkeys(score.name for one in ways for score in one.scores))


def _real(score: Score) -> str:
    return "" if score.real is None else f" (real renders: {score.real:.3f})"


def _row(score: Score) -> tuple[str, ...]:
    real, coded = ("" if x is None else f"{x:.3f}" for x in (score.real, score.coded))
    ratio = "" if score.ratio is None else f"{score.ratio:.2f}"
    between = f"{score.low:.3f} to {score.high:.3f}"
    name = f"{score.name}, {score.unit}" if score.unit else score.name
    return name, f"{score.value:.3f}", between, real, coded, ratio, str(score.n)


def _beside(ways: Sequence[Judged]) -> list[tuple[str, ...]]:
    """The ways' figures beside each other, by score."""
    of_ways = [{score.name: score for score in one.scores} for one in ways]
    rows = []
    for name in _names(ways):
        found = [scores.get(name) for scores in of_ways]
        values = ["" if score is None else f"{score.value:.3f}" for score in found]
        unit = next(score.unit for score in found if score is not None)
        rows.append((f"{name}, {unit}" if unit else name, *values))
    return rows


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return [lines[0], "|---" * len(head) + "|", *lines[1:], ""]


def _markdown(title: str, ways: Sequence[Judged]) -> str:
    lines = [f"# {title}", ""]
    if len(ways) > 1:
        lines += _markdown_table(("", *(one.way for one in ways)), _beside(ways))
    for one in ways:
        lines += [f"## {one.way}", ""] if len(ways) > 1 else []
        lines += _markdown_table(_HEAD, [_row(score) for score in one.scores])
    return "\n".join((*lines, _NOTES, ""))


def _html(folder: Path, title: str, ways: Sequence[Judged]) -> str:
    parts = []
    if len(ways) > 1:
        parts.append(table(("", *(one.way for one in ways)), _beside(ways)))
    for one in ways:
        parts += [f"<h2>{escape(one.way)}</h2>"] if len(ways) > 1 else []
        parts.append(table(_HEAD, [_row(score) for score in one.scores]))
    parts.append(f"<p>{escape(_NOTES)}</p>")
    return page(title, *parts, *(_clips(folder, one) for one in ways))


def _clips(folder: Path, one: Judged) -> str:
    return "".join(
        f"<h3>{escape(prompt.text)}</h3>"
        f"{image(path.with_suffix('.png').relative_to(folder).as_posix())}<br>"
        f"{player(path.relative_to(folder).as_posix())}<p>{_scores(reading)}</p>"
        for prompt, reading, path in zip(one.prompts, one.readings, one.audio, strict=True)
    )


def _scores(reading: Reading) -> str:
    names = {field: one.name for field, one in measure_names().items()}
    figures = {**asdict(reading.adherence), **asdict(reading.measures)}
    found = {k: v for k, v in figures.items() if v is not None}
    return ", ".join(f"{escape(names.get(k, k))} {value:.2g}" for k, value in found.items())
