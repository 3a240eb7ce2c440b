"""What a model doesn't know is said, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from riffkit.evaluation.prompts import eval_prompts
from riffkit.models.locate import find_model, model_traits
from riffkit.prompt.prompt import read_prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.prompt.vocabulary import NONE_UNKNOWN, UnknownWords
from riffkit.score import STYLES, write_score
from riffkit.score.captions import captions
from riffkit.score.vocabulary import vocabulary

MINI = model_traits(find_model("mini"))


def unknown(prompt: str, traits: ModelTraits = MINI) -> UnknownWords:
    return read_prompt(prompt, traits).unknown


def test_the_bundled_model_lists_the_words_of_its_captions() -> None:
    assert MINI.vocabulary == vocabulary()
    assert set(STYLES) <= set(MINI.style_bpm)


@pytest.mark.parametrize("seed", range(0, 400, 4))
def test_captions_are_known(seed: int) -> None:
    for caption in captions(write_score(seed).facts, 8, seed):
        assert unknown(caption) == NONE_UNKNOWN, caption


def test_the_evaluation_s_prompts_are_known() -> None:
    for prompt in eval_prompts():
        assert unknown(prompt.text) == NONE_UNKNOWN, prompt.text


def test_the_guides_prompts_are_known(root: Path) -> None:
    pages = [root / "README.md", root / "samples" / "README.md", *(root / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    called = re.findall(r"^riff (?:generate|loop|morph|edit|restyle|extend) .*$", text, re.M)
    called += re.findall(r"riff\.(?:generate|loop|restyle|edit)\(.*\)$", text, re.M)
    called += re.findall(r"^prompt = .*$", text, re.M)
    said = [
        re.sub(r'--(?:key|chords) "[^"]*"', "", line) for line in called if "--lora" not in line
    ]
    prompts = [prompt for line in said for prompt in re.findall(r'"([^"]+)"', line)]
    prompts = [prompt for prompt in prompts if not Path(prompt).suffix]
    assert len(prompts) > 25
    for prompt in prompts:
        assert unknown(prompt) == NONE_UNKNOWN, prompt


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("dubstep with wobble bass", ("dubstep", "wobble")),
        ("Lo-fi with theremin, theremin", ("theremin",)),
        ("techno, (hyperpop:1.3)", ("hyperpop",)),
        ("Walzer mit Maultrommel", ("Maultrommel",)),
        ("cumbia con acordeón", ("cumbia",)),
        ("chanson avec une vielle", ("vielle",)),
        ("сумна скрипка у стилі дабстеп", ("дабстеп",)),
        ("грустный вальс на балалайке", ("балалайке",)),
        ("二胡和钢琴", ("二胡",)),
        ("дабстеп", ("дабстеп",)),
    ],
)
def test_what_captions_never_said(prompt: str, words: tuple[str, ...]) -> None:
    assert unknown(prompt) == UnknownWords(words)


@pytest.mark.parametrize(
    "prompt",
    [
        "Can I get a chilled, jazzy lo-fi beat w/ rhodes for my podcast, 84 bpm?",
        "waltz in 3/4, F#m, violins and cellos, no theremin",
        "D&B in Ebm, 174bpm, drum'n'bass",
        "Ich hätte gern einen traurigen Walzer mit Klavier im Dreivierteltakt, bitte",
        "Musik für einen Film, ruhig, mit Streichern, in fis-Moll",
        "je voudrais une musique calme pour dormir avec piano et violoncelle",
        "quiero una guitarra española alegre en re menor, por favor",
        "будь ласка, сумна скрипка без барабанів для мого фільму",
        "медленное пианино для сна, ля минор",
        "我想要一首悲伤的钢琴曲，A小调",
        "adagio, slowly",
        "💿💿",
    ],
)
def test_ordinary_words_of_any_language_are_no_news(prompt: str) -> None:
    assert unknown(prompt) == NONE_UNKNOWN


@pytest.mark.parametrize(
    ("prompt", "sung"),
    [
        ("a song with female vocals and lyrics", ("vocals", "lyrics")),
        ("Lied mit Gesang und Klavier", ("Gesang",)),
        ("chanson avec chanteuse", ("chanteuse",)),
        ("música con letra", ("letra",)),
        ("вокал і піаніно", ("вокал",)),
        ("песня с пением", ("пением",)),
        ("钢琴，女声", ("女声",)),
        ("piano, no vocals", ()),
        ("choir voices", ()),
        ("two singers", ()),
    ],
)
def test_singing(prompt: str, sung: tuple[str, ...]) -> None:
    assert unknown(prompt) == UnknownWords(sung=sung)


def test_bowls_sing_without_a_singer() -> None:
    assert unknown("singing bowls, ambient").sung == ()


def test_models_that_list_no_words_know_any() -> None:
    assert unknown("dubstep with vocals", replace(MINI, vocabulary={})) == NONE_UNKNOWN
    assert unknown("dubstep with vocals", ModelTraits()) == NONE_UNKNOWN


def test_the_list_is_in_the_model_s_folder() -> None:
    facts = json.loads((find_model("mini") / "riffkit.json").read_text(encoding="utf-8"))
    assert {"piano", "rhodes", "drums"} <= set(facts["vocabulary"]["instruments"])
