"""Options that all painting commands share."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from riffkit.commands import models, options
from riffkit.errors import ParameterError
from riffkit.models import pipeline as pipeline
from tests.dataset.small_dataset import small_dataset

COMMANDS = {
    "generate": ("piano",),
    "loop": ("piano",),
    "morph": ("piano", "drums"),
    "vary": ("a.wav",),
    "restyle": ("a.wav", "piano"),
    "edit": ("a.wav", "--freq", "200:900"),
    "extend": ("a.wav",),
}
LOADING = ("--model", "--lora", "--device", "--dtype", "--compile", "--offload")
PAINTING = (
    "--negative-prompt",
    "--beats-per-bar",
    "--steps",
    "--guidance",
    "--guidance-interval",
    "--sampler",
    "--deep-cache",
    "--vocoder",
    "--quality",
    "--seed",
)


def help_of(command: str) -> str:
    return CliRunner().invoke(cli.application(), [command, "--help"]).stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_painting_command_has_them(command: str) -> None:
    text = help_of(command)
    for option in (*PAINTING, *LOADING, "--json", "--quiet"):
        assert f"{option} " in text


class NotLoadedError(Exception):
    """Nothing has to be loaded to see what would be."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_model_is_loaded_as_asked_for(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    asked: dict[str, Any] = {}

    def loading(**arguments: Any) -> None:
        asked.update(arguments)
        raise NotLoadedError

    monkeypatch.setattr(pipeline, "load_pipeline", loading)
    monkeypatch.setattr(models, "fetch_missing", lambda model, quiet: None)
    monkeypatch.chdir(tmp_path)
    options = ["--model", "owner/name", "--lora", "a.safetensors:0.5", "--lora", "b", "--dtype"]
    given = [*COMMANDS[command], *options, "bfloat16", "--device", "cpu"]
    (tmp_path / "a.wav").touch()
    done = CliRunner().invoke(cli.application(), [command, *given])
    assert isinstance(done.exception, NotLoadedError), done.output
    compute = asked.pop("compute")
    assert asked == {"model": "owner/name", "device": "cpu", "loras": ["a.safetensors:0.5", "b"]}
    assert compute.dtype == "bfloat16"


def test_mistakes_are_said_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "load_pipeline", lambda **_: pytest.fail("loaded"))
    for wrong in (["--sampler", "best"], ["--deep-cache", "0"], ["--guidance-interval", "1:0"]):
        done = CliRunner().invoke(cli.application(), ["loop", "piano", *wrong])
        assert isinstance(done.exception, ParameterError), done.output


def test_mistakes_import_nothing_heavy(root: Any, tmp_path: Any) -> None:
    """They are answered at once: torch alone takes seconds."""
    (tmp_path / "list.csv").write_text("prompt,bars\na,0\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "a.mp3").touch()
    small_dataset(tmp_path / "set")
    wrong = (
        ["generate", ""],
        ["generate", "a", "--bars", "0"],
        ["restyle", "nowhere.wav", "a"],
        ["edit", "list.csv", "--mask", "list.csv", "--time", "0:1"],
        ["loop", "a", "--theme", "b"],
        ["story", "nowhere.toml"],
        ["batch", "list.csv"],
        ["generate", "--prompts", "list.csv"],
        ["morph", "a", "b.wav"],
        ["vary", "list.csv", "--count", "0"],
        ["dataset", "build", "nowhere", "out"],
        ["dataset", "build", "songs", "list.csv"],
        ["dataset", "build", "songs", "out", "--bars", "0"],
        ["dataset", "build", "songs", "out", "--preset", "none"],
        ["dataset", "build", "songs", "out", "--templates", "nowhere.txt"],
        ["dataset", "build", "empty", "out"],
        ["dataset", "check", "nowhere"],
        ["train", "lora", "nowhere", "run"],
        ["train", "lora", "nowhere", "run", "--rank", "0"],
        ["train", "lora", "nowhere", "run", "--device", "tpu"],
        ["train", "lora", "set", "list.csv"],
        ["train", "lora", "set", "list.csv/run", "--dry-run"],
        ["train", "full", "run", "--data", "empty"],
    )
    code = (
        "import sys, cli\nfrom riffkit.errors import RiffkitError\n"
        f"for words in {wrong!r}:\n"
        "    try:\n        cli.application(words)(words, standalone_mode=False)\n"
        "    except RiffkitError as error:\n        assert '\\n' not in str(error)\n"
        "    else:\n        raise AssertionError(words)\n"
        "    assert not {'torch', 'diffusers', 'numba'} & set(sys.modules), words\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr


def test_what_is_said_goes_to_stdout_though_a_bar_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with options.painting_bar(2, quiet=False) as on_step:
        on_step(1, 4)
        options.say({}, "a clip", as_json=False)
    assert capsys.readouterr().out == "a clip\n"
