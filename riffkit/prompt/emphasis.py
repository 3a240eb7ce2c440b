"""Weights in prompts, in Stable Diffusion's usual syntax.

    (word)      a tenth more            [word]    a tenth less: divided by 1.1
    (word:1.3)  so much                 ((word))  nested brackets multiply
    \\(live\\)    brackets that are meant as such

A bracket without its partner is text too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from riffkit.errors import ParameterError

STEP = 1.1
MOST = 5.0
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_TOKENS = re.compile(
    rf"\\(?P<escaped>[\\()\[\]])|(?P<open>[(\[])|(?::\s*(?P<weight>{_NUMBER})\s*)?(?P<close>\))"
    r"|(?P<less>\])|(?P<text>\\|:|[^\\()\[\]:]+)"
)
_PARTNER = {")": "(", "]": "["}


@dataclass(frozen=True)
class Emphasis:
    """A prompt's words without their brackets, in parts, each with its weight."""

    parts: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether all weights are 1."""
        return all(weight == 1 for _, weight in self.parts)

    @property
    def weights(self) -> Iterator[tuple[str, float]]:
        """The parts with a weight other than 1."""
        return ((text, weight) for text, weight in self.parts if weight != 1)

    @classmethod
    def of(cls, letters: Iterable[tuple[str, float]]) -> Emphasis:
        """Build it from texts with weights, joining neighbors of equal weight."""
        runs = groupby(letters, lambda letter: letter[1])
        parts = (("".join(text for text, _ in run), weight) for weight, run in runs)
        return cls(tuple(part for part in parts if part[0]))


def parse_emphasis(prompt: str) -> Emphasis:
    """The prompt's parts and their weights; any text is valid."""
    return _parse(prompt)[0]


def unclosed_bracket(prompt: str) -> str:
    """The first opening bracket without a partner, and the word behind it; "" if there is none."""
    begun = _parse(prompt)[1]
    match = None if begun is None else re.compile(r"[(\[\s]+[^\s,;()\[\]]*").match(prompt, begun)
    return "" if match is None else match[0]


def _parse(prompt: str) -> tuple[Emphasis, int | None]:
    """The parts with their weights, and where the first bracket is that isn't closed."""
    parts: list[tuple[str, float]] = []
    opened: dict[str, list[tuple[int, int]]] = {"(": [], "[": []}
    for token in _TOKENS.finditer(prompt):
        bracket = token["close"] or token["less"]
        if bracket and opened[_PARTNER[bracket]]:
            begin, _ = opened[_PARTNER[bracket]].pop()
            factor = 1 / STEP if bracket == "]" else float(token["weight"] or STEP)
            parts[begin:] = [("", 1.0), *((t, w * factor) for t, w in parts[begin + 1 :])]
            continue
        if token["open"]:
            opened[token["open"]].append((len(parts), token.start()))
        parts.append((token["escaped"] or token[0], 1.0))
    unclosed = [place for of_kind in opened.values() for _, place in of_kind]
    return Emphasis.of(parts), min(unclosed, default=None)


def plain_words(prompt: str) -> str:
    """The prompt without weights and their brackets."""
    return parse_emphasis(prompt).text


def as_text(words: str) -> str:
    """The prompt with these plain words, with brackets escaped."""
    return re.sub(r"[\\()\[\]]", r"\\\g<0>", words)


def check_emphasis(prompt: str) -> None:
    """Raise ParameterError for weights out of range."""
    for text, weight in parse_emphasis(prompt).weights:
        if not 0 <= weight <= MOST:
            raise ParameterError(
                f"prompt={prompt!r}: the weight of {text!r} is {weight:g}; it must be "
                rf"between 0 and {MOST:g} (write \( and \) for literal brackets)"
            )


def check_prompt(prompt: str) -> None:
    """Raise ParameterError for an empty prompt, or weights out of range."""
    if not plain_words(prompt).strip():
        raise ParameterError(
            f"prompt={prompt!r}: must not be empty; describe the music, e.g. 'lo-fi piano'"
        )
    check_emphasis(prompt)
