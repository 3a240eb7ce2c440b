"""README and docs/*.md are true: their commands and Python run, their links lead somewhere.

A page's blocks are run in their order, in a folder of its own, as a reader would run them. `bash`
blocks hold commands that run anywhere in a minute; what needs a download, a GPU, a cluster or hours
stands in a `console` block, or has `# not run` behind it, and is only parsed. A block with
title="NAME" is a file of that name. The README's first command and its Python run as printed, in
processes of their own; the other painting commands run with few steps, those of the other pages on
thin networks: how clips sound is asked elsewhere.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

import cli
import riffkit
from riffkit.audio import files
from riffkit.models import locate

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
ALSO_LINKED = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "samples" / "README.md"]

SHELLS = ("bash", "console", "")

FAST = ("--steps", "4", "--quality", "preview")
FASTER = {
    **dict.fromkeys(("morph", "extend", "restyle", "edit", "vary"), FAST),
    "batch": (*FAST, "--workers", "1"),
    "dataset": ("--workers", "1"),
    "generate": (*FAST, "--bars", "1"),
    "loop": (*FAST, "--bars", "2"),
    "story": ("--steps", "2", "--quality", "preview", "--bars", "10"),
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is (or ""), and its text."""

    language: str
    title: str
    text: str

    @property
    def commands(self) -> Iterator[tuple[str, bool]]:
        """The lines that begin with `riff`, and whether each is to be run."""
        for line in self.text.splitlines() if self.language in SHELLS else ():
            if line.startswith("riff "):
                is_run = self.language == "bash" and "# not run" not in line
                yield line.split("  #")[0].strip(), is_run


def blocks(page: Path) -> list[Block]:
    fences = re.findall(
        r'^```(\w*)(?: title="(.+?)")?\n(.*?)^```', page.read_text(encoding="utf-8"), re.M | re.S
    )
    return [Block(*fence) for fence in fences]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_make_demo_and_make_test_are_shown_and_are_targets() -> None:
    bash = "\n".join(block.text for block in blocks(README) if block.language == "bash")
    shown = set(re.findall(r"^make (\w+)", bash, re.M))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"demo", "test"} <= shown <= targets


def test_the_model_s_size_in_the_readme_is_true() -> None:
    (row,) = (row for row in riffkit.list_models() if row["name"] == "mini")
    (size,) = re.findall(r"(\d+ MB) \(`riff models list`\)", README.read_text(encoding="utf-8"))
    assert size in row["about"]


@pytest.mark.parametrize("page", [*PAGES, *ALSO_LINKED], ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *ALSO_LINKED], ids=name_of)
def test_every_command_that_is_shown_is_one(page: Path) -> None:
    """Parsed only: each option exists, and each argument is there."""
    app: Any = typer.main.get_command(cli.application())
    for block in blocks(page):
        for line, _ in block.commands:
            parse(app, shlex.split(line)[1:], line)


def parse(command: Any, words: list[str], line: str) -> None:
    """By duck typing: typer brings a click of its own, or not, by its version."""
    context = None
    try:
        while hasattr(command, "resolve_command"):
            context = command.context_class(command, parent=context)
            _name, command, words = command.resolve_command(context, words)
        command.make_context(command.name, words, parent=context)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.slow
def test_the_readme_s_python_runs_as_a_program(tmp_path: Path) -> None:
    (code,) = (block.text for block in blocks(README) if block.language == "python")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.wav"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What readers have: a song, a tune, a folder of songs."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, sample in (("song.mp3", "funk.flac"), ("hummed.wav", "melody.flac")):
        files.save(folder / name, *files.load(ROOT / "samples" / sample))
    (folder / "songs").mkdir()
    for name in ("feelings", "war-of-freedom"):
        clip, rate = files.load(ROOT / "samples" / "golden" / f"{name}.flac")
        files.save(folder / "songs" / f"{name}.mp3", clip.repeat(1, 2), rate)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_runs(
    page: Path, inputs: Path, thin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if page != README:
        weights = tmp_path / ".weights"
        weights.mkdir()
        (weights / "mini").symlink_to(thin_folder)
        monkeypatch.setattr(locate, "WEIGHTS", weights)
    names: dict[str, object] = {"__name__": "__main__"}
    run = run_as_program if page == README else run_here
    for block in blocks(page):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
        for line, is_run in block.commands:
            if is_run:
                run(line)
                run = run_here
        if block.language == "python" and page != README:
            exec(compile(block.text, name_of(page), "exec"), names)


def run_as_program(line: str) -> None:
    """As printed, by a shell."""
    launcher = Path("bin", "riff").absolute()
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "cli.py"}" "$@"\n')
    launcher.chmod(0o755)
    path = f"{launcher.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, shell=True, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}: {done.stderr}"


def run_here(line: str) -> None:
    """In this process, which has all imported, and fast."""
    words = shlex.split(line)[1:]
    more = FAST if "--duration" in words else FASTER.get(words[0], ())
    code = cli.application()([*words, *more], standalone_mode=False)
    assert code in (None, 0), line
