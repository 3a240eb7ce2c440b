"""What real renders of the composed prompts' scores measure, and how they sound step by step.

Renders need a soundfont, so their figures are bundled: `riff train renders` makes them
(train/judges/renders.py). They belong to one score each, by its digest: where a later composer
writes another score for a prompt there is nothing to compare with, and none is compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from riffkit.atomic import atomic_path
from riffkit.errors import ModelError
from riffkit.evaluation.adherence import ASPECTS, Adherence
from riffkit.evaluation.measures import Measures
from riffkit.score.notes import Score

PATH = Path(__file__).parent.parent / "weights" / "probe" / "renders.safetensors"
_DIGITS = 4


@dataclass(frozen=True)
class Coded:
    """A render's figures after an autoencoder."""

    adherence: Adherence
    measures: Measures


@dataclass(frozen=True, eq=False)
class Render:
    """A real render of one score.

    Its `chroma` is that which `measures.chroma` of clips compares with; its own is that of another
    render of the same notes.
    """

    adherence: Adherence
    measures: Measures
    chroma: Float[np.ndarray, "step 12"]
    coded: Coded | None = None


@dataclass(frozen=True, eq=False)
class Renders:
    """Renders by the digests of their scores; `coder` names the model of the autoencoder."""

    of_scores: Mapping[str, Render]
    coder: str = ""

    def of(self, score: Score) -> Render | None:
        """The render of that very score, if there is one."""
        return self.of_scores.get(digest(score))

    def save(self, path: Path) -> None:
        """One safetensors file: chroma in eight bits, figures as JSON in its head."""
        facts, tensors = {}, {}
        for name, render in self.of_scores.items():
            facts[name] = _facts(render)
            if render.coded is not None:
                facts[name]["coded"] = _facts(render.coded)
            tensors[name] = np.rint(255 * render.chroma).astype(np.uint8)
        packed, lengths = _packed(tensors)
        said = {"coder": self.coder, "lengths": lengths, "renders": facts}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_file({"chroma": packed}, temporary, metadata={"renders": json.dumps(said)})


def _facts(figures: Render | Coded) -> dict[str, Any]:
    return {
        "adherence": _rounded(asdict(figures.adherence)),
        "measures": _rounded(asdict(figures.measures)),
    }


def _packed(tensors: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, int]]:
    """All rows below one another, and how many are whose."""
    rows = [*tensors.values()] or [np.zeros((0, 12), np.uint8)]
    return np.concatenate(rows), {name: len(one) for name, one in tensors.items()}


def _rounded(values: Mapping[str, float | None]) -> dict[str, float]:
    return {k: round(float(v), _DIGITS) for k, v in values.items() if v is not None}


def digest(score: Score) -> str:
    """The same for the same notes, tempo, instruments and mix."""
    text = json.dumps(score.to_dict(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=2)
def load_renders(path: Path = PATH) -> Renders:
    """The bundled ones; ModelError if they are missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            said = json.loads(file.metadata()["renders"])
            chroma = file.get_tensor("chroma") / 255.0
        found, first = {}, 0
        for name, facts in said["renders"].items():
            n_rows = said["lengths"][name]
            found[name] = _render(facts, chroma[first : first + n_rows])
            first += n_rows
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} can't be read; reinstall riffkit") from error
    return Renders(found, said["coder"])


def _render(facts: Mapping[str, Any], chroma: np.ndarray) -> Render:
    figures, coded = _figures(facts), facts.get("coded")
    return Render(
        figures.adherence, figures.measures, chroma, None if coded is None else _figures(coded)
    )


def _figures(facts: Mapping[str, Any]) -> Coded:
    none = dict.fromkeys(ASPECTS)
    return Coded(Adherence(**{**none, **facts["adherence"]}), Measures(**facts["measures"]))
