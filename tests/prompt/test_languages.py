"""Prompts in other languages are read as what they mean, and English ones as they are."""

from __future__ import annotations

import pytest

from riffkit.prompt.key import named_key
from riffkit.prompt.languages import to_english
from riffkit.prompt.tempo import named_bpm
from riffkit.score import captions, write_score


@pytest.mark.parametrize(
    ("prompt", "english"),
    [
        ("trauriges Klavier, langsam", "sad piano, slow"),
        ("Geige und Cello ohne Schlagzeug", "violin and Cello no drums"),
        ("fröhlicher Walzer mit Akkordeon in D-Dur", "happy waltz with accordion in D major"),
        ("piano triste et lente, sans batterie", "piano sad and slow, no drums"),
        ("guitare acoustique en la mineur", "acoustic guitar en A minor"),
        ("techno con batería y bajo sintetizado", "techno with drums and synth bass"),
        ("guitarra española, alegre, sol mayor", "acoustic guitar, happy, G major"),
        ("сумна скрипка без барабанів", "sad violin no drums"),
        ("швидкий рок з електрогітарою", "fast rock with electric guitar"),
        ("медленное пианино, ля минор", "slow piano, A minor"),
        ("джаз с саксофоном и контрабасом", "jazz with saxophone and upright bass"),
        ("悲伤的钢琴独奏", "sad piano solo"),
        ("摇滚，电吉他和鼓，A小调", "rock, electric guitar and drums, A minor"),
    ],
)
def test_what_a_prompt_means(prompt: str, english: str) -> None:
    assert to_english(prompt) == english


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Klavier in fis-Moll", "F# minor"),
        ("Orgel, H-Moll", "B minor"),
        ("Streicher in Es-Dur", "Eb major"),
        ("Chor in b-Moll", "Bb minor"),
        ("piano en do dièse mineur", "C# minor"),
        ("piano en si bémol majeur", "Bb major"),
        ("guitarra en re menor", "D minor"),
        ("гітара, мі мінор", "E minor"),
        ("рояль, до-диез минор", "C# minor"),
        ("钢琴，降B大调", "Bb major"),
    ],
)
def test_keys(prompt: str, name: str) -> None:
    key = named_key(to_english(prompt))
    assert key is not None and key.name == name


def test_the_tempo_comes_through() -> None:
    assert named_bpm(to_english("спокойное пианино, 84 bpm")) == 84
    assert named_bpm(to_english("钢琴 90拍")) == 90


def test_words_that_nobody_knows_of_are_left_out_with_their_script() -> None:
    assert to_english("осінній вальс для мого кота") == "waltz"


def test_what_has_no_word_that_is_known_stays() -> None:
    assert to_english("кіт") == "кіт"
    assert to_english("💿💿") == "💿💿"


@pytest.mark.parametrize("seed", range(0, 400, 4))
def test_english_captions_stay(seed: int) -> None:
    for caption in captions(write_score(seed).facts, 8, seed):
        assert to_english(caption) == caption


def test_french_joins_what_plays_in_other_words_too() -> None:
    assert to_english("valse lente au piano") == "waltz slow with piano"
    assert to_english("au revoir") == "au revoir"
