"""Measurements of real renders, which generated clips are compared with.

`riff train reference` makes it from loops that no training saw. Of scores with the prompts' own
facts ("twins") it holds what they score; of others, and of the loops that the model was trained
on, it holds features in few dimensions.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from riffkit.atomic import atomic_path
from riffkit.errors import ModelError
from riffkit.evaluation.adherence import Adherence
from riffkit.evaluation.frechet import Components, Whitening
from riffkit.evaluation.prompts import HELD_OUT

PATH = Path(__file__).parent.parent / "weights" / "probe" / "reference.safetensors"
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Reference:
    """Features are whitened: `whitening` those of sounds, `picture_basis` those of pictures.

    `adherence` is that of the twins of the fixed prompts, `held_out` of the held-out ones.
    """

    adherence: tuple[Adherence, ...]
    whitening: Whitening
    other_sounds: Components
    picture_basis: Whitening
    twin_pictures: Components
    trained_pictures: Components
    held_out: tuple[Adherence, ...] = ()

    def twins(self, prompt_list: str) -> tuple[Adherence, ...]:
        """What real renders of a list's facts score, in the order of its prompts."""
        return self.held_out if prompt_list == HELD_OUT else self.adherence

    def save(self, path: Path) -> None:
        """One safetensors file, the scores as JSON in its head.

        In float16; the training loops, by far the most, in eight bits with a step for each column.
        """
        tensors = {
            "sound.mean": self.whitening.mean,
            "sound.basis": self.whitening.basis,
            "sound.others": self.other_sounds,
            "picture.mean": self.picture_basis.mean,
            "picture.basis": self.picture_basis.basis,
            "picture.twins": self.twin_pictures,
        }
        step = np.maximum(np.abs(self.trained_pictures).max(axis=0), _TINY) / 127
        steps = np.rint(self.trained_pictures / step)
        found = {n: np.ascontiguousarray(t, np.float16) for n, t in tensors.items()}
        found["picture.trained"] = np.ascontiguousarray(steps, np.int8)
        found["picture.trained.step"] = step.astype(np.float32)
        scores = {
            "adherence": json.dumps([asdict(a) for a in self.adherence]),
            "held_out": json.dumps([asdict(a) for a in self.held_out]),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_file(found, temporary, metadata=scores)


def load_reference(path: Path = PATH) -> Reference:
    """Load the reference; ModelError if it is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            t = {n: file.get_tensor(n).astype(np.float64) for n in file.keys()}  # noqa: SIM118
            said = file.metadata()
            scores = json.loads(said["adherence"])
            held_out = json.loads(said.get("held_out", "[]"))
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ModelError(f"{path.name} can't be read; reinstall riffkit") from error
    return Reference(
        adherence=tuple(Adherence(**values) for values in scores),
        whitening=Whitening(t["sound.mean"], t["sound.basis"]),
        other_sounds=t["sound.others"],
        picture_basis=Whitening(t["picture.mean"], t["picture.basis"]),
        twin_pictures=t["picture.twins"],
        trained_pictures=t["picture.trained"] * t["picture.trained.step"],
        held_out=tuple(Adherence(**values) for values in held_out),
    )
