"""Loops through prompts, morphs, stories and siblings, on the bundled model."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip
from riffkit.music.replay import replay
from riffkit.music.riff import Riff
from riffkit.music.run import prepare
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.music.timeline import Keyframe
from riffkit.music.values import call_of
from riffkit.tasks.loop import LoopRequest
from riffkit.tasks.story import STORY, StoryRequest

FAST = {"steps": 4, "quality": "preview"}
RATE = 44_100


def darkness(clip: Clip) -> np.ndarray:
    return 1 - clip.image.pixels.astype(float) / 255


@pytest.fixture(scope="module")
def journey(riff: Riff) -> Clip:
    prompts = ["techno, only drums", "solo choir, no drums"]
    return riff.loop(prompts, bars=8, bpm=123.4, seed=3, **{**FAST, "steps": 10})


def test_a_loop_is_exact_and_has_no_click(journey: Clip) -> None:
    assert journey.waveform.shape == (2, round(32 * 60 / 123.4 * RATE))
    seam = (journey.waveform[:, 0] - journey.waveform[:, -1]).abs().max()
    assert seam <= journey.waveform.diff(dim=-1).abs().max()


def test_a_loop_reaches_each_prompt_and_comes_back(journey: Clip) -> None:
    """Drums fill the top of the image about the first prompt, and not about the second."""
    top = darkness(journey)[:128].mean(axis=(0, 2)).reshape(8, -1).mean(axis=1)
    assert min(top[0], top[7]) > 1.3 * max(top[3], top[4])


@pytest.mark.parametrize("bpm", np.linspace(60, 180, 20))
def test_lengths_at_twenty_tempi(thin: Riff, bpm: float) -> None:
    clip = thin.loop(["drums"], bars=1, bpm=float(bpm), seed=1, steps=1, quality="preview")
    assert clip.waveform.shape[-1] == round(4 * 60 / bpm * RATE)


def test_a_theme_is_stayed_near_to(riff: Riff, tmp_path: Path) -> None:
    theme = riff.generate("funk band", bpm=110.0, loop=True, seed=1, **FAST)
    theme.save(tmp_path / "theme.flac")
    apart = []
    for strength in (0.0, 0.5, 1.0):
        clip = riff.loop(
            ["piano"], theme=tmp_path / "theme.flac", bars=2, strength=strength, seed=2, **FAST
        )
        assert clip.image.grid == theme.image.grid
        apart.append(np.abs(darkness(clip) - darkness(theme)).mean())
    assert apart[0] < 0.05
    assert apart[0] < apart[1] < apart[2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prompts": ()}, "prompts"),
        ({"prompts": ("a", "b", "c"), "bars": 2}, "one per prompt"),
        ({"prompts": ("a",), "strength": 1.5}, "strength"),
        ({"prompts": (" ",)}, "prompt"),
    ],
)
def test_loops_that_cannot_be_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        LoopRequest(**wrong)


def test_a_morph_begins_and_ends_as_generated_and_goes_evenly(thin: Riff) -> None:
    ends = ("techno drums with synth bass", "string ensemble, no drums")
    clip = thin.morph(*ends, frames=6, bpm=124.0, key="A minor", seed=4, **FAST)
    frames = np.split(darkness(clip), 6, axis=1)
    for prompt, frame in zip(ends, (frames[0], frames[-1]), strict=True):
        alone = thin.generate(prompt, bpm=124.0, key="A minor", loop=True, seed=4, **FAST)
        assert np.abs(frame - darkness(alone)).max() <= 2 / 255
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(frames)]
    assert max(steps) <= 2 * np.mean(steps)
    assert clip.waveform.shape[-1] == round(6 * 8 * 60 / 124 * RATE)


def test_a_morph_between_files_keeps_their_bars(riff: Riff, tmp_path: Path) -> None:
    for name, prompt in (("a.wav", "techno drums"), ("b.wav", "choir")):
        riff.generate(prompt, bpm=120.0, key="D minor", loop=True, seed=8, **FAST).save(
            tmp_path / name
        )
    clip = riff.morph(tmp_path / "a.wav", tmp_path / "b.wav", frames=4, seed=9, **FAST)
    clip.save(tmp_path / "morph.wav")
    frames = np.split(darkness(clip), 4, axis=1)
    first = riff.vary(tmp_path / "a.wav", count=1, distance=0.01, seed=1, **FAST)[0]
    assert np.abs(frames[0] - darkness(first)).mean() < 0.08  # the file, and not something new
    to_first = [np.abs(frame - frames[0]).mean() for frame in frames]
    to_last = [np.abs(frame - frames[-1]).mean() for frame in frames]
    assert sorted(to_first) == to_first
    assert sorted(to_last, reverse=True) == to_last
    assert replay(tmp_path / "morph.wav", tmp_path / "again.wav").same


SCRIPT = """
bpm = 140
bars = 8
steps = 4
quality = "preview"
seed = 7
[[keyframe]]
bar = 0
prompt = "house piano with drums"
[[keyframe]]
bar = 4
prompt = "solo flute"
guidance = 2
easing = "smooth"
"""


def test_a_story_is_told_from_its_script_and_again(thin: Riff, tmp_path: Path) -> None:
    (tmp_path / "story.toml").write_text(SCRIPT)
    clip = thin.story(tmp_path / "story.toml")
    assert clip.waveform.shape[-1] == round(32 * 60 / 140 * RATE)
    clip.save(tmp_path / "story.flac")
    assert replay(
        tmp_path / "story.flac", tmp_path / "again.flac", model=thin.pipeline.loading["model"]
    ).same


def test_one_guided_keyframe_guides_all(riff: Riff) -> None:
    """Few steps have no guidance by default, and a network that can't be guided."""
    frames = Keyframe(0.0, "house piano"), Keyframe(2.0, "solo flute", guidance=2.0)
    request = StoryRequest(keyframes=frames[:1], bars=4, steps=4)
    guided = replace(request, keyframes=frames)
    plans = [
        prepare(Session(riff.pipeline), Call(STORY, one, {})).plan for one in (request, guided)
    ]
    assert plans[0].denoising.guidance == 1
    assert plans[1].denoising.guidance == riff.pipeline.traits.default_guidance > 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("guidance = 2", "guidance = -50", "guidance=-50: must be between"),
        ("guidance = 2", 'negative_prompt = "(guitar:50)"', "50"),
        ("prompt =", "promt =", "did you mean 'prompt'"),
        ("bpm = 140", "tempo = 140", "'tempo' is unknown"),
        ("bar = 4", "bar = 0", "sort the keyframes"),
        ("bar = 4", "bar = 12", "must be in the piece"),
        ('easing = "smooth"', 'easing = "slow"', "easing"),
        ("bars = 8", "bars = 'many'", "bars='many': must be a whole number"),
        ("[[keyframe]]", "[keyframe]", "not valid TOML|keyframe"),
        ("bpm = 140", "bpm 140", "not valid TOML"),
        ("bar = 4\n", "", "must have a bar"),
    ],
)
def test_scripts_with_mistakes_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "story.toml"
    path.write_text(SCRIPT.replace(old, new))
    with pytest.raises(ParameterError, match=message):
        call_of(STORY, {"script": path})


def test_siblings_are_near_or_far_and_can_be_made_again(thin: Riff, tmp_path: Path) -> None:
    parent = thin.generate("funk band with drums", bpm=100.0, loop=True, seed=8, **FAST)
    parent.save(tmp_path / "parent.wav")
    parent.image.save(tmp_path / "parent.png")
    apart = []
    for distance in (0.3, 0.9):
        clips = thin.vary(tmp_path / "parent.wav", count=2, distance=distance, seed=9, **FAST)
        assert not torch.equal(clips[0].waveform, clips[1].waveform)
        assert clips[0].waveform.shape == parent.waveform.shape
        apart.append(np.mean([np.abs(darkness(c) - darkness(parent)).mean() for c in clips]))
    assert apart[0] < apart[1]
    clips[1].save(tmp_path / "second.wav")
    assert replay(
        tmp_path / "second.wav", tmp_path / "again.wav", model=thin.pipeline.loading["model"]
    ).same
    of_image = thin.vary(tmp_path / "parent.png", count=1, seed=9, **FAST)[0]
    assert files.load(tmp_path / "parent.wav")[0].shape == of_image.waveform.shape
