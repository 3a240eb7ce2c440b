"""Pairs of the denoiser's stream: music and guide lie on one another, and captions are true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.music.stems import MONO
from riffkit.score import write_score
from riffkit.spectrogram.params import CRISP
from train.denoiser import pictures
from train.denoiser.facts import FACTS, fact_rows
from train.denoiser.pictures import SHARES, draw_pictures
from train.facts import fact_words
from train.sounds.soundfonts import find_soundfont

_STEMS = range(40, 48)


@pytest.fixture(scope="module")
def fonts() -> list[Path]:
    pytest.importorskip("tinysoundfont")
    try:
        return [find_soundfont()]
    except ParameterError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def stems(fonts: list[Path]) -> list[pictures.Pictures]:
    return [draw_pictures(number, CRISP, fonts, kind="stem") for number in _STEMS]


def _energy(picture: pictures.Picture) -> np.ndarray:
    """Loudness, lowest row first, without its mean."""
    loud = ((255.0 - picture[2]) / 255)[::-1] ** 2
    return loud - loud.mean()


def _correlations(one: np.ndarray, other: np.ndarray, axis: int, most: int) -> np.ndarray:
    """Of two pictures, the second moved by up to `most` pixels along an axis."""
    moved = (np.roll(other, n, axis) for n in range(-most, most + 1))
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return np.array([float((one * m).sum()) / norm for m in moved])


def test_a_stem_lies_on_its_guide_in_time_and_pitch(stems: list[pictures.Pictures]) -> None:
    in_time, in_pitch, least = [], [], []
    for pair in stems:
        music, guide = _energy(pair.music), _energy(pair.guide)
        found = _correlations(music, guide, 1, 64)
        in_time.append(abs(int(found.argmax()) - 64))
        if not pair.facts["drums"]:
            in_pitch.append(abs(int(_correlations(music, guide, 0, 12).argmax()) - 12))
        least.append(found[64])
    assert np.median(least) > 0.3
    assert np.median(in_time) <= 2  # of 64 pixels a beat
    assert max(in_pitch) <= 1


def test_a_pair_follows_from_its_number(fonts: list[Path], stems: list[pictures.Pictures]) -> None:
    again = draw_pictures(_STEMS[0], CRISP, fonts, kind="stem")
    assert np.array_equal(again.music, stems[0].music)
    assert np.array_equal(again.guide, stems[0].guide)
    assert again.facts == stems[0].facts
    assert len({pair.guide.tobytes() for pair in stems}) == len(stems)


def test_one_pipe_or_string_is_mono_and_a_room_is_said(stems: list[pictures.Pictures]) -> None:
    for pair in stems:
        wet = any(word in pair.facts["captions"][0] for word in pictures._WET_WORDS)
        equal = np.array_equal(pair.music[0], pair.music[1])
        if MONO.intersection(pair.facts["instruments"]):
            assert equal != wet, pair.facts["captions"][0]
        assert all(any(w in t for w in pictures._WET_WORDS) == wet for t in pair.facts["captions"])


def test_a_stem_s_facts_are_those_of_one_player(stems: list[pictures.Pictures]) -> None:
    for pair in stems:
        assert len(pair.facts["instruments"]) == (0 if pair.facts["drums"] else 1)
        assert (pair.facts["key"] is None) == pair.facts["drums"]
    rows = fact_rows([pair.facts for pair in stems], FACTS)
    for pair, row in zip(stems, rows.tolist(), strict=True):
        assert {f for f, yes in zip(FACTS, row, strict=True) if yes} == fact_words(pair.facts)


def test_all_that_is_told_of_scores_has_a_column() -> None:
    told = (fact_words(write_score(seed).facts.to_dict()) for seed in range(80))
    assert set().union(*told) <= set(FACTS)


def test_seven_of_ten_are_stems(monkeypatch: pytest.MonkeyPatch) -> None:
    score = write_score(0)
    monkeypatch.setattr(pictures, "write_score", lambda seed: score)
    noise = np.ones((2, 1_000), np.float32)
    blank = np.zeros((3, 1, 1), np.uint8)
    monkeypatch.setattr(pictures, "_stem", lambda *_: (noise, ["x"]))
    monkeypatch.setattr(pictures, "_dry", lambda *_: [])
    monkeypatch.setattr(pictures, "mix_down", lambda *_: noise)
    monkeypatch.setattr(pictures, "loop_to_pixels", lambda *_: blank)
    monkeypatch.setattr(pictures, "draw_guide", lambda *_: type("G", (), {"pixels": blank.T}))
    kinds = [draw_pictures(n, CRISP, []).kind for n in range(400)]
    assert kinds.count("stem") / 400 == pytest.approx(SHARES["stem"], abs=0.06)


def test_silence_is_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = torch.zeros(2, 1_000).numpy()
    monkeypatch.setattr(pictures, "_stem", lambda *_: (silence, ["x"]))
    with pytest.raises(ParameterError, match="number=3: is silent"):
        draw_pictures(3, CRISP, [], kind="stem")


def test_facts_that_captions_may_tell() -> None:
    words = fact_words({"key": "A", "mode": "minor", "drums": True, "mood": ["sad"], "bpm": 90.0})
    assert words == {"key A", "mode minor", "key A minor", "drums True", "mood sad"}
