"""Settings from flags and TOML; what is wrong with them is one line."""

from __future__ import annotations

import math
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from riffkit.commands.training import app
from riffkit.errors import ParameterError
from riffkit.training.settings import (
    FREE,
    FullSettings,
    LoraSettings,
    TuningSettings,
    check_same_settings,
    read_settings,
)
from tests.dataset.small_dataset import small_dataset


@pytest.mark.parametrize(("command", "kind"), [("lora", LoraSettings), ("full", FullSettings)])
def test_every_setting_has_an_option_and_help(command: str, kind: type[TuningSettings]) -> None:
    options = {p.name: p for p in get_command(app).commands[command].params}  # type: ignore
    for name, field in kind.model_fields.items():
        assert len(options[name].help) > 8, name
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert f"[default: {field.default:g}]" in options[name].help, name
    assert set(FREE) <= set(LoraSettings.model_fields)


def test_flags_stand_for_the_file_s(tmp_path: Path) -> None:
    file = tmp_path / "metal.toml"
    file.write_text('rank = 4\nlearning_rate = 1\ntrigger = "zorg"\n')
    read = read_settings(LoraSettings, file, {"rank": 8, "images": None})
    assert (read.rank, read.learning_rate, read.trigger, read.images) == (8, 1.0, "zorg", 6_000)


def test_a_dry_run_prints_what_a_config_reads_again(tmp_path: Path) -> None:
    flags = ["--rank", "4", "--trigger", 'a "b"\\', "--target", "to_q", "--target", "to_k"]
    data = small_dataset(tmp_path / "set")
    words = ["lora", str(data), str(tmp_path / "RUN"), *flags, "--dry-run"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert not (tmp_path / "RUN").exists()
    file = tmp_path / "again.toml"
    file.write_text(done.stdout)
    assert "# dataset: 12 clips for training and 4 held out" in done.stdout
    assert list(tomllib.loads(done.stdout)) == list(LoraSettings.model_fields)
    read = read_settings(LoraSettings, file, {})
    assert read == LoraSettings(rank=4, trigger='a "b"\\', targets=("to_q", "to_k"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rnak": 4}, "'rnak' is unknown; did you mean 'rank'?"),
        ({"lr": 4}, "'lr' is unknown; did you mean 'learning_rate'?"),
        ({"sound": 4}, "'sound' is unknown; use one of model, images, "),
        ({"images": 0}, "images=0: must be more than 0"),
        ({"images": 1.5}, "images=1.5: must be a whole number"),
        ({"rank": "much"}, "rank='much': must be a whole number"),
        ({"prior_share": 5}, "prior_share=5: must be at most 4"),
        ({"learning_rate": "fast"}, "learning_rate='fast': must be a number"),
        ({"text_encoder": "perhaps"}, "text_encoder='perhaps': must be true or false"),
        ({"trigger": 3}, "trigger=3: must be text"),
        ({"precision": "fp8"}, "precision='fp8': must be one of 'auto', 'no', 'bf16' or 'fp16'"),
        ({"targets": "to_q"}, "targets='to_q': must be a list"),
        ({"learning_rate": math.inf}, "learning_rate=inf: must be a finite number"),
        ({"device": "tpu"}, "device='tpu': must be one of auto, cpu, cuda, mps"),
        ({"sample_prompts": ("a", " ")}, "sample_prompts: prompt=' ': must not be empty"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], said: str) -> None:
    for make in (
        partial(read_settings, LoraSettings, None, values),
        partial(LoraSettings, **values),
    ):
        with pytest.raises(ParameterError) as error:
            make()
        assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("rank = ")
    (tmp_path / "b.toml").write_text("raank = 3")
    for name, said in (
        ("a.toml", "not valid TOML"),
        ("b.toml", "b.toml: 'raank' is unknown"),
        ("c", "no such file"),
    ):
        with pytest.raises(ParameterError, match=said):
            read_settings(LoraSettings, tmp_path / name, {})


def test_a_run_goes_on_with_the_same_settings_only(tmp_path: Path) -> None:
    old = LoraSettings(rank=4).model_dump(mode="json")
    check_same_settings(old, LoraSettings(rank=4, device="cpu", keep=7), tmp_path)
    with pytest.raises(ParameterError, match=r"started with rank=4, not 48"):
        check_same_settings(old, LoraSettings(), tmp_path)
    check_same_settings(old, LoraSettings(rank=4, images=12_000), tmp_path)  # longer
    with pytest.raises(ParameterError, match=r"started with images=6000, not 5999"):
        check_same_settings(old, LoraSettings(rank=4, images=5_999), tmp_path)
