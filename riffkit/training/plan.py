"""What a training would do, and whether it can begin: looked at without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import BaseModel

from riffkit.atomic import check_output_folder
from riffkit.dataset.caption import triggered
from riffkit.dataset.formats import (
    SPLITS,
    dataset_fingerprint,
    n_in_shards,
    read_dataset_info,
    read_metadata,
)
from riffkit.errors import ParameterError
from riffkit.prompt.emphasis import as_text
from riffkit.training.settings import LoraSettings, TuningSettings, check_same_settings

RECIPE, STATE, LOG = "recipe.json", "state.pt", "log.jsonl"
SAMPLES, MODEL_FOLDER = "samples", "model"
_N_CAPTIONS = 2


@dataclass(frozen=True)
class TuningPlan:
    """What a training of `settings` would do; `images_done` of them are done already.

    `captions` are some of the dataset's, as the model will read them. `images_per_second` is that
    of an earlier part of the run, None for a new one.
    """

    run: Path
    settings: TuningSettings
    n_train: int
    n_test: int
    n_songs: int
    seconds: float
    captions: tuple[str, ...]
    images_done: int = 0
    images_per_second: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Of the training alone; None if it isn't known."""
        left = self.settings.images - self.images_done
        return None if self.images_per_second is None else left / self.images_per_second

    def lines(self) -> list[str]:
        """The plan in words."""
        asked = self.settings
        words = "; ".join(map(repr, self.captions))
        found = [
            f"dataset: {self.n_train:,} clips for training and {self.n_test:,} held out, "
            f"{self.seconds / 60:.1f} minutes of {self.n_songs} songs",
            f"captions such as {words}",
        ]
        if asked.prior_images:
            found.append(
                f"{asked.prior_images} pictures by {asked.model} itself are trained on too, "
                "so that it keeps what it knew"
            )
        what = "all weights of"
        if isinstance(asked, LoraSettings):
            what = f"a LoRA of rank {asked.rank} for"
        found.append(
            f"training: {what} {asked.model}, {asked.images:,} images: each clip "
            f"{max(1, round(asked.images / self.n_train))} times"
        )
        if self.images_done:
            left = self.seconds_left
            time = "" if left is None else f", about {max(1, round(left / 60))} min to go"
            found.append(f"{self.run}: goes on after {self.images_done:,} images{time}")
        if asked.sample_images:
            found.append(f"samples: every {asked.sample_images:,} images, in {self.run / SAMPLES}")
        return found

    @property
    def prompt(self) -> str:
        """The first prompt of the samples; it suits what was learned."""
        return (self.settings.sample_prompts or self.captions)[0]


def kind_of(settings: TuningSettings) -> str:
    """ "lora" or "full"."""
    return "lora" if isinstance(settings, LoraSettings) else "full"


def plan_tuning(data: Path, run: Path, settings: TuningSettings) -> TuningPlan:
    """Look at the dataset and at the folder of the run.

    ParameterError for a dataset that is missing, damaged or empty, and for a folder that holds
    another run; OutputError if it can't be written.
    """
    read_dataset_info(data)
    records = read_metadata(data)
    n_clips = {split: n_in_shards(data, split) for split in SPLITS}
    if not any(n_clips.values()):
        raise ParameterError(
            f"dataset={str(data)!r}: has no shards; run `riff dataset build` again"
        )
    if not n_clips["train"]:
        raise ParameterError(
            f"dataset={str(data)!r}: its train split is empty; add more music or build "
            "it with another `seed`"
        )
    check_output_folder(run)
    dataset = {"name": data.resolve().name, "fingerprint": dataset_fingerprint(data)}
    held = check_run(run, settings, dataset=dataset)
    done, speed = _progress_of(run) if held else (0, None)
    first = sorted(records, key=lambda record: record.split != "test")
    texts = list(dict.fromkeys(as_text(record.text) for record in first))[:_N_CAPTIONS]
    return TuningPlan(
        run=run,
        settings=settings,
        n_train=n_clips["train"],
        n_test=n_clips["test"],
        n_songs=len({record.source for record in records}),
        seconds=sum(record.seconds for record in records),
        captions=tuple(triggered(text, settings.trigger) for text in texts),
        images_done=min(done, settings.images),
        images_per_second=speed,
    )


def check_run(run: Path, settings: TuningSettings, **parts: dict[str, Any]) -> bool:
    """Whether `run` has an earlier part of this run; ParameterError if it has anything else.

    `parts` are the recipe's `dataset` and `model`. Without `model`, its name isn't compared either.
    """
    same = _read_recipe(run)
    if same is None or not (run / STATE).exists():
        return False  # nothing was learned yet
    for name, held in (("model", same.model), ("dataset", same.dataset)):
        if name in parts and held.fingerprint != parts[name]["fingerprint"]:
            raise ParameterError(
                f"run={str(run)!r}: was started with another {name}, {held.name!r} "
                f"({held.fingerprint}), than {parts[name]['name']!r} "
                f"({parts[name]['fingerprint']}); use the same one or another folder"
            )
    if same.kind != kind_of(settings):
        raise ParameterError(
            f"run={str(run)!r}: contains a run of `riff train {same.kind}`; choose another folder"
        )
    before = same.settings if "model" in parts else same.settings | {"model": settings.model}
    check_same_settings(before, settings, run)
    return True


class _Part(BaseModel):
    name: str
    fingerprint: str


class _RunRecipe(BaseModel):
    """What a run's recipe.json must say."""

    kind: str
    settings: dict[str, Any]
    dataset: _Part
    model: _Part


def _read_recipe(run: Path) -> _RunRecipe | None:
    """None for a folder without files; ParameterError for one of other files."""
    try:
        return _RunRecipe.model_validate_json((run / RECIPE).read_bytes())
    except FileNotFoundError:
        if run.is_dir() and any(not path.name.startswith(".") for path in run.iterdir()):
            raise ParameterError(
                f"run={str(run)!r}: is not empty and has no run; choose another folder"
            ) from None
        return None
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"run={str(run)!r}: its {RECIPE} is damaged; choose another folder"
        ) from error


def _progress_of(run: Path) -> tuple[int, float | None]:
    """The images of the last checkpoint, and how many a second there were."""
    try:
        lines = [json.loads(line) for line in (run / LOG).read_text(encoding="utf-8").splitlines()]
        saved = [int(line["images"]) for line in lines if "loss" not in line]
        speeds = [float(line["images_per_second"]) for line in lines if "loss" in line]
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return 0, None
    speed = median(speeds) if speeds else 0.0
    return max(saved, default=0), speed if 0 < speed < inf else None
