"""Captions say many things in many ways, and nothing false."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from riffkit.score import STYLES, ScoreFacts, captions, write_score
from riffkit.score.caption_words import DENSITY_WORDS, FAST_WORDS, INSTRUMENT_WORDS, SLOW_WORDS
from riffkit.score.instruments import INSTRUMENTS

_NO_DRUMS = re.compile(
    r"\b(no|without) (drums|beat|percussion|drum kit)\b|\bdrumless\b|\bwithout a drum kit\b"
)
_DRUMS = re.compile(r"\b(drums?|beats?|percussion|brushes)\b")
_MELODIC_WORDS = {
    word: {name for name in INSTRUMENTS if name == word or word in INSTRUMENT_WORDS.get(name, ())}
    for word in {w for ws in INSTRUMENT_WORDS.values() for w in ws} | set(INSTRUMENTS)
}


@pytest.fixture(scope="module")
def captioned() -> list[tuple[ScoreFacts, list[str]]]:
    scores = (write_score(seed) for seed in range(500))
    return [(s.facts, captions(s.facts, 6, 1)) for s in scores]


def _lower(text: str) -> str:
    return text.lower().rstrip(".")


def test_drums_are_never_promised_or_denied_falsely(captioned):
    for facts, texts in captioned:
        for text in map(_lower, texts):
            denied = _NO_DRUMS.search(text)
            claimed = _DRUMS.search(
                _NO_DRUMS.sub("", text)
                .replace("steel drums", "")
                .replace("drum and bass", "")
                .replace("drum & bass", "")
                .replace("drum n bass", "")
            )
            assert not (denied and facts.drums), (facts, text)
            assert not (claimed and not facts.drums), (facts, text)


def test_tempo_is_the_tempo(captioned):
    said = 0
    for facts, texts in captioned:
        for text in map(_lower, texts):
            for number in re.findall(r"(\d+(?:\.\d+)?) bpm", text):
                said += 1
                assert float(number) == facts.bpm
            words = set(re.split(r"[ ,]+", text))
            assert not (words & {"slow", "downtempo"} - _style_words(facts)) or facts.bpm <= 84
            assert not (words & {"fast", "uptempo", "quick"}) or facts.bpm >= 140
    assert 0.3 < said / sum(len(t) for _, t in captioned) < 0.6


def _style_words(facts: ScoreFacts) -> set[str]:
    return {w for name in STYLES[facts.style].words for w in name.split()}


def test_key_is_the_key(captioned):
    said = 0
    key = re.compile(r"\b([A-G](?:#|b| sharp| flat)?) (major|minor|dorian|phrygian|mixolydian)\b")
    for facts, texts in captioned:
        for text in texts:
            for tonic, mode in key.findall(text):
                said += 1
                assert tonic.replace(" sharp", "#").replace(" flat", "b") == facts.key
                assert mode == facts.mode
            if found := re.search(r"\b(major|minor) key\b", text):
                assert found[1] == facts.mode
    assert 0.7 < said / sum(len(t) for _, t in captioned) < 0.95  # riffkit always names one


def test_instruments_that_are_named_play(captioned):
    """Longer names are taken out first, so that a bass guitar is no guitar."""
    by_length = sorted(_MELODIC_WORDS, key=len, reverse=True)
    styles = {w for s, info in STYLES.items() for w in (s, *info.words)}
    names = sorted(styles, key=len, reverse=True)
    for facts, texts in captioned:
        for text in map(_lower, texts):
            left = text
            for name in names:
                left = re.sub(rf"\b{re.escape(name)}\b", "_", left)
            left = left.replace("bass line", "bass")
            for word in by_length:
                left, n_found = re.subn(rf"\b{re.escape(word)}\b", "_", left)
                if n_found:
                    assert _MELODIC_WORDS[word] & set(facts.instruments), (facts, text, word)


def test_density_and_metre_and_soloists_are_true(captioned):
    sparse, dense = set(DENSITY_WORDS["sparse"]), set(DENSITY_WORDS["dense"])
    for facts, texts in captioned:
        for text in map(_lower, texts):
            words = set(re.split(r"[ ,]+", text)) - set(facts.mood)
            assert not words & sparse or facts.density == "sparse", (facts, text)
            assert not words & dense or facts.density == "dense", (facts, text)
            if "3/4" in text or "in three" in text:
                assert facts.beats_per_bar == 3
            if re.search(r"\b(solo|alone|unaccompanied)\b", text):
                assert facts.texture == "solo"
            if "drums only" in text or "only drums" in text or "just drums" in text:
                assert facts.texture == "drums only"


def test_speed_words_agree_with_the_tempo():
    facts = write_score(1).facts
    slow = captions(replace(facts, bpm=62.0), 300, 0)
    fast = captions(replace(facts, bpm=170.0), 300, 0)
    assert any(w in t for t in slow for w in SLOW_WORDS)
    assert not any(w in t for t in slow for w in FAST_WORDS)
    assert any(w in t for t in fast for w in FAST_WORDS)
    assert not any(w in t for t in fast for w in SLOW_WORDS)


def test_phrasing_varies_from_a_word_to_a_sentence(captioned):
    lengths = [len(t.split()) for _, texts in captioned for t in texts]
    assert min(lengths) == 1
    assert max(lengths) >= 14
    texts = [t for _, some in captioned for t in some]
    assert len(set(texts)) > 0.85 * len(texts)
    n_capitals = sum(t[0].isupper() for t in texts)
    assert 0 < n_capitals < 0.2 * len(texts)


def test_style_is_in_most_captions_of_bands(captioned):
    told = total = 0
    for facts, texts in captioned:
        if facts.texture == "band":
            names = (facts.style, *STYLES[facts.style].words)
            total += len(texts)
            told += sum(any(n in _lower(t) for n in names) for t in texts)
    assert told / total > 0.8


def test_captions_are_tidy(captioned):
    for _, texts in captioned:
        for text in texts:
            assert text
            assert "  " not in text
            assert ", ," not in text
            assert not re.search(r"\ba [aeiou]", text), text
            assert not text.endswith((",", " "))


def test_a_band_whose_only_part_came_out_empty_is_drums_alone():
    facts = write_score(201_663).facts
    assert (facts.instruments, facts.texture) == ((), "drums only")
    assert all("drum" in text for text in map(_lower, captions(facts, 6, 1)))


def test_captions_depend_only_on_facts_and_seed():
    facts = write_score(42).facts
    assert captions(facts, 5, 7) == captions(facts, 5, 7)
    assert captions(facts, 5, 7) != captions(facts, 5, 8)
