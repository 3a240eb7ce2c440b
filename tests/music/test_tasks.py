"""A task is a value: one file, and it is there in Python, on the command line, in batch, replay."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

import cli
from riffkit.audio import files
from riffkit.commands.painting import add_tasks
from riffkit.device import single_thread
from riffkit.errors import ParameterError
from riffkit.music import session as sessions
from riffkit.music.clip import Clip
from riffkit.music.fields import option
from riffkit.music.finish import Ending, Painted
from riffkit.music.plan import Asked, Plan
from riffkit.music.planning import make_plan
from riffkit.music.registry import register, tasks, unregister
from riffkit.music.replay import replay
from riffkit.music.request import PaintRequest
from riffkit.music.riff import Riff
from riffkit.music.session import Session
from riffkit.music.task import Opened, Task
from riffkit.music.timeline import Keyframe
from riffkit.prompt import prompt as prompts
from riffkit.spectrogram.image import SpectrogramImage

SAMPLES = Path(__file__).parents[2] / "samples"
FAST: Mapping[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}


@pytest.fixture(scope="module")
def clip(golden_riff: Riff, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    golden_riff.generate("house, organ", bars=2, loop=True, **FAST).save(path)
    return path


def calls(clip: Path) -> dict[str, dict[str, Any]]:
    """What each task is asked for, by the names of its inputs and fields."""
    script = clip.with_name("story.toml")
    script.write_text(
        "bars = 2\nsteps = 2\nquality = 'preview'\n[[keyframe]]\nbar = 0\nprompt = 'house'\n"
    )
    return {
        "generate": {"prompt": "(sad:1.2) house", "bars": 1, "negative_prompt": "noise", **FAST},
        "loop": {"prompts": ["house", "waltz, organ"], "bars": 2, "theme": clip, **FAST},
        "story": {"script": script, "seed": 3, "bpm": 200.0},
        "morph": {"first": clip, "last": "waltz", "frames": 3, "bars": 1, **FAST},
        "vary": {"clip": clip, "count": 2, **FAST},
        "restyle": {"clip": clip, "prompt": "organ", "strength": 0.7, **FAST},
        "edit": {"clip": clip, "prompt": "organ", "time": (0.1, 0.4), "keep_melody": True, **FAST},
        "extend": {"clip": clip, "prompt": "organ", "bars": 1, "before": True, **FAST},
    }


NAMES = ("generate", "loop", "story", "morph", "vary", "restyle", "edit", "extend")
ARGUMENTS = ("prompt", "prompts", "script", "first", "last", "clip")


def test_these_are_all() -> None:
    assert set(NAMES) == set(tasks())


def as_command(name: str, values: Mapping[str, Any]) -> list[str]:
    """The words of the same request on the command line."""
    words, options = [], []
    of = tasks()[name]
    order = [*(one.name for one in of.inputs), *(field.name for field in fields(of.request))]
    for key in sorted(values, key=order.index):
        value = values[key]
        if key in ARGUMENTS and not (name == "vary" and key == "prompt"):
            words += map(str, value) if isinstance(value, list) else [str(value)]
        elif value is True:
            options.append(f"--{key.replace('_', '-')}")
        else:
            text = ":".join(map(str, value)) if isinstance(value, tuple) else str(value)
            options += [f"--{key.replace('_', '-')}", text]
    return [name, *words, *options]


def as_list(made: Clip | list[Clip]) -> list[Clip]:
    return made if isinstance(made, list) else [made]


@pytest.mark.parametrize("name", NAMES)
def test_python_and_the_command_line_make_the_same_clip(
    name: str, golden_riff: Riff, golden_folder: Path, clip: Path, tmp_path: Path
) -> None:
    values = calls(clip)[name]
    made = as_list(getattr(golden_riff, name)(**values))
    out = tmp_path / "out.wav"
    words = [*as_command(name, values), "-o", str(out), "--model", str(golden_folder), "--json"]
    done = CliRunner().invoke(cli.application(), words)
    assert done.exception is None, (done.exception, done.output)
    facts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(facts) == len(made)
    for one, said in zip(made, facts, strict=True):
        one.save(tmp_path / "python.wav")
        sound, rate = files.load(tmp_path / "python.wav")
        heard, heard_rate = files.load(Path(said["audio"]))
        assert rate == heard_rate
        assert torch.equal(sound, heard)
        assert Path(said["image"]).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_holds_every_choice_and_makes_the_same_again(
    name: str, golden_riff: Riff, golden_folder: Path, clip: Path, tmp_path: Path
) -> None:
    made = as_list(getattr(golden_riff, name)(**calls(clip)[name]))[-1]
    arguments = made.recipe.arguments
    assert {field.name for field in fields(PaintRequest)} <= set(arguments)
    chosen = ("bpm", "key", "beats_per_bar", "steps", "guidance")
    assert None not in [arguments[name] for name in chosen]
    made.save(tmp_path / "clip.flac")
    again = replay(
        tmp_path / "clip.flac",
        tmp_path / "again.flac",
        model=str(golden_folder),
        sources=[clip],
        device="cpu",
    )
    assert (again.same, again.compared) == (True, "bytes")


@pytest.mark.parametrize("name", NAMES)
def test_each_prompt_is_read_once(
    name: str, golden_riff: Riff, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    worded: list[str] = []
    real, real_wording = prompts.read_prompt, prompts.read_wording
    monkeypatch.setattr(
        sessions, "read_prompt", lambda text, traits: read.append(text) or real(text, traits)
    )
    monkeypatch.setattr(
        prompts,
        "read_wording",
        lambda text, traits: worded.append(text) or real_wording(text, traits),
    )
    getattr(golden_riff, name)(**calls(clip)[name])
    said = [text for text in read if text]
    assert len(said) == len(set(said)) == {"generate": 2, "loop": 2}.get(name, 1)
    # a weighted part is worded by itself too
    assert len(worded) == len(said) + (name == "generate")


def test_a_replay_gives_the_text_that_was_read_then(
    golden_riff: Riff, golden_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However prompts are read by then."""
    path = tmp_path / "clip.wav"
    golden_riff.generate("sad house", bars=1, **FAST).save(path)
    real = prompts.read_prompt
    monkeypatch.setattr(
        sessions, "read_prompt", lambda text, traits: real(f"{text}, choir", traits)
    )
    assert not torch.equal(
        files.load(path)[0], golden_riff.generate("sad house", bars=1, **FAST).waveform
    )
    again = replay(path, tmp_path / "again.wav", model=str(golden_folder), device="cpu")
    assert again.same


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("generate", {"prompt": "a", "bmp": 90}, "'bmp' is unknown; did you mean 'bpm'"),
        ("generate", {"prompt": "a", "bars": "two"}, "bars='two': must be a whole number"),
        ("generate", {}, "generate: has no prompt"),
        ("restyle", {"prompt": "a"}, "restyle: clip is missing"),
        ("restyle", {"clip": "nowhere.wav", "prompt": "a"}, r"nowhere\.wav"),
        ("restyle", {"clip": 5, "prompt": "a"}, "clip=5: must be a file name"),
        ("story", {"keyframes": [7], "bars": 2}, r"keyframes\[0\]=7: must be a table"),
        ("story", {}, "story: has no keyframes"),
        ("vary", {"clip": SAMPLES / "lofi.flac", "count": 0}, "count=0: must be between 1 and 64"),
        (
            "edit",
            {"clip": SAMPLES / "lofi.flac", "mask": SAMPLES / "lofi.png", "time": (0, 1)},
            "mask: can't be combined with `time`",
        ),
        (
            "edit",
            {"clip": SAMPLES / "lofi.flac", "prompt": "a"},
            "edit: no part is chosen; set `time`, ",
        ),
        ("morph", {"first": "nowhere.flac", "last": "a"}, r"nowhere\.flac': no such file"),
        ("loop", {"prompts": ["a"], "theme": "nowhere"}, "no such file; or one of .*house"),
        ("generate", {"prompt": "a", "bpm": 0}, "bpm=0: must be between 20 and 400"),
        ("generate", {"prompt": "a", "vocoder": "best"}, "vocoder='best': must be one of"),
        ("generate", {"prompt": "a", "steps": 0}, "steps=0: must be at least 1"),
    ],
)
def test_mistakes_are_one_line(
    name: str, values: dict[str, Any], message: str, golden_riff: Riff
) -> None:
    with pytest.raises(ParameterError, match=message) as raised:
        getattr(golden_riff, name)(**values)
    assert "\n" not in str(raised.value)


def test_keyframes_may_be_values_or_tables(golden_riff: Riff) -> None:
    frame = {"bar": 0, "prompt": "house"}
    clips = [
        golden_riff.story(keyframes=[one], bars=2, **FAST)
        for one in (frame, Keyframe(0.0, "house"))
    ]
    assert torch.equal(clips[0].waveform, clips[1].waveform)


def test_a_method_looks_like_its_task(golden_riff: Riff) -> None:
    import inspect

    signature = inspect.signature(golden_riff.restyle)
    assert list(signature.parameters)[:2] == ["clip", "prompt"]
    assert {"strength", "bpm", "seed", "on_step"} <= set(signature.parameters)
    assert "restyle" in dir(golden_riff)
    assert "clip" in (golden_riff.restyle.__doc__ or "")
    with pytest.raises(AttributeError, match="restyel"):
        _ = golden_riff.restyel


# A task of a user's own: what stands here is all that there is of it.


@dataclass(frozen=True)
class EchoRequest(PaintRequest):
    """Bars of a prompt, each again `times` times."""

    prompt: str = option("The music in words.", positional=True)
    times: int = option("How often each bar comes.", 2, least=1, most=4)


def _plan(session: Session, request: EchoRequest, opened: Opened) -> Plan:
    asked = [Asked(request.prompt, request.negative_prompt)]
    return make_plan(session, request, asked, bars=request.times)


def _paint(session: Session, plan: Plan, request: EchoRequest, opened: Opened) -> Sequence[Painted]:
    canvas = session.canvas(plan, loop=True)
    (asked,) = session.conditionings(plan)
    noise = session.noise(canvas, request.seed)[..., : canvas.columns_per_bar]
    latents = session.paint(
        plan, canvas, [lambda bar: asked], noise.repeat(1, 1, 1, request.times), seed=request.seed
    )
    pixels = session.pixels(canvas, latents)
    image = SpectrogramImage(pixels, session.pipeline.params, grid=plan.grid)
    return [Painted(image, seed=request.seed, loop=True, ending=Ending(faded=False))]


def _title(request: EchoRequest, inputs: Mapping[str, Any]) -> str:
    return f"echo of {request.prompt}"


@pytest.fixture
def echo() -> Iterator[None]:
    register(Task("echo", "Say it again.", EchoRequest, _plan, _paint, _title))
    yield
    unregister("echo")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As a batch computes."""
    with single_thread():
        yield


@pytest.mark.usefixtures("echo")
@pytest.mark.usefixtures("one_thread")
def test_a_task_of_ones_own_is_there_everywhere(
    golden_riff: Riff, golden_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    python = golden_riff.echo("house", times=3, **FAST)
    python.save("python.wav")
    sound = files.load("python.wav")[0]

    app = typer.Typer()
    add_tasks(app)
    said = CliRunner().invoke(app, ["echo", "--help"]).stdout
    assert "Say it again." in said and "--times" in said and "How often" in said
    common = ["--model", str(golden_folder), "--device", "cpu", "--steps", "2", "--seed", "3"]
    common += ["--quality", "preview"]
    done = CliRunner().invoke(app, ["echo", "house", "--times", "3", *common])
    assert done.exception is None, (done.exception, done.output)
    assert torch.equal(files.load("echo-of-house.wav")[0], sound)
    wrong = CliRunner().invoke(app, ["echo", "house", "--times", "9", *common])
    assert "times=9: must be between 1 and 4" in str(wrong.exception)

    Path("list.csv").write_text("task,prompt,times\necho,house,3\ngenerate,waltz,\n")
    done = CliRunner().invoke(app, ["batch", "list.csv", *common, "--workers", "1"])
    assert done.exception is None, (done.exception, done.output)
    again = replay(Path("python.wav"), Path("again.wav"), model=str(golden_folder), device="cpu")
    assert torch.equal(files.load("list/001-echo-of-house.wav")[0], sound)
    assert Path("list/002-waltz.wav").exists()
    assert again.same
    assert torch.equal(files.load("again.wav")[0], sound)


def test_nobody_else_knows_a_task(root: Path) -> None:
    """No name or function of a task stands in the library but in its own file."""
    known: dict[str, set[str]] = {name: set() for name in NAMES}
    for path in [*root.glob("riffkit/**/*.py"), root / "cli.py"]:
        place = path.relative_to(root).as_posix()
        if place.startswith("riffkit/score/"):  # a caption's "loop" is a word
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            said = {node.value} if isinstance(node, ast.Constant) else set()
            if node in tree.body and isinstance(node, ast.FunctionDef):
                said = {node.name}
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(HOME):
                said = {(node.module or "").rpartition(".")[2], *(one.name for one in node.names)}
            for name in said & set(NAMES):
                known[name].add(place)
    for name, places in known.items():
        others = places - {f"riffkit/tasks/{name}.py"} - ELSEWHERE.get(name, set())
        assert not others, f"{name}: {others}"


HOME = "riffkit.tasks"
ELSEWHERE = {
    # how the first recipes named their inputs, and what they left open
    **{
        name: {"riffkit/provenance/migrations.py"}
        for name in ("loop", "story", "morph", "edit", "extend")
    },
    # and whose images are loops
    "loop": {"riffkit/provenance/migrations.py", "riffkit/music/musical_facts.py"},
    # the task of a list that doesn't say; what judges have made, and a training's samples
    "generate": {
        "riffkit/provenance/migrations.py",
        "riffkit/music/replay.py",  # refuses what the first melodies were followed by
        "riffkit/music/batch_list.py",
        "riffkit/music/riff.py",
        "riffkit/commands/painting.py",
        "riffkit/server/routes/compatibility.py",  # what /v1/audio/speech makes
        "riffkit/commands/training.py",  # the command that plays what was trained
        "riffkit/evaluation/run.py",
        "riffkit/evaluation/genre.py",
        "riffkit/evaluation/prompts.py",
        "riffkit/evaluation/real.py",
        "riffkit/training/prior_preservation.py",
        "riffkit/training/samples.py",
    },
}
ELSEWHERE["story"] |= {"riffkit/tasks/loop.py"}  # a loop is a story of evenly spaced keyframes
