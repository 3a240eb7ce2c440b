"""A guided model composes: words become a score, whose guide the model sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import riffkit
from riffkit.diffusion import denoise as denoising
from riffkit.diffusion.latents import guide_latents
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.music.clip import Clip
from riffkit.music.plan import Plan
from riffkit.music.registry import task
from riffkit.music.replay import replay
from riffkit.music.riff import Riff
from riffkit.music.run import prepare
from riffkit.music.session import Session
from riffkit.music.timeline import Keyframe
from riffkit.music.values import call_of
from riffkit.score.guide import draw_guide
from riffkit.score.notes import Score
from riffkit.score.spans import span_of

QUICK: dict[str, Any] = {"steps": 1, "quality": "preview", "seed": 3}
FUNK = "funk with slap bass and clavinet"


@pytest.fixture
def composer(tiny_guided: Pipeline) -> Riff:
    """A guided model in the bundled one's place."""
    return Riff(replace(tiny_guided, loading={**tiny_guided.loading, "model": "mini"}))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor | None]]:
    """The guides that painting is given."""
    guides: list[Tensor | None] = []
    real = denoising._guide_for

    def noted(pipeline: Any, noise: Any, guide: Any) -> Any:
        guides.append(guide)
        return real(pipeline, noise, guide)

    monkeypatch.setattr(denoising, "_guide_for", noted)
    yield guides


def score_of(clip: Clip) -> Score:
    assert clip.recipe.score is not None
    return Score.from_dict(clip.recipe.score)


def planned(pipeline: Pipeline, name: str, **values: Any) -> Score | None:
    """The score that a call would paint after."""
    call = call_of(task(name), {"seed": 3, **values})
    return prepare(Session(pipeline), call).plan.score


def players(score: Score) -> dict[str, list[tuple[float, float, int]]]:
    """Their notes: start, duration, pitch."""
    return {
        track.instrument: [(round(n.start, 6), round(n.duration, 6), n.pitch) for n in track.notes]
        for track in score.tracks
    }


def painted(pipeline: Pipeline, name: str, **values: Any) -> Plan:
    """A call's plan, after its picture was painted; nothing is decoded."""
    call = call_of(task(name), {**QUICK, **values})
    session = Session(pipeline)
    prepared = prepare(session, call)
    call.task.paint(session, prepared.plan, call.request, prepared.opened)
    return prepared.plan


def guide_of(pipeline: Pipeline, plan: Plan, score: Score, *, loop: bool = False) -> Tensor:
    drawn = draw_guide(
        score.tracks, plan.grid, pipeline.params, transpose=plan.transpose, circular=loop
    )
    return guide_latents(pipeline, drawn.pixels, circular=loop)


def test_a_prompt_s_score_guides_the_picture(composer: Riff, seen: list[Tensor | None]) -> None:
    plan = painted(composer.pipeline, "generate", prompt=FUNK)
    score, (guide,) = plan.score, seen
    assert score is not None and guide is not None
    assert {track.instrument for track in score.tracks} == {"slap bass", "clavinet"}
    torch.testing.assert_close(guide, guide_of(composer.pipeline, plan, score))
    free = painted(composer.pipeline, "generate", prompt=FUNK, free=True)
    assert seen[1:] == [None] and free.score is None
    assert [one.resolved["free"] for one in (plan, free)] == [False, True]


def test_melody_strength_lets_the_model_depart_from_the_notes(
    composer: Riff, tiny: Pipeline
) -> None:
    def picture(chords: str, **options: Any) -> Any:
        made = composer.generate("piano", chords=chords, key="A minor", **QUICK, **options)
        return made.image.pixels

    ignored, other = (picture(one, melody_strength=1.0) for one in ("Am | F", "F | Am"))
    assert (ignored == other).all()
    followed, other = (picture(one) for one in ("Am | F", "F | Am"))
    assert (followed != other).mean() > 0.1
    close = painted(composer.pipeline, "generate", prompt="piano", chords="Am | F")
    assert close.resolved["melody_strength"] == 0  # what is trained with guides follows them
    started = painted(tiny, "generate", prompt="piano", chords="Am | F")
    assert started.resolved["melody_strength"] == 0.5


@pytest.mark.parametrize(
    ("prompt", "is_bundled", "free", "composes"),
    [
        ("techno", True, None, True),
        ("something strange", True, None, False),
        ("techno", False, None, False),
        ("techno", False, False, True),
        ("something strange", True, False, True),
    ],
)
def test_who_composes(
    composer: Riff,
    tiny_guided: Pipeline,
    prompt: str,
    is_bundled: bool,
    free: bool | None,
    composes: bool,
) -> None:
    pipeline = composer.pipeline if is_bundled else tiny_guided
    score = planned(pipeline, "generate", prompt=prompt, free=free)
    assert (score is not None) == composes


def test_music_without_notes_says_why(composer: Riff, tiny_guided: Pipeline) -> None:
    """Where somebody might have expected some: of the bundled model, unasked."""
    calls: dict[str, dict[str, Any]] = {
        "generate": {"prompt": "something strange"},
        "loop": {"prompts": ["something strange"]},
        "story": {"keyframes": [Keyframe(0.0, "something strange")], "bars": 4},
    }
    for name, values in calls.items():
        for pipeline, free, is_said in (
            (composer.pipeline, None, True),
            (composer.pipeline, True, False),
            (tiny_guided, None, False),
        ):
            call = call_of(task(name), {"seed": 3, "free": free, **values})
            notes = prepare(Session(pipeline), call).plan.notes
            assert any("no style is named" in note for note in notes) == is_said, name
    call = call_of(task("generate"), {"seed": 3, "prompt": FUNK})
    notes = prepare(Session(composer.pipeline), call).plan.notes
    assert not any("no style is named" in note for note in notes)


def test_with_a_lora_words_are_painted_from(composer: Riff) -> None:
    tuned = replace(composer.pipeline, loras=({"name": "a", "sha256": "b", "weight": 1.0},))
    assert planned(tuned, "generate", prompt="techno") is None
    assert planned(tuned, "loop", prompts=["techno"], free=False) is not None


def test_what_is_not_wanted_does_not_play(composer: Riff) -> None:
    for options in ({"negative_prompt": "drums"}, {"prompt": "techno, no drums"}):
        score = planned(composer.pipeline, "generate", **{"prompt": "techno", **options})
        assert score is not None and not any(track.is_drums for track in score.tracks)


def test_what_words_were_taken_for_is_said(composer: Riff) -> None:
    call = call_of(task("generate"), {"prompt": "dubstep", "seed": 3})
    notes = prepare(Session(composer.pipeline), call).plan.notes
    assert any("'dubstep' is played as" in note for note in notes)


def test_notes_are_played_unevenly_where_there_are_some(composer: Riff) -> None:
    exact, loose = (
        planned(composer.pipeline, "generate", prompt=FUNK, humanize=h) for h in (0.0, 1.0)
    )
    assert exact is not None and loose is not None and exact.tracks != loose.tracks
    with pytest.raises(ParameterError, match="humanize: is for notes"):
        planned(composer.pipeline, "generate", prompt=FUNK, humanize=1.0, free=True)


def test_a_loop_has_one_key_and_tempo_and_a_section_for_each_prompt(
    composer: Riff, seen: list[Tensor | None]
) -> None:
    prompts = [FUNK, "string ensemble, no drums"]
    plan = painted(composer.pipeline, "loop", prompts=prompts, bars=8)
    score, (guide,) = plan.score, seen
    assert score is not None and guide is not None
    names = [section.name for section in score.sections]
    assert names == [FUNK, "string ensemble, no drums", FUNK]
    assert [section.start for section in score.sections] == [0, 8, 24]
    strings = {t.instrument for t in span_of(score, 8, 24).tracks if t.notes}
    funk = {t.instrument for t in span_of(score, 0, 8).tracks if t.notes}
    assert funk == {"slap bass", "clavinet"} and not funk & strings and strings
    facts = plan.resolved
    assert (facts["bpm"], facts["key"]) == (score.bpm, f"{score.facts.key} {score.facts.mode}")
    torch.testing.assert_close(guide, guide_of(composer.pipeline, plan, score, loop=True))


def test_a_story_over_a_theme_plays_its_chords(composer: Riff, tmp_path: Path) -> None:
    theme = composer.generate("pop with piano", chords="C | F | G | Am", loop=True, **QUICK)
    theme.save(tmp_path / "theme.wav")
    frames = [Keyframe(0.0, "folk, guitar", strength=0.5), Keyframe(4.0, "techno")]
    score = planned(
        composer.pipeline, "story", keyframes=frames, bars=8, theme=tmp_path / "theme.wav"
    )
    assert score is not None
    assert [chord.root for chord in score.chords] == [0, 5, 7, 9] * 2
    assert (score.bpm, score.facts.key) == (theme.recipe.arguments["bpm"], "C")


def test_what_is_composed_is_replayed(
    composer: Riff, tiny_guided_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe holds the score: nothing is composed again."""
    made = {
        "generate": composer.generate(FUNK, bars=1, bpm=240.0, **QUICK),
        "loop": composer.loop([FUNK, "techno"], bars=2, bpm=240.0, **QUICK),
    }
    made["generate"].save(tmp_path / "generate.wav")
    made["extend"] = composer.extend(tmp_path / "generate.wav", bars=1, **QUICK)
    monkeypatch.setattr("riffkit.score.compose.Song", None)
    for name, clip in made.items():
        path = tmp_path / f"{name}.wav"
        clip.save(path)
        again = replay(path, tmp_path / "again.wav", model=str(tiny_guided_folder), device="cpu")
        assert again.same, (name, again)


@pytest.mark.parametrize("before", [False, True])
def test_new_bars_go_on_with_the_clip_s_music(
    composer: Riff, seen: list[Tensor | None], tmp_path: Path, before: bool
) -> None:
    """Its players, key, tempo and chords; beside them the model sees the clip's own notes."""
    options: dict[str, Any] = {"chords": "Em7 | A7 | D", "bpm": 240.0, "loop": True, **QUICK}
    clip = composer.generate(FUNK, **options)
    clip.save(tmp_path / "clip.wav")
    values: dict[str, Any] = {"clip": tmp_path / "clip.wav", "bars": 2, "before": before}
    plan = painted(composer.pipeline, "extend", **values)
    own, score, guide = score_of(clip), plan.score, seen[-1]
    assert score is not None and guide is not None
    n_own, n_new = own.n_beats, 8
    assert score.n_beats == n_own + n_new == 20
    new = span_of(score, 0, n_new) if before else span_of(score, n_own, n_own + n_new)
    old = span_of(score, n_new, n_new + n_own) if before else span_of(score, 0, n_own)
    assert players(old) == players(own)
    assert all(track.notes for track in new.tracks)
    roots = [chord.root for chord in own.chords]
    assert [chord.root for chord in new.chords] == (roots[1:] if before else roots[:2])
    assert (score.bpm, score.facts.key) == (own.bpm, own.facts.key)
    torch.testing.assert_close(guide, guide_of(composer.pipeline, plan, score))


def test_a_clip_without_notes_is_heard_where_a_style_is_asked_for(
    composer: Riff, seen: list[Tensor | None], tmp_path: Path
) -> None:
    path = tmp_path / "free.wav"
    free = composer.generate("techno", bpm=120.0, bars=1, free=True, loop=True, **QUICK)
    free.save(path)
    assert planned(composer.pipeline, "extend", clip=path) is None
    score = painted(composer.pipeline, "extend", clip=path, prompt=FUNK, bars=1).score
    assert score is not None
    assert (score.bpm, score.n_beats) == (120, 8)
    assert {"slap bass", "clavinet"} <= {track.instrument for track in score.tracks}
    assert [guide is None for guide in seen] == [True, False]


@pytest.mark.parametrize("name", ["restyle", "vary", "edit", "morph"])
def test_tasks_with_a_source_keep_it(
    composer: Riff, seen: list[Tensor | None], tmp_path: Path, name: str
) -> None:
    path = tmp_path / "clip.wav"
    composer.generate("techno", bars=1, bpm=240.0, loop=True, **QUICK).save(path)
    values: dict[str, dict[str, Any]] = {
        "restyle": {"clip": path, "prompt": "funk"},
        "vary": {"clip": path, "count": 1},
        "edit": {"clip": path, "prompt": "funk", "time": (0.1, 0.6)},
        "morph": {"first": path, "last": "funk", "frames": 2, "bars": 1},
    }
    seen.clear()
    assert painted(composer.pipeline, name, **values[name]).score is None
    assert set(map(type, seen)) == {type(None)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"free": True, "stems": True}, "free and stems: can't be combined"),
        ({"free": True, "chords": "C"}, "free and chords: can't be combined"),
        ({"free": "perhaps"}, "must be true or false"),
    ],
)
def test_what_does_not_go_is_said(composer: Riff, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        planned(composer.pipeline, "generate", prompt=FUNK, **options)


def test_a_model_that_takes_no_guide_is_not_composed_for(tiny: Pipeline, tmp_path: Path) -> None:
    Riff(tiny).generate("techno", bars=1, loop=True, **QUICK).save(tmp_path / "a.wav")
    calls: list[dict[str, Any]] = [
        {"name": "generate", "prompt": "techno"},
        {"name": "loop", "prompts": ["techno"]},
        {"name": "extend", "clip": tmp_path / "a.wav"},
    ]
    for call in calls:
        with pytest.raises(ParameterError, match="paints from words alone") as raised:
            planned(tiny, **call, free=False)
        assert "\n" not in str(raised.value)
    assert riffkit.load(device="cpu").pipeline.is_bundled and not tiny.is_bundled
