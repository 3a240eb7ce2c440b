"""The thesaurus is consistent, large, and leaves captions' own words alone."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from riffkit.score import thesaurus as module
from riffkit.score.brief import DENSITIES, FIGURES
from riffkit.score.facts import MOODS_OF_MODE
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.spelling import corrected, distance
from riffkit.score.styles import STYLES
from riffkit.score.thesaurus import Meaning, plain, thesaurus
from riffkit.score.vocabulary import vocabulary

WORDS = Path(module.__file__).with_name("words")


def meanings() -> Iterator[tuple[str, Meaning]]:
    return ((p, meaning) for p, some in thesaurus().phrases.items() for meaning in some)


def test_it_knows_thousands_of_words_and_is_read_quickly() -> None:
    asking = [phrase for phrase, meaning in meanings() if meaning.kind not in ("plain", "nothing")]
    assert len(set(asking)) > 6000
    thesaurus.cache_clear()
    begin = time.process_time()
    thesaurus()
    ours = time.process_time() - begin
    begin = time.process_time()
    for name in ("styles", "players", "moods"):
        tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8"))
    assert ours < 12 * (time.process_time() - begin)


def test_all_phrases_are_words_and_stand_for_what_there_is() -> None:
    known = {
        "style": set(STYLES),
        "instrument": set(INSTRUMENTS),
        "family": set(thesaurus().families),
        "ensemble": set(thesaurus().ensembles),
        "drums": {"named", "none", "only"},
        "density": set(DENSITIES),
        "figure": set(FIGURES),
        "mood": {m for info in STYLES.values() for m in info.moods}.union(*MOODS_OF_MODE.values()),
        "others": {"nobody", "band", "over"},
    }
    for phrase, meaning in meanings():
        assert phrase == plain(phrase) and phrase, phrase
        if meaning.kind in known:
            assert meaning.value in known[meaning.kind], (phrase, meaning)
    for members in thesaurus().families.values():
        assert set(members) <= set(INSTRUMENTS)
    for ensemble in thesaurus().ensembles.values():
        assert set(ensemble.players) <= INSTRUMENTS.keys() | thesaurus().families.keys()
        assert ensemble.style is None or ensemble.style in STYLES
    assert thesaurus().bpm.keys() <= thesaurus().phrases.keys()


def test_no_phrase_is_listed_for_two_things_of_a_kind() -> None:
    for name, kinds in (("styles", ["style"]), ("players", ["instrument"]), ("moods", ["mood"])):
        lists = tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8"))
        for kind in kinds:
            found: dict[str, str] = {}
            for value, of in lists[kind].items():
                texts = of.values() if isinstance(of, dict) else [of]
                for phrase in (phrase for text in texts for phrase in module._listed(text)):
                    assert found.setdefault(phrase, value) == value, phrase


def test_what_captions_say_keeps_its_meaning() -> None:
    known = vocabulary()
    assert {plain(word) for word in known["instruments"]} <= thesaurus().phrases.keys()
    for style, info in STYLES.items():
        for phrase in (style, *info.words):
            assert thesaurus().phrases[plain(phrase)][0].value == style
    for name in INSTRUMENTS:
        assert thesaurus().phrases[plain(name)][0] == Meaning("instrument", name)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("pianno", "piano"),
        ("gutiar", "guitar"),
        ("saxaphone", "saxophone"),
        ("vilolin", "violin"),
        ("reggea", "reggae"),
        ("fluteee", None),
        ("grand", None),
        ("jzz", None),
        ("wibble", None),
    ],
)
def test_a_letter_may_be_wrong(word: str, meant: str | None) -> None:
    known = {"piano", "guitar", "saxophone", "violin", "reggae", "flute", "jazz", "band"}
    assert corrected(word, known) == meant


def test_letters_that_are_swapped_are_one_mistake() -> None:
    assert distance("gutiar", "guitar") == 1
    assert distance("kitten", "sitting") == 3
    assert distance("", "abc") == distance("abc", "") == 3
    assert distance("harp", "harp") == 0
