"""Options that all painting commands share."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import cli
from riffkit.commands import models, printing
from riffkit.errors import ParameterError
from riffkit.models import pipeline as pipeline

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
    "--loudness",
    "--bits",
    "--rate",
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
    soundfile.write(tmp_path / "a.wav", np.zeros(9), 22_050)
    (tmp_path / "a.safetensors").touch()
    (tmp_path / "b").touch()
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


def test_what_is_said_goes_to_stdout_though_a_bar_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with printing.painting_bar(2, quiet=False) as on_step:
        on_step(1, 4)
        printing.say({}, "a clip", as_json=False)
    assert capsys.readouterr().out == "a clip\n"
