"""The report of a check: check.json, and check.html with pictures and players."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from riffkit.atomic import atomic_path
from riffkit.dataset.check import Check
from riffkit.dataset.formats import ClipRecord, write_json
from riffkit.html import bullets, figure, histogram, page, table
from riffkit.limits import bpm_text

JSON_NAME, HTML_NAME = "check.json", "check.html"
_N_SHOWN, _N_NAMED = 48, 5


def write_report(out: Path, check: Check) -> tuple[Path, dict[str, Any]]:
    """Write both into the dataset's folder; the path of check.html, and what check.json says."""
    facts = check.facts()
    write_json(out / JSON_NAME, facts)
    with atomic_path(out / HTML_NAME) as path:
        path.write_text(_html(out, check, facts), encoding="utf-8")
    return out / HTML_NAME, facts


def problem_lines(facts: dict[str, Any]) -> list[str]:
    """One line for each kind of problem, with the first clips that have it."""
    lines = []
    for problem in facts["problems"]:
        named = [_named(one) for one in problem["findings"][:_N_NAMED]]
        if problem["n"] > _N_NAMED:
            named.append(f"and {problem['n'] - _N_NAMED} more")
        lines.append(f"{problem['kind']}: {problem['n']} × {problem['what']}: {'; '.join(named)}")
    return lines


def _named(one: dict[str, Any]) -> str:
    clips, detail = one["clips"], one["detail"]
    names = " = ".join(clips[:3]) + (f" = {len(clips) - 3} more" if len(clips) > 3 else "")
    return f"{names} ({detail})" if names and detail else names or detail


def _html(out: Path, check: Check, facts: dict[str, Any]) -> str:
    problems = problem_lines(facts)
    by_name = {record.file_name: record for record in check.records}
    wrong = [name for one in check.findings for name in one.clips if name in by_name]
    listed = "<p>None.</p>" if not problems else bullets(problems)
    return page(
        f"Dataset {out.resolve().name}",
        f"<h2>Problems</h2>{listed}",
        f"<h2>Clips</h2>{_splits(facts)}",
        f"<h2>Tempo, BPM</h2>{histogram(facts['tempo_bpm'])}",
        f"<h2>Key</h2>{histogram(facts['keys'])}",
        f"<h2>Loudness, LUFS</h2>{histogram(_loudness(check))}",
        f"<h2>Captions that most clips share</h2>{_captions(facts['captions_most_used'])}",
        f"<h2>Captions most alike</h2>{_captions(facts['captions_most_alike'])}",
        _figures("Clips with problems", check, [by_name[n] for n in dict.fromkeys(wrong)]),
        *(_figures(f"{split} clips", check, _spread(check, split)) for split in facts["splits"]),
    )


def _splits(facts: dict[str, Any]) -> str:
    head = ("", "clips", "hours", "sources", "median LUFS", "highest true peak, dBFS")
    rows = [
        (split, *("" if value is None else f"{value:g}" for value in own.values()))
        for split, own in facts["splits"].items()
    ]
    return table(head, rows)


def _loudness(check: Check) -> dict[str, int]:
    levels = [one.loudness_lufs for one in check.heard.values() if np.isfinite(one.loudness_lufs)]
    if not levels:
        return {}
    whole = np.round(levels).astype(int)
    return {str(level): int((whole == level).sum()) for level in range(min(whole), max(whole) + 1)}


def _captions(rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return "<p>None.</p>"
    head = ("caption", "clips") if len(rows[0]) == 2 else ("alike", "caption", "caption")
    return table(head, [[str(cell) for cell in row] for row in rows])


def _spread(check: Check, split: str) -> list[ClipRecord]:
    """Some clips of a split, from its beginning to its end."""
    own = [record for record in check.records if record.split == split]
    return own[:: -(-len(own) // _N_SHOWN) or 1]


def _figures(title: str, check: Check, records: Sequence[ClipRecord]) -> str:
    if not records:
        return ""
    shown = "".join(_figure(check, record) for record in records[:_N_SHOWN])
    return f"<h2>{title}</h2>{shown}"


def _figure(check: Check, record: ClipRecord) -> str:
    seen = check.seen.get(record.shard_key)
    picture = "" if seen is None else f"data:image/jpeg;base64,{b64encode(seen.thumbnail).decode()}"
    known = [f"{bpm_text(record.bpm)} BPM" if record.bpm else "", record.key or ""]
    known += [one.kind for one in check.findings if record.file_name in one.clips]
    lines = [record.text, ", ".join(dict.fromkeys(filter(None, known)))]
    return figure(record.file_name, picture, record.file_name, lines)
