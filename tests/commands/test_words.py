"""`riff words`: what a prompt may say, at once and in any language."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from riffkit.errors import ParameterError
from riffkit.models.locate import find_model, model_traits
from riffkit.prompt.languages import LANGUAGES, to_english


def said(*options: str) -> str:
    done = CliRunner().invoke(cli.application(), ["words", *options])
    assert done.exception is None, done.output
    return done.stdout


def test_styles_have_their_tempo_and_metre() -> None:
    text = said()
    assert "  waltz, waltz in three, 3/4 waltz, ballroom waltz: 126 BPM, 3/4\n" in text
    assert "  techno, techno music, industrial techno, warehouse techno: 132 BPM, 4/4\n" in text
    for kind, word in (("Instruments", "kalimba"), ("Moods", "wistful"), ("Other", "sparse")):
        assert word in text.split(f"{kind}:\n")[1].split("\n\n")[0].split(", ")


def test_in_another_language() -> None:
    assert "klavier…, flügel (piano)" in said("--language", "de")
    assert "вальс… (waltz)" in said("--language", "ru")
    with pytest.raises(ParameterError, match="language='it': must be one of en, de, fr"):
        CliRunner().invoke(cli.application(), ["words", "--language", "it"], catch_exceptions=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_word_listed_is_read_as_what_stands_beside_it(language: str) -> None:
    facts: dict[str, Any] = json.loads(said("--language", language, "--json"))
    listed = [*(style["name"] for style in facts["styles"])]
    listed += [word for of in facts["words"].values() for word in of]
    pairs = [(foreign, one["word"]) for one in listed for foreign in one["translations"]]
    assert len({english for _, english in pairs}) > 40
    for foreign, english in pairs:
        assert to_english(foreign.replace("*", "")) == english


def test_json_has_all_that_the_model_lists() -> None:
    facts = json.loads(said("--json"))
    traits = model_traits(find_model("mini"))
    assert (facts["model"], facts["language"]) == ("mini", "en")
    assert {one["name"]["word"]: one["bpm"] for one in facts["styles"]} == traits.style_bpm
    assert {k: [w["word"] for w in of] for k, of in facts["words"].items()} == traits.vocabulary


def test_it_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys, cli\ncli.application(['words'])(['words'], standalone_mode=False)\n"
        "assert not {'torch', 'diffusers', 'numba'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
