"""What `train_genre` is asked to do, and whether it can: looked at without torch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from riffkit.atomic import check_output_folder
from riffkit.audio.reader import describe
from riffkit.dataset.find import SourceFile, find_audio
from riffkit.dataset.publish import held_options
from riffkit.dataset.resolve import BuildRequest
from riffkit.dataset.sources import read_sources
from riffkit.errors import ParameterError, RiffkitError
from riffkit.music.task import slug
from riffkit.prompt.prompt import read_prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.training.settings import LoraSettings

INFO = "genre.json"
DATASET, LORA, JUDGED, REPORT = "dataset", "lora", "judged", "report.html"
MIN_CLIPS = 4
"""The fewest clips that can be judged, and the fewest held-out ones to judge by."""
_LITTLE_SECONDS = 30 * 60
"""Of less music than this, clips overlap by half: twice as many of the same songs."""
_NAME = re.compile(r"[^\W_][\w' -]{0,38}[^\W_]")


@dataclass(frozen=True)
class GenrePlan:
    """`name` starts every caption. `clips` are made before and after, to judge by; 0 for none."""

    name: str
    songs: Path
    output: Path
    settings: LoraSettings
    clips: int
    sources: tuple[SourceFile, ...]
    is_new: bool

    @property
    def judged(self) -> Path:
        """The folder of the judged clips; a longer training has others."""
        return self.output / JUDGED / str(self.settings.images)

    def build_request(self) -> BuildRequest:
        """How the songs are cut and captioned."""
        is_little = sum(map(_seconds, self.sources)) < _LITTLE_SECONDS
        return BuildRequest(
            trigger=self.name, model=self.settings.model, hop_bars=1 if is_little else None
        )

    def lines(self) -> list[str]:
        """The plan in words."""
        n, out, asked = len(self.sources), self.output, self.settings
        found = [
            f"{self.songs}: {n} song{'s' * (n != 1)}, such as {self.sources[0].name}",
            f"1. cut them into clips that are captioned '{self.name}, …': {out / DATASET}",
            f"2. train a LoRA of rank {asked.rank} for {asked.model} on {asked.images:,} images, "
            f"with {asked.prior_images} of its own pictures: {out / LORA}",
        ]
        if self.clips:
            found.append(
                f"3. make {self.clips} clips before and after, and compare them with the songs: "
                f"{self.judged}"
            )
        if n == 1:
            found.append("one song: none can be held out to judge by; give two or more")
        return [*found, f"the report: {out / REPORT}"]


def plan_genre(
    name: str,
    songs: Path,
    output: Path | None,
    settings: LoraSettings = LoraSettings(),  # noqa: B008 (frozen)
    *,
    clips: int = 64,
) -> GenrePlan:
    """Look at the name, the songs and the folder.

    ParameterError for a name that can't be a caption's word, a folder without audio files, and an
    output that holds anything else or was made of other songs; OutputError if it can't be written.
    """
    name = " ".join(name.split())
    check_name(name)
    if clips and clips < MIN_CLIPS:
        raise ParameterError(f"clips={clips}: must be at least {MIN_CLIPS}, or 0 for none")
    output = Path(slug(name)) if output is None else output
    sources = find_audio(songs, without=output)
    is_new = not output.exists()
    if output.is_dir():
        _check_held(output, name)
    check_output_folder(output)
    plan = GenrePlan(name, songs, output, settings, clips, tuple(sources), is_new)
    _check_cut(plan)
    return plan


def check_name(name: str) -> None:
    """Raise ParameterError for a name that a prompt would be read differently with."""
    if not _NAME.fullmatch(name):
        raise ParameterError(
            f"name={name!r}: must be 2 to 40 letters, digits, spaces or hyphens, such as 'mygenre'"
        )
    read = read_prompt(f"{name}, piano", ModelTraits(english=True))
    if read.text != f"{name}, piano" or read.unwanted:
        raise ParameterError(
            f"name={name!r}: would be reworded or left out in a prompt; choose a word of your own, "
            "such as 'mygenre'"
        )
    if read.bpm or read.key or read.metre or read.speed != 1:
        raise ParameterError(
            f"name={name!r}: would be read as a tempo, a key or a metre; choose a word of your "
            "own, such as 'mygenre'"
        )


def _check_cut(plan: GenrePlan) -> None:
    """Raise ParameterError if the clips of an earlier part would be cut otherwise now."""
    held = held_options(plan.output / DATASET)
    if held is None:
        return
    if held.get("model") != plan.settings.model:
        raise ParameterError(
            f"model={plan.settings.model!r}: {str(plan.output)!r} was begun for "
            f"{held.get('model')!r}; use that model or choose another `output`"
        )
    is_same = held.get("hop_bars") == plan.build_request().hop_bars
    if "files" in held:
        is_same &= held["files"] == read_sources(plan.songs, without=plan.output).digest
    if not is_same:
        raise ParameterError(
            f"songs={str(plan.songs)!r}: songs were added, changed or removed since "
            f"{str(plan.output)!r} was begun; choose another `output`"
        )


def _seconds(source: SourceFile) -> float:
    """The length of a song; 0 if it can't be read, and the dataset's ledger will say why."""
    try:
        return describe(source.path).seconds
    except RiffkitError:
        return 0.0


def _check_held(output: Path, name: str) -> None:
    """Raise ParameterError if the folder has anything but this genre."""
    try:
        held = json.loads((output / INFO).read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        held = None
    if held is None and any(output.iterdir()):
        raise ParameterError(
            f"output={str(output)!r}: is not empty and has no genre; choose another folder"
        )
    if held not in (None, name):
        raise ParameterError(
            f"output={str(output)!r}: has the genre {held!r}; use that name or another folder"
        )
