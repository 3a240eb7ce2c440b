"""Prompts in anybody's words are read in the words of the captions."""

from __future__ import annotations

import pytest

from riffkit.prompt.traits import ModelTraits
from riffkit.prompt.wording import as_model_reads, read_wording
from riffkit.score import STYLES, write_score
from riffkit.score.captions import captions

ENGLISH = ModelTraits(english=True, style_bpm=dict.fromkeys(STYLES, 100.0))


@pytest.mark.parametrize("seed", range(0, 400, 4))
def test_captions_stay_as_they_are(seed: int) -> None:
    for caption in captions(write_score(seed).facts, 8, seed):
        assert as_model_reads(caption, ENGLISH) == caption


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("Please play organ and a drummer. It should sound like funk.", "funk, organ, drums"),
        ("Can I get a chilled lo-fi beat w/ rhodes?", "chilled lo-fi beat with rhodes"),
        ("I want a pianist and a bassist playing blues in A", "piano, bass, blues in A"),
        ("choir (no drummer), leaving much space", "choir, no drums, spacious"),
        ("a drummer alone; genre: rock, quite energetic", "rock, drums only, energetic"),
        ("Something sad, a minor, 84 bpm", "sad, a minor, 84 bpm"),
        ("two bars of house for my podcast, the key is C minor", "house, in C minor"),
        (
            "drum and bass as synth pad and a drum kit would play it",
            "drum and bass, synth pad, drum kit",
        ),
    ],
)
def test_words_that_say_nothing_of_the_music_go(prompt: str, read: str) -> None:
    assert as_model_reads(prompt, ENGLISH) == read


@pytest.mark.parametrize(
    ("prompt", "text", "unwanted"),
    [
        ("techno without any vocals", "techno", ("vocals",)),
        ("synthwave, no guitar or piano", "synthwave", ("guitar", "piano")),
        ("lo-fi piano, no drums", "lo-fi piano, no drums", ()),  # the captions' own words
    ],
)
def test_what_is_not_wanted_is_no_part_of_the_prompt(
    prompt: str, text: str, unwanted: tuple[str, ...]
) -> None:
    wording = read_wording(prompt, ENGLISH)
    assert (wording.text, wording.unwanted) == (text, unwanted)


@pytest.mark.parametrize(
    ("polite", "plain"),
    [
        (
            "Ich hätte gern einen traurigen Walzer mit Klavier, bitte",
            "trauriger Walzer mit Klavier",
        ),
        ("Kannst du mir bitte einen Walzer spielen?", "Walzer"),
        ("Hallo! Spiel mir etwas Jazz. Danke!", "Jazz"),
        ("techno bitte", "techno"),
        ("Je voudrais une valse triste, s'il vous plaît", "valse triste"),
        ("bonjour, joue-moi du jazz, merci", "jazz"),
        ("Quiero una guitarra española alegre, por favor", "guitarra española alegre"),
        ("¿Puedes tocar un vals?", "vals"),
        ("будь ласка, сумна скрипка без барабанів", "сумна скрипка без барабанів"),
        ("Мені потрібен сумний вальс, дякую", "сумний вальс"),
        ("мне нужен медленный джаз, пожалуйста", "медленный джаз"),
        ("Сыграй мне techno", "techno"),
        ("我想要一首悲伤的钢琴曲，谢谢", "悲伤的钢琴曲"),
        ("请来一段摇滚", "摇滚"),
        ("techno 请", "techno"),
        ("Please play me a waltz with piano", "waltz with piano"),
    ],
)
def test_politeness_goes_in_every_language(polite: str, plain: str) -> None:
    assert as_model_reads(polite, ENGLISH) == as_model_reads(plain, ENGLISH)


@pytest.mark.parametrize(
    "prompt", ["bitte", "Danke!", "merci, s'il vous plaît", "пожалуйста", "请"]
)
def test_politeness_alone_stays(prompt: str) -> None:
    assert as_model_reads(prompt, ENGLISH)


@pytest.mark.parametrize(
    "prompt", ["music", "a beat", "something", "play it", "no", "💿", "without"]
)
def test_a_prompt_is_never_read_as_nothing(prompt: str) -> None:
    assert as_model_reads(prompt, ENGLISH)


def test_models_that_know_any_caption_get_the_prompt_itself() -> None:
    prompt = "Please play a banjo, without drums"
    assert as_model_reads(prompt, ModelTraits()) == prompt
