"""What the tagger calls real music and a few of the samples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from riffkit.analysis import musicnn
from riffkit.analysis.tags import TAGS, music_tags
from riffkit.audio.files import load
from riffkit.errors import ModelError, ParameterError

RATE = 44_100


def clip(root: Path, name: str) -> Tensor:
    waveform, rate = load(root / "samples" / f"{name}.flac")
    assert rate == RATE
    return waveform[:, : 3 * RATE]


@pytest.mark.parametrize(
    ("name", "likely", "unlikely"),
    [
        ("golden/war-of-freedom", {"rock", "guitar"}, {"classical", "ambient", "flute", "choir"}),
        ("golden/feelings", {"guitar", "slow"}, {"techno", "fast", "harpsichord", "choir"}),
        ("melody", {"flute"}, {"rock", "metal", "techno", "drums"}),
        ("strings", {"ambient", "slow"}, {"rock", "metal", "techno", "drums"}),
        ("techno", {"drums", "beat"}, {"classical", "opera", "flute", "harp"}),
    ],
)
def test_tags_suit_the_music(root: Path, name: str, likely: set[str], unlikely: set[str]) -> None:
    tags = music_tags(clip(root, name), RATE)
    assert tuple(tags) == TAGS and all(0 < p < 1 for p in tags.values())
    assert likely <= set(sorted(tags, key=lambda tag: -tags[tag])[:4])
    assert max(tags[tag] for tag in unlikely) < 0.1


def test_a_clip_s_tags_are_the_means_of_its_parts(root: Path) -> None:
    rock, flute = clip(root, "golden/war-of-freedom"), clip(root, "melody")
    both = torch.cat((rock, flute.expand_as(rock)), dim=1)
    parts = [music_tags(part, RATE) for part in (rock, flute)]
    tags = music_tags(both, RATE)
    for tag in TAGS:
        assert tags[tag] == pytest.approx((parts[0][tag] + parts[1][tag]) / 2, abs=0.03)
    begun = music_tags(both, RATE, n_patches=1)
    assert begun["rock"] > 0.5 > 0.1 > begun["flute"]


def test_all_of_a_clip_is_heard(root: Path) -> None:
    """One of 4 s in two patches, of which the second ends with it."""
    rock, silence = clip(root, "golden/war-of-freedom"), torch.zeros(2, RATE)
    whole = music_tags(torch.cat((silence, rock), dim=1), RATE)
    assert whole["rock"] > 0.9 * music_tags(rock, RATE)["rock"] / 2


def test_a_short_loop_is_heard_again_and_again(root: Path) -> None:
    beat = clip(root, "techno")[:, :RATE]
    once, thrice = music_tags(beat, RATE), music_tags(beat.tile(1, 3), RATE)
    assert max(abs(once[tag] - thrice[tag]) for tag in TAGS) < 0.03


def test_nothing_to_hear_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least 1"):
        music_tags(torch.zeros(1, 0), RATE)
    with pytest.raises(ParameterError, match="n_patches=0"):
        music_tags(torch.zeros(1, RATE), RATE, n_patches=0)


def test_missing_weights_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(musicnn, "WEIGHTS", tmp_path)
    with pytest.raises(ModelError, match=r"tagger\.safetensors can't be read"):
        musicnn.read_weights("tagger.safetensors")
