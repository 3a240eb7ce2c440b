"""What people write is understood: prompts in everyday words, labeled by hand.

`python -m tests.score.test_everyday` prints the table, and with `--misses 1` what is misread.

A label says what the words say; null leaves it open. Of a list of styles any will do. "a|b" is
either instrument, "?a" may play or not, "any guitar" is any of them. Tempo is a range, or a word.
The halves were drawn before anything was measured; words were added for the first half only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, model_traits
from riffkit.music.understanding import brief_of_prompt, reading_of
from riffkit.prompt.key import named_key
from riffkit.prompt.prompt import read_prompt
from riffkit.score.brief import Brief
from riffkit.score.harmony import key_names
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.styles import STYLES

PROMPTS = Path(__file__).with_name("everyday.jsonl")
TRAITS = model_traits(bundled_models()[BUNDLED_DEFAULT])
FACTS = ("style", "instruments", "drums", "tempo", "key", "beats_per_bar")
_GUITARS = {name for name in INSTRUMENTS if name.endswith("guitar")} - {"bass guitar"}
_FAMILIES = {
    "any": set(INSTRUMENTS),
    "any guitar": _GUITARS,
    "any electric guitar": _GUITARS - {"acoustic guitar"},
    "any bass": {name for name in INSTRUMENTS if "bass" in name},
    "any synth": {name for name in INSTRUMENTS if name.startswith("synth")} | {"square lead"},
    "any keys": {"piano", "electric piano", "organ", "clavinet", "synth lead", "synth pad"},
}
_USUAL_BPM = 100


def prompts(half: int) -> list[dict[str, Any]]:
    rows = map(json.loads, PROMPTS.read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["half"] == half]


def read(text: str) -> Brief:
    return brief_of_prompt(read_prompt(text, TRAITS), TRAITS)


def usual_bpm(text: str) -> float | None:
    """The tempo of the genre that a text names, where it isn't its style's."""
    return reading_of(read_prompt(text, TRAITS)).usual_bpm


def hits(row: dict[str, Any], brief: Brief) -> Iterator[tuple[str, bool]]:
    """Whether each fact that the label names is read as it says."""
    styles = row["style"] if isinstance(row["style"], list) else [row["style"]]
    if styles != [None]:
        yield "style", brief.style in styles
    if row["instruments"]:
        yield "instruments", _plays(row["instruments"], list(brief.instruments))
    if row["drums"] is not None:
        yield "drums", _drums(row["drums"], brief)
    if row["tempo"] is not None:
        yield "tempo", _in_tempo(row["tempo"], brief)
    if row["key"] is not None:
        yield "key", _in_key(row["key"], brief)
    if row["beats_per_bar"] is not None:
        style = STYLES.get(brief.style or "pop", STYLES["pop"])
        beats = brief.beats_per_bar or style.beats_per_bar[0]
        yield "beats_per_bar", beats == row["beats_per_bar"]


def false_calls(row: dict[str, Any], brief: Brief) -> Iterator[tuple[str, bool]]:
    """Of the facts that the label leaves open, whether each is named all the same."""
    if row["style"] is None:
        yield "style", brief.style is not None
    if not row["instruments"]:
        yield "instruments", bool(brief.instruments)
    if row["drums"] is None:
        yield "drums", brief.drums is True
    if row["tempo"] is None:
        usual = {STYLES[brief.style].default_bpm if brief.style else None, usual_bpm(row["text"])}
        yield "tempo", brief.bpm is not None and brief.bpm not in usual
    if row["key"] is None:
        yield "key", brief.tonic is not None
    if row["beats_per_bar"] is None:
        yield "beats_per_bar", brief.beats_per_bar not in (None, 4)


def _plays(labels: list[str], heard: list[str]) -> bool:
    """Whether each label has an instrument of its own, and no other is heard."""
    if not labels:
        return not heard
    first, rest = labels[0], labels[1:]
    able = {n for one in first.removeprefix("?").split("|") for n in _FAMILIES.get(one, {one})}
    if any(_plays(rest, [h for h in heard if h != name]) for name in able.intersection(heard)):
        return True
    return first.startswith("?") and _plays(rest, heard)


def _drums(label: bool | str, brief: Brief) -> bool:
    return brief.only_drums if label == "only" else brief.drums is label


def _in_tempo(label: str | list[float], brief: Brief) -> bool:
    usual = STYLES[brief.style].default_bpm if brief.style else _USUAL_BPM
    if label == "slow":
        return brief.bpm is not None and (brief.bpm <= 0.9 * usual or brief.bpm <= 84)
    if label == "fast":
        return brief.bpm is not None and (brief.bpm >= 1.1 * usual or brief.bpm >= 140)
    return brief.bpm is not None and label[0] <= brief.bpm <= label[1]


def _in_key(label: str, brief: Brief) -> bool:
    key = named_key(f"in {label}")
    tonic, mode = (None, label) if key is None else (key.tonic, key.mode)
    return brief.tonic == tonic and (not mode or brief.mode == mode)


def table(half: int) -> dict[str, tuple[float, int, float, int]]:
    """By fact: the share read as labeled, of how many, and the share called where none is."""
    right: dict[str, list[bool]] = {fact: [] for fact in FACTS}
    wrong: dict[str, list[bool]] = {fact: [] for fact in FACTS}
    for row in prompts(half):
        brief = read(row["text"])
        for fact, hit in hits(row, brief):
            right[fact].append(hit)
        for fact, called in false_calls(row, brief):
            wrong[fact].append(called)
    return {
        fact: (
            sum(right[fact]) / len(right[fact]),
            len(right[fact]),
            sum(wrong[fact]) / max(1, len(wrong[fact])),
            len(wrong[fact]),
        )
        for fact in FACTS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--misses", type=int, metavar="HALF", help="print what is misread")
    parser.add_argument("--half", type=int, action="append", help="1 or 2; both by default")
    arguments = parser.parse_args()
    for half in arguments.half or (1, 2):
        print(f"half {half}: as labeled, and named where the label leaves it open")
        for fact, (share, n, called, n_open) in table(half).items():
            print(f"  {fact:14} {share:6.1%} of {n:3}   {called:6.1%} of {n_open:3}")
    for row in prompts(arguments.misses) if arguments.misses else ():
        brief = read(row["text"])
        missed = [fact for fact, hit in hits(row, brief) if not hit]
        called = [f"{fact}?" for fact, is_called in false_calls(row, brief) if is_called]
        if missed or called:
            print(f"{', '.join([*missed, *called])}: {row['text']}")
            print(f"   label {[row[fact] for fact in FACTS]}")
            tonic = None if brief.tonic is None else key_names(brief.mode or "major")[brief.tonic]
            print(
                f"   read  {brief.style}, {brief.instruments}, {brief.drums} {brief.only_drums}",
                end="",
            )
            print(f", {brief.bpm}, {tonic} {brief.mode}, {brief.beats_per_bar}")


if __name__ == "__main__":
    main()
