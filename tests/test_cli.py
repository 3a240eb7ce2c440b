"""The command line: what it prints, writes and refuses.

A process of its own takes longest to import, so most runs are the entry point in this one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile
from PIL import Image

import cli
from riffkit.commands import options
from riffkit.vocoder.base import QUALITIES

FAST = ("--bars", "1", "--steps", "4", "--quality", "preview", "--seed", "3")


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def command(root: Path) -> list[str]:
    return [sys.executable, str(root / "cli.py")]


@dataclass(frozen=True)
class Done:
    """What a run printed."""

    stdout: str
    stderr: str


@pytest.fixture
def riff_process(root: Path, tmp_path: Path):
    """The real command."""

    def run(*arguments: str, code: int = 0) -> Done:
        environment = {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [*command(root), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == code, done.stderr
        return Done(done.stdout, done.stderr)

    return run


@pytest.fixture
def riff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Its entry point, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["riff", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        done = Done(*capsys.readouterr())
        assert (ended.value.code or 0) == code, done.stderr
        return done

    return run


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    seconds = np.arange(44_100) / 44_100
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * seconds), 44_100)
    return path


def test_help_names_what_is_built(riff_process) -> None:
    text = riff_process("--help").stdout
    for name in (
        "generate",
        "encode",
        "decode",
        "inspect",
        "replay",
        "eval",
        "models",
        "train",
        "dataset",
    ):
        assert name in text


def test_generate_writes_a_pair_and_replays_it(riff_process, riff, tmp_path: Path) -> None:
    done = riff_process("generate", "house, piano", *FAST, "-o", "a.wav", "--json")
    facts = json.loads(done.stdout)
    assert facts["bpm"] == 124.0 or facts["bpm"] > 60
    audio, rate = soundfile.read(tmp_path / "a.wav")
    assert len(audio) == round(4 * 60 / facts["bpm"] * rate)
    assert size_of(tmp_path / "a.png") == (256, 512)
    for name in ("a.wav", "a.png"):
        result = json.loads(riff("replay", name, "--json").stdout)
        assert result["same"], result
        again = Path(name).stem + "-replay" + Path(name).suffix
        assert (tmp_path / name).read_bytes() == (tmp_path / again).read_bytes()


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3"])
def test_replay_of_other_formats(riff, extension: str) -> None:
    riff("generate", "drums", *FAST, "-o", f"a.{extension}")
    result = json.loads(riff("replay", f"a.{extension}", "--json").stdout)
    assert result["same"]
    assert result["compared"] == ("bytes" if extension == "flac" else "samples")


def test_count_gives_each_clip_the_next_seed(riff, tmp_path: Path) -> None:
    lines = riff("generate", "bass", *FAST, "--count", "2", "-o", "b.wav", "--json").stdout
    assert [json.loads(line)["seed"] for line in lines.splitlines()] == [3, 4]
    one = riff("generate", "bass", *FAST[:-1], "4", "-o", "c.wav", "--json")
    assert json.loads(one.stdout)["seed"] == 4
    assert (tmp_path / "b-2.wav").read_bytes() == (tmp_path / "c.wav").read_bytes()


def test_without_output_nothing_is_overwritten(riff, tmp_path: Path) -> None:
    for _ in range(2):
        riff("generate", "Solo Piano!", *FAST)
    assert {p.name for p in tmp_path.iterdir()} == {
        "solo-piano.wav",
        "solo-piano.png",
        "solo-piano-2.wav",
        "solo-piano-2.png",
    }


def test_encode_decode_inspect(riff, tone: Path, tmp_path: Path) -> None:
    riff("encode", "tone.wav", "tone.png")
    assert size_of(tmp_path / "tone.png") == (100, 512)
    riff("decode", "tone.png", "back.wav")
    audio, _ = soundfile.read(tmp_path / "back.wav")
    assert len(audio) == 44_100
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert abs(np.argmax(spectrum) - 440) <= 1
    assert abs(20 * np.log10(np.sqrt(2 * np.mean(audio[4410:-4410] ** 2)) / 0.3)) < 1
    facts = json.loads(riff("inspect", "back.wav", "--json").stdout)
    assert facts["recipe"]["command"] == "decode"
    assert facts["recipe"]["inputs"]["file"]["name"] == "tone.png"
    for name in ("tone.png", "back.wav"):
        assert json.loads(riff("replay", name, "--json").stdout)["same"]


def test_decode_at_another_tempo(riff, tone: Path, tmp_path: Path) -> None:
    riff("encode", "tone.wav", "beats.png", "--bpm", "120", "--preset", "full-band")
    assert size_of(tmp_path / "beats.png") == (128, 512)
    riff("decode", "beats.png", "slow.wav", "--bpm", "60")
    assert soundfile.info(tmp_path / "slow.wav").frames == 2 * 44_100


def test_no_path_and_no_time_in_the_recipe(riff, tmp_path: Path) -> None:
    riff("generate", "piano", *FAST, "-o", str(tmp_path / "p.wav"))
    recipe = json.dumps(json.loads(riff("inspect", "p.wav", "--json").stdout)["recipe"])
    assert str(tmp_path) not in recipe
    assert time.strftime("%Y-%m-%d") not in recipe


def test_quality_names_are_the_vocoder_s() -> None:
    assert get_args(options.QualityName) == QUALITIES


def test_models(riff) -> None:
    names = {m["name"] for m in json.loads(riff("models", "list", "--json").stdout)["models"]}
    assert {"mini", "griffin-lim"} <= names
    shown = json.loads(riff("models", "show", "mini", "--json").stdout)
    assert shown["spectrogram"]["preset"] == "full-band"
    assert sum(shown["parameters"].values()) < 20e6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", ""], "prompt"),
        (["generate", "x", "--bars", "0"], "bars=0"),
        (["generate", "x", "--prompts", "text.wav"], "can't go with --prompts"),
        (["generate", "x", "--bpm", "-3"], "bpm=-3"),
        (["generate", "x", "--steps", "0"], "steps=0"),
        (["generate", "x", "--count", "0"], "count=0"),
        (["generate", "x", "--seed", "-1"], "seed=-1"),
        (["generate", "x", "--vocoder", "magic"], "magic"),
        (["generate", "x", "--quality", "best"], "best"),
        (["generate", "x", "--device", "tpu"], "tpu"),
        (["generate", "x", "-o", "nowhere/a.wav"], "nowhere"),
        (["generate", "x", "-o", "a.xyz"], "xyz"),
        (["generate", "x", "--model", "no-such-model"], "no-such-model"),
        (["generate", "x", "--model", "broken"], "unet"),
        (["generate", "x", "--workers", "2"], "--workers: is for lists alone"),
        (["generate", "x", "--engine", "ray"], "--engine: is for lists alone"),
        (["edit", "tone.wav", "x"], "no part is chosen; set --time, --freq"),
        (["encode", "missing.wav", "a.png"], "missing.wav"),
        (["encode", "text.wav", "a.png"], "text.wav"),
        (["encode", "tone.wav", "a.jpg"], ".png"),
        (["encode", "tone.wav", "a.png", "--preset", "none"], "none"),
        (["encode", "tone.wav", "a.png", "--bpm", "0"], "bpm=0"),
        (["train", "denoiser", "run", "--vae", "no", "--cache", "c"], "is not an autoencoder"),
        (["train", "reference", "a.safetensors", "--data", "broken"], "riff train render"),
        (["decode", "photo.png", "a.wav"], "photo.png"),
        (["decode", "text.wav", "a.wav"], "text.wav"),
        (["decode", "missing.png", "a.wav"], "missing.png"),
        (["inspect", "missing.wav"], "missing.wav"),
        (["replay", "tone.wav"], "recipe"),
        (["models", "show", "no-such-model"], "no-such-model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_one_line_and_leaves_nothing(
    riff, tone: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.wav").write_text("not audio")
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model_index.json").write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    done = riff(*arguments, code=2)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "cp1252"])
def test_a_terminal_that_lacks_characters_is_no_failure(
    riff_process, tone: Path, tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("PYTHONUTF8", "0")
    (tmp_path / "雨.wav").write_bytes(tone.read_bytes())
    done = riff_process("inspect", "雨.wav")
    assert done.stdout.startswith("\\u96e8.wav: ")


def test_an_unknown_option_exits_2(riff_process) -> None:
    error = riff_process("generate", "x", "--barz", "2", code=2).stderr
    assert "--barz" in error
    assert len(error.splitlines()) == 1


def test_a_mistake_in_a_process_of_its_own(riff_process, tmp_path: Path) -> None:
    error = riff_process("generate", "x", "--steps", "0", code=2).stderr
    assert "steps=0" in error and len(error.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_leaves_nothing(root: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*command(root), "generate", "long one", "--bars", "64", "-o", "a.wav"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip() == "riff: stopped"
    assert list(tmp_path.iterdir()) == []


def test_eval_refuses_at_once_what_it_cannot_judge(riff, tmp_path: Path) -> None:
    assert "needs --dataset" in riff("eval", "out", "--prompt", "x", code=2).stderr
    assert "give --lora" in riff("eval", "out", "--dataset", "empty", code=2).stderr
    asked = riff("eval", "out", "--dataset", "empty", "--lora", "run", code=2).stderr
    assert "give --prompt" in asked
    asked = ("eval", "out", "--dataset", "empty", "--lora", "run", "--prompt", "x")
    assert "dataset='empty': no such folder" in riff(*asked, code=2).stderr
    assert "prompts=0" in riff("eval", "out", "--prompts", "0", code=2).stderr
    (tmp_path / "empty").mkdir()
    refused = riff("eval", "out", "--reference", "empty", code=2).stderr
    assert "reference='empty'" in refused and refused.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_debug_logs_what_is_done_and_shows_tracebacks(riff_process) -> None:
    done = riff_process(
        "generate",
        "piano",
        "--bars",
        "1",
        "--steps",
        "2",
        "--quality",
        "preview",
        "-o",
        "a.wav",
        "--debug",
    )
    for line in ("riffkit.models.pipeline  mini: loaded", "painted 1 in", "decoded by griffin-lim"):
        assert line in done.stderr
    failed = riff_process("--debug", "inspect", "missing.wav", code=2)
    assert "Traceback" in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("riff: 'missing.wav'")
