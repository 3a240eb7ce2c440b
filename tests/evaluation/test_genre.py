"""What a model learned of a genre: told from what it didn't, and from copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.analysis.tags import TAGS
from riffkit.audio import files
from riffkit.dataset.formats import read_metadata, write_json_lines
from riffkit.errors import ParameterError
from riffkit.evaluation.genre import Heard, hear_real, judge_genre
from riffkit.evaluation.real import genre_requests, read_real_clips
from riffkit.spectrogram.params import FULL_BAND
from tests.dataset.small_dataset import small_dataset

METAL = TAGS.index("metal")
SIDE = 32


def heard(seed: int, *, metal: float, place: float, n: int = 40) -> Heard:
    """Clips about a place among the features, with other pictures than another seed's."""
    rng = np.random.default_rng(seed)
    tags = rng.uniform(0, 0.05, (n, len(TAGS)))
    tags[:, METAL] = metal
    sounds = place + rng.normal(size=(n, 40))
    return Heard(tags, sounds, rng.uniform(size=(n, SIDE * SIDE)))


def test_what_was_learned_is_seen() -> None:
    real = [heard(k, metal=0.5, place=3.0) for k in (1, 2)]
    scores = judge_genre(
        heard(3, metal=0.01, place=0.0), heard(4, metal=0.4, place=2.5), real[0], real[1]
    )
    assert scores.tag == "metal"
    assert (scores.tag_base, scores.tag_tuned) == pytest.approx((0.01, 0.4))
    assert scores.tag_real == pytest.approx(0.5)
    assert scores.frechet_tuned < 0.5 * scores.frechet_base
    assert scores.frechet_floor < scores.frechet_base
    assert scores.nearest_tuned == pytest.approx(scores.nearest_held_out, rel=0.1)


def test_a_copy_is_found_wherever_it_begins() -> None:
    trained, held_out = heard(1, metal=0.5, place=3.0), heard(2, metal=0.5, place=3.0)
    turned = np.roll(trained.pictures.reshape(-1, SIDE, SIDE), 5, axis=2).reshape(
        len(trained.tags), -1
    )
    copies = Heard(trained.tags, trained.sounds, turned)
    scores = judge_genre(heard(3, metal=0.0, place=0.0), copies, trained, held_out)
    assert scores.nearest_tuned == pytest.approx(0, abs=1e-2)
    assert "NEAR COPIES" in "\n".join(scores.lines())


def test_a_tag_that_is_none_is_refused() -> None:
    clips = heard(1, metal=0.1, place=0.0)
    with pytest.raises(ParameterError, match="must be one of guitar"):
        judge_genre(clips, clips, clips, clips, tag="polka")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    small_dataset(tmp_path, n_train=4, n_test=4, bpm=120.0)
    records = [replace(record, beats_per_bar=4) for record in read_metadata(tmp_path)]
    write_json_lines(tmp_path / "metadata.jsonl", (record.to_dict() for record in records))
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for k in range(4):
            name = f"{k:06d}-clip-01.flac"
            n_samples = round(8 * 60 / 120 * 44_100)
            tone = torch.sin(2 * torch.pi * (220 + 40 * k) * torch.arange(n_samples) / 44_100)
            files.save(tmp_path / split / name, 0.3 * tone.expand(2, -1), 44_100)
    return tmp_path


def test_real_clips_are_heard_as_the_model_sees_them(dataset: Path) -> None:
    clips = read_real_clips(dataset)
    assert [clip.split for clip in clips] == ["train"] * 4 + ["test"] * 4
    found = hear_real(clips[:2], FULL_BAND)
    assert found.sounds.shape == (2, 561)
    low, high = found.pictures.reshape(2, SIDE, SIDE).mean(axis=2)
    assert not np.allclose(low, high, atol=0.01)  # another tone is another picture
    requests = genre_requests("metal", clips, 5)
    assert [request.seed for request in requests] == list(range(5))
    assert genre_requests("metal", clips, 5, seed=7)[0].seed == 7
    assert {request.bpm for request in requests} == {120.0}


def test_folders_that_cannot_be_judged_by_are_refused(dataset: Path) -> None:
    with pytest.raises(ParameterError, match="riff dataset build"):
        read_real_clips(dataset / "train")
    lines = (dataset / "metadata.jsonl").read_text().splitlines()
    (dataset / "metadata.jsonl").write_text("\n".join(lines[:5]))
    with pytest.raises(ParameterError, match="1 test clips"):
        read_real_clips(dataset)
    (dataset / "metadata.jsonl").write_text("[]\n")
    with pytest.raises(ParameterError, match=r"metadata\.jsonl is damaged"):
        read_real_clips(dataset)
    (dataset / "dataset.json").unlink()  # anyone's folder of sounds
    with pytest.raises(ParameterError, match=r"contains no dataset\.json"):
        read_real_clips(dataset)
