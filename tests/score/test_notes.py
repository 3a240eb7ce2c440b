"""Scores as plain values: exactly the same again, and compact."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from riffkit.errors import ParameterError
from riffkit.provenance.recipe import Recipe
from riffkit.score import Score, Section, write_score
from riffkit.score.brief import Brief
from riffkit.score.chords import parse_chords
from riffkit.score.compose import compose
from riffkit.score.summary import summary


def test_json_gives_the_same_score() -> None:
    scores = [write_score(seed) for seed in range(20)]
    scores += [compose(Brief(beats_per_bar=beats), bars=5, seed=beats) for beats in (3, 4, 7)]
    slashed = parse_chords("C/G | N.C. | F#m7", beats_per_bar=4)
    named = replace(scores[0].tracks[0], name="Klavier")
    scores.append(replace(scores[0], chords=slashed, tracks=(named,)))
    for score in scores:
        text = json.dumps(score.to_dict())
        assert Score.from_dict(json.loads(text)) == score
        n_notes = sum(len(track.notes) for track in score.tracks)
        assert len(text) < 2_500 + 60 * n_notes + 60 * len(score.chords)


@pytest.mark.parametrize("values", [{}, {"facts": {}}, {"facts": 3, "tracks": []}])
def test_what_is_no_score_is_said(values: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="score: not readable"):
        Score.from_dict(values)


@pytest.mark.parametrize("note", [[-1, 1, 60, 90], [0, 1, 128, 90], [0, 1, 60, 0], [99, 1, 60, 90]])
def test_notes_that_cannot_be_are_refused(note: list[float]) -> None:
    values = write_score(1).to_dict()
    values["tracks"][0]["notes"].append(note)
    with pytest.raises(ParameterError, match="score: not readable"):
        Score.from_dict(values)


@pytest.mark.parametrize(
    ("names", "form"),
    [((), "A"), ("AABA", "AABA"), (("intro", "verse", "chorus", "verse"), "ABCB")],
)
def test_the_form_has_a_letter_for_each_section(names: tuple[str, ...], form: str) -> None:
    sections = tuple(Section(name, 8.0 * k, 8.0) for k, name in enumerate(names))
    assert replace(write_score(1), sections=sections).form == form


def test_composed_sections_are_the_phrases() -> None:
    score = compose(Brief(beats_per_bar=3), bars=5, seed=1)
    assert score.sections == (
        Section("A", 0.0, 6.0),
        Section("A", 6.0, 6.0),
        Section("B", 12.0, 3.0),
    )


def test_a_recipe_holds_the_score_and_compares_it() -> None:
    plain = Recipe("generate", {"prompt": "funk"})
    assert "score" not in plain.to_dict()
    one, other = (replace(plain, score=write_score(seed).to_dict()) for seed in (1, 2))
    assert Recipe.from_json(one.to_json()) == one
    assert one.same_music(replace(one, threads=3))
    assert not one.same_music(other) and not one.same_music(plain)
    assert one.score is not None and Score.from_dict(one.score) == write_score(1)


def test_a_summary_spells_chords_in_the_key_and_joins_what_is_the_same() -> None:
    score = write_score(1)
    flat = replace(score.facts, key="Eb", mode="minor", beats_per_bar=4, n_beats=16)
    chords = parse_chords("D#m D#m | C#m G# | G# | B", beats_per_bar=4)
    found = summary(replace(score, facts=flat, chords=chords))
    assert found["chords"] == "Ebm | Dbm Ab | Ab | B"
    sharp = replace(flat, key="E", mode="major")
    assert summary(replace(score, facts=sharp, chords=chords))["chords"] == "D#m | C#m G# | G# | B"
