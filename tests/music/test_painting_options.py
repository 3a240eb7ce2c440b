"""What all painting commands can be asked for: negative prompts, weights, samplers, speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import riffkit
from riffkit import Riff
from riffkit.device import has_bfloat16
from riffkit.diffusion import denoise as denoising
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.music import canvas
from riffkit.music.clip import Clip
from riffkit.music.replay import replay
from riffkit.music.request import PaintRequest
from riffkit.music.run import prepare
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.tasks.generate import GENERATE, GenerateRequest

FAST = {"quality": "preview", "bpm": 120.0, "seed": 1}
STORY = """
bpm = 120
bars = 2
quality = "preview"
steps = 2
guidance = 3
seed = 1
sampler = "{sampler}"
negative_prompt = "{negative}"
[[keyframe]]
bar = 0
prompt = "piano"
[[keyframe]]
bar = 1
prompt = "piano"
"""

Painter = Callable[..., Clip]


@pytest.fixture(scope="module")
def small(tiny: Pipeline) -> Riff:
    return Riff(tiny)


@pytest.fixture(scope="module")
def file(small: Riff, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    small.generate("piano", bars=2, loop=True, steps=1, **FAST).save(path)
    return path


def _painters(riff: Riff, file: Path) -> dict[str, Painter]:
    def story(**options) -> Clip:
        text = STORY.format(
            negative=options["negative_prompt"], sampler=options.get("sampler", "euler")
        )
        file.with_name("story.toml").write_text(text)
        return riff.story(file.with_name("story.toml"))

    def listed(**options) -> Clip:
        (made,) = riff.generate_many(
            [{"prompt": "piano", "bars": 1, **options}], file.with_name("many"), **FAST
        )
        assert not made.error
        return riff.generate("piano", bars=1, **options, **FAST)

    short = {"frames": 2, "bars": 1, **FAST}
    return {
        "generate": lambda **options: riff.generate("piano", bars=1, **options, **FAST),
        "generate_many": listed,
        "loop": lambda **options: riff.loop(["piano", "drums"], bars=2, **options, **FAST),
        "morph": lambda **options: riff.morph("piano", "drums", **short, **options),
        "morph files": lambda **options: riff.morph(file, "drums", **short, **options),
        "vary": lambda **options: riff.vary(file, count=1, **options, **FAST)[0],
        "story": story,
        "restyle": lambda **options: riff.restyle(file, "choir", **options, **FAST),
        "edit": lambda **options: riff.edit(file, "choir", time=(0.5, 1.5), **options, **FAST),
        "extend": lambda **options: riff.extend(file, "choir", bars=1, **options, **FAST),
    }


COMMANDS = (
    "generate",
    "generate_many",
    "loop",
    "morph",
    "morph files",
    "vary",
    "story",
    "restyle",
    "edit",
    "extend",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_negative_prompt_works_everywhere(
    small: Riff, file: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what the prediction is led away from, in each window, and the latents are others."""
    heard: list[torch.Tensor] = []
    made: list[torch.Tensor] = []

    def listening(pipeline, noise, windows, config, **options):
        heard.extend(text[None] for window in windows for text in window.negative_text)
        made.append(denoising.denoise(pipeline, noise, windows, config, **options))
        raise Heard

    monkeypatch.setattr(canvas, "denoise", listening)
    paint = _painters(small, file)[command]
    for negative in ("", "loud drums"):
        del heard[:]
        with pytest.raises(Heard):
            paint(steps=2, guidance=3.0, negative_prompt=negative)
    assert (made[1] - made[0]).abs().max() > 1e-4
    wanted = encode_prompts(small.pipeline, ["loud drums"])
    assert heard
    for text in heard:
        torch.testing.assert_close(text, wanted, atol=1e-6, rtol=0)


class Heard(BaseException):
    """What was to be known is."""


def test_it_leads_away(tiny: Pipeline) -> None:
    """In one step the picture moves straight away from what the negative prompt looks like."""
    text, none, drums = encode_prompts(tiny, ["piano", "", "loud drums"])[:, None]
    noise = torch.randn((1, 4, 32, 32), generator=torch.Generator().manual_seed(0))

    def painted(negative: torch.Tensor, asked: torch.Tensor, guidance: float) -> torch.Tensor:
        windows = [denoising.Window(0, 32, asked, negative)]
        return denoising.denoise(tiny, noise, windows, denoising.SamplerConfig(1, guidance))

    moved = painted(drums, text, 3.0) - painted(none, text, 3.0)
    lerp = painted(none, drums, 1.0) - painted(none, none, 1.0)
    torch.testing.assert_close(moved, -2 * lerp, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_sampler_and_savings_work_everywhere_and_are_replayed(
    small: Riff, file: Path, command: str, tmp_path: Path
) -> None:
    asked = {
        "steps": 4,
        "guidance": 3.0,
        "negative_prompt": "",
        "sampler": "euler-a",
        "guidance_interval": "0:0.5",
        "deep_cache": 2,
    }
    clip = _painters(small, file)[command](**asked)
    said = clip.recipe.arguments
    assert said["sampler"] == "euler-a"
    if command != "story":
        assert said["guidance_interval"] == "0:0.5"
        assert said["deep_cache"] == 2
        assert any("deep_cache 2: " in note and "reused" in note for note in clip.notes)
        assert sum("deep_cache" in note for note in clip.notes) == 1
    clip.save(tmp_path / "clip.wav")
    place = str(small.pipeline.loading["model"])
    again = replay(
        tmp_path / "clip.wav", tmp_path / "again.wav", model=place, sources=[file], device="cpu"
    )
    assert again.same, again.differences


@pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="the CPU lacks bfloat16")
def test_a_clip_is_replayed_in_the_dtype_it_was_made_in(small: Riff, tmp_path: Path) -> None:
    place = str(small.pipeline.loading["model"])
    half = riffkit.load(place, device="cpu", dtype="bfloat16")
    clip = half.generate("piano", bars=1, steps=2, **FAST)
    assert clip.recipe.model["dtype"] == "bfloat16"
    assert "dtype" not in small.generate("piano", bars=1, steps=1, **FAST).recipe.model
    clip.save(tmp_path / "clip.wav")
    again = replay(tmp_path / "clip.wav", tmp_path / "again.wav", model=place, device="cpu")
    assert again.same, again.differences


def test_a_morph_between_like_frames_stays_coherent(small: Riff) -> None:
    """A sampler that draws noise draws the same for each frame."""
    clip = small.morph("piano", "piano", frames=3, bars=1, steps=3, sampler="euler-a", **FAST)
    frames = np.split(clip.image.pixels.astype(int), 3, axis=1)
    assert np.abs(frames[0] - frames[2]).max() <= 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sampler": "best"}, "sampler='best': must be one of ddim"),
        ({"guidance_interval": "half"}, "guidance_interval='half': must be two numbers"),
        ({"guidance_interval": "0.5:0.2"}, "guidance_interval=0.5:0.2: must be a range within 0:1"),
        ({"guidance_interval": "0.5"}, "must be two numbers"),
        ({"deep_cache": 0}, "deep_cache=0: must be 1"),
        ({"negative_prompt": "(drums:99)"}, "weight of 'drums' is 99"),
    ],
)
def test_mistakes_are_refused_in_one_line(wrong: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as raised:
        PaintRequest(**wrong)
    assert "\n" not in str(raised.value)


def asked_texts(pipeline: Pipeline, **fields) -> list:
    """The texts that the encoder gets, the plan, and the notes."""
    session = Session(pipeline)
    plan = prepare(session, Call(GENERATE, GenerateRequest(seed=1, **fields), {})).plan
    (texts,) = plan.texts
    return [texts.prompt, texts.negative_prompt, plan, *session.notes(plan)]


def test_weights_reach_the_words_that_the_model_reads(riff: Riff) -> None:
    text, negative, plan, *_ = asked_texts(
        riff.pipeline,
        prompt="Please play (a pianist and a drummer:1.4) in (A minor), techno without (vocals:2), "
        "(130 bpm:1.2)",
        negative_prompt="[noise]",
    )
    assert plan.grid.bpm == 130
    assert plan.key.name == "A minor"
    weights = dict(text.weights)
    assert weights["piano"] == weights["drums"] == 1.4
    assert weights["130 bpm"] == 1.2
    assert "(" not in text.text
    assert dict(negative.weights) == {"noise": pytest.approx(1 / 1.1), "vocals": 2.0}


def test_prompts_keep_their_places_where_they_are_read_as_written(tiny: Pipeline) -> None:
    text, *_ = asked_texts(tiny, prompt="piano and (piano:1.3) (live at 120 bpm)")
    assert text.parts == (("piano and ", 1.0), ("piano", 1.3), (" ", 1.0), ("live at 120 bpm", 1.1))


def test_long_prompts_say_so(tiny: Pipeline) -> None:
    *_, note = asked_texts(tiny, prompt="piano, " * 60)
    assert note == "prompt: too long for one pass; encoded in 2 parts"


def test_without_guidance_nothing_can_be_kept_away_and_a_note_says_so(riff: Riff) -> None:
    fields = {"prompt": "techno without vocals", "negative_prompt": "piano", "steps": 4}
    notes = asked_texts(riff.pipeline, **fields, guidance=1.0)[3:]
    assert any("'vocals, piano' has no effect at guidance 1; set more" in note for note in notes)
    notes = asked_texts(riff.pipeline, **fields, guidance=3.0)[3:]
    assert not any("guidance" in note for note in notes)


@pytest.mark.parametrize(
    ("fields", "guidance"),
    [
        ({"prompt": "techno", "negative_prompt": "piano", "steps": 4}, 3.0),
        ({"prompt": "techno without piano", "steps": 8}, 3.0),
        ({"prompt": "techno, no drums", "steps": 4}, 1.0),  # the captions' own words
        ({"prompt": "techno", "steps": 4}, 1.0),
        ({"prompt": "techno", "negative_prompt": "piano", "steps": 4, "guidance": 1.0}, 1.0),
        ({"prompt": "techno", "negative_prompt": "piano"}, 3.0),
    ],
)
def test_a_negative_prompt_at_few_steps_is_guided(
    riff: Riff, fields: dict[str, Any], guidance: float
) -> None:
    _, _, plan, *notes = asked_texts(riff.pipeline, **fields)
    steps = fields.get("steps", 20)
    note = (
        f"guidance: 3 at {steps} steps, because of the negative prompt 'piano'; `steps=12` sounds "
    )
    note += "better with it"
    assert plan.denoising.guidance == plan.resolved["guidance"] == guidance
    assert plan.denoising.steps == steps
    assert (note in notes) == (guidance == 3 and "steps" in fields)


def test_a_negative_prompt_sets_the_steps_too_where_the_model_s_are_few(riff: Riff) -> None:
    traits = replace(riff.pipeline.traits, default_steps=4)
    few = replace(riff.pipeline, traits=traits)
    _, _, plan, *_ = asked_texts(few, prompt="techno, no drums")
    assert (plan.denoising.steps, plan.denoising.guidance) == (4, 1.0)
    _, _, plan, *notes = asked_texts(few, prompt="techno", negative_prompt="piano")
    assert (plan.denoising.steps, plan.denoising.guidance) == (12, 3.0)
    assert plan.resolved["steps"] == 12
    assert "guidance: 3 at 12 steps, because of the negative prompt 'piano'" in notes


@pytest.mark.parametrize(
    ("prompts", "n_pairs"), [(["piano"] * 4, 1), (["piano", "drums", "piano"], 2)]
)
def test_texts_are_encoded_once(
    small: Riff, prompts: list[str], n_pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    hook = small.pipeline.text_encoder.register_forward_pre_hook(
        lambda module, args, kwargs: calls.append(1), with_kwargs=True
    )
    small.loop(prompts, bars=4, steps=1, **FAST)
    hook.remove()
    assert len(calls) == n_pairs


def test_a_morph_encodes_each_end_once(small: Riff) -> None:
    calls: list[int] = []
    hook = small.pipeline.text_encoder.register_forward_pre_hook(
        lambda module, args, kwargs: calls.append(1), with_kwargs=True
    )
    small.morph("piano", "drums", frames=4, bars=1, steps=2, **FAST)
    hook.remove()
    assert len(calls) == 2


def test_a_morph_paints_no_frame_that_is_a_clip_s_own(
    small: Riff, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def listening(pipeline, noise, windows, config, **options):
        sizes.append(len(noise))
        return denoising.denoise(pipeline, noise, windows, config, **options)

    monkeypatch.setattr(canvas, "denoise", listening)
    small.morph(file, file, frames=4, bars=1, steps=2, **FAST)
    assert sizes == [2, 2]  # first a few steps, to see how evenly it goes
    del sizes[:]
    small.morph(file, file, frames=2, bars=1, steps=2, **FAST)
    assert not sizes


def test_how_a_request_paints_is_what_it_asks_for() -> None:
    asked = PaintRequest(sampler="unipc", guidance_interval=":0.6", deep_cache=3)
    assert asked.interval == (0.0, 0.6)
    assert replace(asked, guidance_interval=None).interval == (0.0, 1.0)
