"""Library messages name parameters; the command line says them as its options."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

import cli
from riffkit.commands.messages import as_options, set_command


def strings(path: Path) -> list[str]:
    """All strings of a file but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts
    ]


def test_no_library_message_names_an_option(root: Path) -> None:
    flag = re.compile(r"(?<![\w-])--[a-z]")
    found = [
        f"{path.relative_to(root)}: {text}"
        for path in root.glob("riffkit/**/*.py")
        if "commands" not in path.parts
        for text in strings(path)
        if flag.search(text)
    ]
    assert not found


@pytest.mark.parametrize(
    ("words", "message", "said"),
    [
        ("generate x", "bpm=900: must be", "--bpm=900: must be"),
        ("generate x", "generate: beats_per_bar=99: bad", "generate: --beats-per-bar=99: bad"),
        ("generate x", "give it as `loras`", "give it as --lora"),
        ("generate x", "use `device=cpu`, not `duration`", "use --device cpu, not --duration"),
        ("generate x", "prompt='': empty", "prompt='': empty"),  # an argument
        ("decode a b", "n_beats=3: `riff models list`", "n_beats=3: `riff models list`"),
        ("train lora a b", "`accumulation=2` helps", "--accumulation 2 helps"),
        ("dataset build", "`tags` is off", "--tags is off"),
        ("", "bpm=3: `bpm`", "bpm=3: bpm"),
    ],
)
def test_parameters_become_options(words: str, message: str, said: str) -> None:
    set_command(get_command(cli.application()), words.split())
    assert as_options(message) == said
