"""The report of a genre: what was measured, the command to use it, and what it sounds like."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from riffkit.atomic import atomic_path
from riffkit.genre.plan import DATASET, LORA, REPORT, GenrePlan
from riffkit.html import bullets, figure, page
from riffkit.training.plan import SAMPLES

_N_PAIRS = 6


def write_report(plan: GenrePlan, usage: str, lines: Sequence[str], notes: Sequence[str]) -> Path:
    """report.html in the genre's folder; its path."""
    folder = plan.output
    judged = [plan.judged / name for name in ("base", "tuned")]
    before, after = (sorted(one.glob("*.flac"))[:_N_PAIRS] for one in judged)
    pairs = [path for pair in zip(before, after, strict=False) for path in pair]
    parts = [
        f"<p>Use it:</p><pre>{escape(usage)}</pre>",
        bullets([*lines, *notes]),
        f"<p>The clips it learned from: {escape(str(Path(DATASET)))}/</p>",
        "<h2>While it learned</h2>",
        *(_shown(path, folder) for path in sorted((folder / LORA / SAMPLES).glob("*.wav"))),
    ]
    if pairs:
        parts += ["<h2>Before and after</h2>", *(_shown(path, folder) for path in pairs)]
    with atomic_path(folder / REPORT) as path:
        text = page(f"{plan.name}: a LoRA for {plan.settings.model}", *parts)
        path.write_text(text, encoding="utf-8")
    return folder / REPORT


def _shown(path: Path, folder: Path) -> str:
    place = path.relative_to(folder)
    when = {"base": "before", "tuned": "after"}.get(path.parent.name)
    images = int(path.stem.split("-")[0])
    title = f"after {images:,} images" if when is None else f"{when}, {path.stem}"
    return figure(title, place.with_suffix(".png").as_posix(), place.as_posix())
