"""Weights in prompts: how they are written."""

from __future__ import annotations

import pytest

from riffkit.errors import ParameterError
from riffkit.prompt.emphasis import (
    as_text,
    check_emphasis,
    parse_emphasis,
    plain_words,
    unclosed_bracket,
)


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("lo-fi piano", [("lo-fi piano", 1)]),
        ("(piano:1.4), drums", [("piano", 1.4), (", drums", 1)]),
        ("a (b) [c] d", [("a ", 1), ("b", 1.1), (" ", 1), ("c", 1 / 1.1), (" d", 1)]),
        ("((x)) (a (b:2) c:0.5)", [("x", 1.21), (" ", 1), ("a ", 0.5), ("b", 1), (" c", 0.5)]),
        (r"\(live\) [set\]]", [("(live) ", 1), ("set]", 1 / 1.1)]),
        ("(off: .5 )", [("off", 0.5)]),
        # what has no partner is text, and so is what is no weight
        ("piano :) (loud", [("piano :) (loud", 1)]),
        ("[[a]", [("[", 1), ("a", 1 / 1.1)]),
        ("(4:4 time)", [("4:4 time", 1.1)]),
        (r"back\slash", [(r"back\slash", 1)]),
    ],
)
def test_brackets_are_weights(prompt: str, parts: list[tuple[str, float]]) -> None:
    found = parse_emphasis(prompt).parts
    assert [text for text, _ in found] == [text for text, _ in parts]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in parts])


@pytest.mark.parametrize(
    ("prompt", "bracket"),
    [
        ("(piano:1.3, drums", "(piano:1.3"),
        ("drums, [organ", "[organ"),
        ("((piano), drums", "((piano"),
        ("[[a]", "[[a"),
        ("(piano) (drums:1.2", "(drums:1.2"),
        ("(piano:1.3), [drums]", ""),
        ("piano :) 8)", ""),
        (r"piano \(live", ""),
        ("piano (", "("),
    ],
)
def test_a_bracket_that_is_not_closed_is_found(prompt: str, bracket: str) -> None:
    assert unclosed_bracket(prompt) == bracket


@pytest.mark.parametrize("caption", ["piano (live)", "a [b] (c:2)", r"\(x\) \\", "no brackets"])
def test_captions_stand_as_they_are(caption: str) -> None:
    assert plain_words(as_text(caption)) == caption
    assert parse_emphasis(as_text(caption)).is_plain


@pytest.mark.parametrize("prompt", ["(piano:140)", "(a:-1)", "(((a:2):2):2)"])
def test_weights_that_nobody_means_are_refused(prompt: str) -> None:
    with pytest.raises(ParameterError, match=r"weight of .* must be between 0 and 5"):
        check_emphasis(prompt)
    check_emphasis("(piano:0) (drums:5)")
