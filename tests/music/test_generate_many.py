"""Clips of a list: each as if made alone, kept where it is there, failures told one by one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from riffkit.errors import ModelError, OutputError, ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.music.batch import list_calls, make_all
from riffkit.music.batch_list import entries_of, read_batch
from riffkit.music.riff import Riff

GOLDEN = Path(__file__).parents[1] / "golden" / "files"
FAST: Mapping[str, Any] = {"bars": 1, "bpm": 240.0, "steps": 1, "quality": "preview"}


@pytest.fixture
def one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def tiny_riff(tiny: Pipeline) -> Riff:
    return Riff(tiny)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_each_clip_is_as_made_alone(tiny_riff: Riff, tmp_path: Path, one_thread: None) -> None:
    prompts = ["Solo Piano!", {"prompt": "drums", "seed": 9, "bpm": 200}]
    made = list(tiny_riff.generate_many(prompts, tmp_path / "many", seed=4, workers=1, **FAST))
    assert [(one.error, one.kept, one.recipe.arguments["seed"]) for one in made if one.recipe] == [
        ("", False, 4),
        ("", False, 9),
    ]
    alone = [
        tiny_riff.generate("Solo Piano!", seed=4, **FAST),
        tiny_riff.generate("drums", seed=9, **{**FAST, "bpm": 200.0}),
    ]
    for clip, one in zip(alone, made, strict=True):
        clip.save(tmp_path / "alone.wav")
        clip.image.save(tmp_path / "alone.png")
        assert one.path.read_bytes() == (tmp_path / "alone.wav").read_bytes()
        assert one.path.with_suffix(".png").read_bytes() == (tmp_path / "alone.png").read_bytes()
    assert {*contents(tmp_path / "many")} == {
        "001-solo-piano.wav",
        "001-solo-piano.png",
        "002-drums.wav",
        "002-drums.png",
    }


def test_what_is_there_is_kept_and_what_changed_is_made(tiny_riff: Riff, tmp_path: Path) -> None:
    def run(prompts: list[Any], **options: Any) -> list[bool]:
        made = tiny_riff.generate_many(prompts, tmp_path, workers=1, **{**FAST, **options})
        return [one.kept for one in made]

    prompts = ["piano", {"prompt": "drums", "seed": 2}]
    assert run(prompts) == [False, False]
    before = contents(tmp_path)
    (tmp_path / "001-piano.png").unlink()
    assert run(prompts) == [False, True]
    after = contents(tmp_path)
    assert all(after[name] == before[name] for name in before if name.startswith("002"))
    # another seed is only another clip where one is asked for
    assert run(["piano", {"prompt": "drums", "seed": 3}]) == [True, False]
    (tmp_path / "002-drums.wav").write_bytes(b"RIFF")  # not riffkit's, as far as one can see
    with pytest.raises(OutputError, match=r"002-drums\.wav' exists and isn't riffkit's own"):
        run(["piano", {"prompt": "drums", "seed": 3}])
    assert run(["piano", {"prompt": "drums", "seed": 3}], force=True) == [True, False]
    assert run(["piano"], steps=2) == [False]


def test_a_row_may_read_what_another_row_made(tiny_riff: Riff, tmp_path: Path) -> None:
    first = tmp_path / "001-piano.wav"
    rows = ["piano", {"task": "restyle", "clip": first, "prompt": "drums", "bpm": 240}]
    options = {"steps": 1, "quality": "preview", "bpm": 240.0}
    next(tiny_riff.batch(["piano"], tmp_path, seed=1, bars=1, workers=1, **options))
    made = list(tiny_riff.batch(rows, tmp_path, seed=1, bars=1, workers=1, **options))
    assert [(one.error, one.kept) for one in made] == [("", True), ("", False)]


def test_a_failed_clip_does_not_stop_the_others(tiny_riff: Riff, tmp_path: Path) -> None:
    melody = str(tmp_path / "silent.wav")
    soundfile.write(melody, np.zeros(22_050), 22_050)
    prompts = [{"prompt": "a", "duration": 1e5}, "b", {"prompt": "c", "melody": melody}]
    made = list(tiny_riff.generate_many(prompts, tmp_path, seed=1, workers=1, **FAST))
    assert ["duration=100000" in made[0].error, made[1].error, "is silent" in made[2].error] == [
        True,
        "",
        True,
    ]
    assert {*contents(tmp_path)} == {"002-b.wav", "002-b.png", "silent.wav"}


def test_without_its_model_it_stops(tmp_path: Path) -> None:
    clips = list_calls(entries_of(["a"]), tmp_path, seed=1)
    with pytest.raises(ModelError, match=r"^001-a\.wav: model='none'"):
        list(make_all(clips, {"model": "none", "device": "cpu"}, workers=1))


def test_threads_are_as_before(tiny_riff: Riff, tmp_path: Path) -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        (made,) = tiny_riff.generate_many(["a"], tmp_path, seed=1, workers=1, **FAST)
        assert made.recipe is not None and made.recipe.threads == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)


def test_count_names_and_seeds() -> None:
    entries = entries_of(["a b", {"prompt": "c", "seed": 7}])
    clips = list_calls(entries, Path("out"), seed=10, count=2)
    assert [(one.paths[0].name, one.call.request.seed) for one in clips] == [
        ("001-a-b-1.wav", 10),
        ("001-a-b-2.wav", 11),
        ("002-c-1.wav", 7),
        ("002-c-2.wav", 8),
    ]


def test_an_entrys_length_replaces_the_length_for_all() -> None:
    entries = entries_of([{"prompt": "a", "duration": 3.0}, "b"])
    first, second = list_calls(entries, Path("out"), seed=0, defaults={"bars": 4})
    assert (first.call.request.bars, first.call.request.duration) == (None, 3.0)
    assert (second.call.request.bars, second.call.request.duration) == (4, None)


def test_options_that_no_row_knows_are_refused() -> None:
    entries = entries_of([{"last": "drums"}, "a"], task="morph")[:1] + entries_of(["a"])
    with pytest.raises(ParameterError, match="'bmp' is unknown; did you mean 'bpm'"):
        list_calls(entries, Path("out"), seed=0, defaults={"bmp": 90.0})
    defaults = {"first": "piano", "loop": True}  # each for the rows that know it
    one, other = list_calls(entries, Path("out"), seed=0, defaults=defaults)
    assert (one.call.request.first, one.call.inputs) == ("piano", {})
    assert other.call.request.loop


def test_clips_of_a_list_have_seeds_of_their_own(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(9), 22_050)
    row = {"task": "vary", "clip": tmp_path / "a.wav", "count": 3}
    calls = list_calls(entries_of([row, "b"]), tmp_path, seed=10, count=2)
    assert [one.call.request.seed for one in calls] == [10, 13, 16, 17]
    assert [len(one.paths) for one in calls] == [3, 3, 1, 1]


def test_a_row_goes_before_its_script_and_that_before_what_is_meant_for_all(tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    frame = "[[keyframe]]\nbar = 0\nprompt = 'a'\n"
    (tmp_path / "list" / "seeded.toml").write_text(f"bpm = 96\nseed = 4\n{frame}")
    (tmp_path / "list" / "themed.toml").write_text(f"bpm = 96\ntheme = 'a.wav'\n{frame}")
    soundfile.write(tmp_path / "list" / "a.wav", np.zeros(9), 22_050)
    rows = [{"script": "seeded.toml"}, {"script": "themed.toml", "bpm": 100}]
    path = tmp_path / "list" / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    first, second = list_calls(
        read_batch(path, task="story"),
        tmp_path,
        seed=7,
        any_seed=True,
        defaults={"bpm": 120.0, "phrase_bars": 1},
    )
    requests = [one.call.request for one in (first, second)]
    assert [(r.bpm, r.phrase_bars, r.seed) for r in requests] == [(96.0, 1, 4), (100.0, 1, 8)]
    assert (first.any_seed, second.any_seed) == (False, True)
    assert second.call.inputs["theme"] == tmp_path / "list" / "a.wav"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "# two prompts\n\nlo-fi, rainy\n  techno  \n"),
        ("a.jsonl", '{"prompt": "lo-fi, rainy"}\n# so\n\n{"prompt": "techno", "bpm": null}\n'),
        ("a.csv", '# so\nprompt, bpm\n"lo-fi, rainy",\n# no\n\ntechno,\n'),
        ("b.csv", "\ufeffprompt;bpm\nlo-fi, rainy;\ntechno;\n"),
    ],
)
def test_lists_are_read(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    entries = read_batch(tmp_path / name)
    assert [dict(entry.values) for entry in entries if entry.call({}, seed=0)] == [
        {"prompt": "lo-fi, rainy"},
        {"prompt": "techno"},
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_fields_have_their_types(suffix: str, tmp_path: Path) -> None:
    fields = {"prompt": "7", "seed": 7, "bpm": 90, "loop": True, "melody": "tune.mid"}
    shutil.copy(GOLDEN / "tune.mid", tmp_path)
    path = tmp_path / f"list.{suffix}"
    path.write_text(
        json.dumps(fields)
        if suffix == "jsonl"
        else "prompt,seed,bpm,loop,melody\n7,7,90,yes,tune.mid\n"
    )
    (entry,) = read_batch(path)
    call = entry.call({}, seed=0)
    assert call.inputs == {"melody": tmp_path / "tune.mid"}
    values = [getattr(call.request, name) for name in fields if name != "melody"]
    assert values == ["7", 7, 90, True]
    assert [type(value) for value in values] == [str, int, float, bool]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "a.jsonl",
            '{"prompt": "x"}\n{"promt": "y"}',
            "line 2: 'promt' is unknown; did you mean 'prompt'",
        ),
        ("a.csv", "prompt,tempo_bpm\nx,90\n", "line 2: 'tempo_bpm' .* 'bpm'"),
        ("a.csv", "prompt,seed\nx,seven\n", "line 2: seed='seven': must be a whole number"),
        ("a.csv", "prompt,bars\nx,4,5\n", "line 2: can't be read"),
        ("a.jsonl", '{"prompt": "x", "bpm": "fast"}', "line 1: bpm='fast': must be a number"),
        ("a.jsonl", '{"prompt": "x", "quality": "best"}', "must be one of preview, default, high"),
        ("a.jsonl", '{"bpm": 90}', "line 1: has no prompt"),
        ("a.jsonl", "[1]", "line 1: can't be read"),
        ("a.jsonl", "{", "line 1: can't be read"),
        ("a.txt", "# nothing\n", "contains no prompt"),
    ],
)
def test_mistakes_in_lists_are_named(name: str, text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ParameterError, match=says):
        list_calls(read_batch(tmp_path / name), tmp_path, seed=0)


def test_values_out_of_range_are_named_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,bars\nx,1\ny,0\n")
    with pytest.raises(ParameterError, match=r"^a\.csv, line 3: bars=0"):
        list_calls(read_batch(tmp_path / "a.csv"), tmp_path, seed=0)
    with pytest.raises(ParameterError, match=r"missing\.txt"):
        read_batch(tmp_path / "missing.txt")


@pytest.mark.slow
def test_processes_make_the_same_bytes(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    loading = {"model": str(tiny_folder), "device": "cpu"}

    def run(folder: str, **config: Any) -> dict[str, bytes]:
        clips = list_calls(entries_of(["piano", "drums"]), tmp_path / folder, seed=5, defaults=FAST)
        assert [one.error for one in make_all(clips, loading, **config)] == ["", ""]
        return contents(tmp_path / folder)

    assert run("processes", workers=2) == run("here", workers=1)


@pytest.fixture
def command(root: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(root / "cli.py"), "generate", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    return run


def test_the_command_says_each_and_exits_1_for_failures(command, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("prompt,bpm,duration\npiano,240,\ndrums,,100000\n")
    done = command(
        "--prompts",
        "list.csv",
        "--bars",
        "1",
        "--steps",
        "1",
        "--quality",
        "preview",
        "--json",
        "--workers",
        "1",
    )
    assert done.returncode == 1
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["audio"], first["bpm"], first["kept"]) == ("list/001-piano.wav", 240, False)
    assert second["audio"] == "list/002-drums.wav" and "duration=100000" in second["error"]
    assert "1 of 2 clips failed" in done.stderr


def test_a_prompt_or_a_list_not_both(command) -> None:
    for arguments in ([], ["x", "--prompts", "y.txt"]):
        done = command(*arguments)
        assert done.returncode == 2
        assert "--prompts" in done.stderr and done.stderr.count("\n") == 1
