"""The pieces of reports: pages of one file, with tables, histograms, pictures and players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from riffkit.errors import ParameterError

_STYLE = """\
body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}td,th{padding:.2em .8em}
figure{display:inline-block;margin:.5em;width:18em;vertical-align:top}figcaption{font-size:.8em}
figure img{width:100%}figure audio{width:100%}svg text{font:11px sans-serif}"""
_MARK = "<meta name='generator' content='riffkit'>"
_BAR, _GAP, _HEIGHT, _LABEL = 22, 4, 90, 60  # pixels


def check_report_folder(folder: Path) -> None:
    """Raise ParameterError if the folder has a report that riffkit didn't write."""
    report = folder / "report.html"
    try:
        is_ours = _MARK in report.read_text(encoding="utf-8", errors="replace")
    except OSError:
        is_ours = False
    for path in (report, folder / "report.md"):
        if path.exists() and not is_ours:
            raise ParameterError(
                f"folder={str(folder)!r}: contains a {path.name} that isn't riffkit's; choose "
                "another folder"
            )


def page(title: str, *parts: str) -> str:
    """A whole document of a heading and parts that are HTML."""
    return (
        f"<!doctype html><meta charset='utf-8'>{_MARK}<title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells of text under a head of text."""

    def cells(row: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"

    return f"<table>{cells(head, 'th')}{''.join(cells(row, 'td') for row in rows)}</table>"


def bullets(lines: Sequence[str]) -> str:
    """A list of lines of text."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def image(source: str) -> str:
    """A picture: a path from the page, or a data URL."""
    return f"<img src='{_link(source)}' loading='lazy' alt='spectrogram'>"


def player(path: str) -> str:
    """Controls that play an audio file, by its path from the page, round and round."""
    return f"<audio controls loop preload='none' src='{_link(path)}'></audio>"


def _link(target: str) -> str:
    return target if target.startswith("data:") else quote(target)


def figure(title: str, picture: str, sound: str, lines: Sequence[str] = ()) -> str:
    """A clip: its picture ("" for none), a player and lines of text."""
    caption = "".join(f"<br>{escape(line)}" for line in lines)
    shown = image(picture) if picture else ""
    return (
        f"<figure>{shown}{player(sound)}<figcaption><b>{escape(title)}</b>{caption}</figcaption>"
        "</figure>"
    )


def histogram(counts: Mapping[str, int]) -> str:
    """A bar for each name in the order given, as high as its share of the greatest count."""
    most = max([1, *counts.values()])
    step = _BAR + _GAP
    bars = []
    for place, (name, count) in enumerate(counts.items()):
        height = _HEIGHT * count / most
        left, top = place * step, 14 + _HEIGHT - height
        middle, below = left + _BAR / 2, 14 + _HEIGHT + 8
        bars.append(
            f"<rect x='{left}' y='{top:.1f}' width='{_BAR}' height='{height:.1f}' fill='#456'/>"
            f"<text x='{middle}' y='{top - 3:.1f}' text-anchor='middle'>{count or ''}</text>"
            f"<text transform='translate({middle + 4} {below}) rotate(90)'>{escape(name)}</text>"
        )
    width, height = max(step * len(counts), step), 14 + _HEIGHT + _LABEL
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}'>{''.join(bars)}</svg>"
    )
