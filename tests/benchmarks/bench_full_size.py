"""A model of Stable Diffusion v1's full size against diffusers' own pipelines.

    python tests/benchmarks/bench_full_size.py [--short] [--only loading|steps|options|morph]

The model has v1's architecture, random weights, and 2.1 GB as float16. Ours and diffusers' each run
in a process of their own with the same noise, steps and sampler, and take turns; ratios are medians
over the turns. In turn: loading, latents and time of text to image and image to image, options that
change the result, and a morph of 8 frames; in float32, and in bfloat16 where the CPU has it (the
options in the better one). Needs 16 GB of memory, and an hour on two slow cores. The short run has
a model of the same layout with few channels, 2 steps, a quarter of the image, and takes no turns.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as cli.py does, before torch comes in

import numpy as np  # noqa: E402
import torch  # noqa: E402

from riffkit.audio.files import save  # noqa: E402
from riffkit.device import has_bfloat16  # noqa: E402
from tests.models.full_size import Ours, Side, Theirs, opened, write_full_size  # noqa: E402
from tests.models.layouts import small_v1, write_layout  # noqa: E402

COLUMNS, SHORT_COLUMNS = 64, 16
STEPS, SHORT_STEPS = 4, 2
STRENGTH = 0.7
FRAMES = 8
PARTS = ["loading", "steps", "options", "morph"]

Turn = Callable[[], tuple[float, Any]]


def in_turn(turns: dict[str, Turn], n_turns: int) -> dict[str, tuple[list[float], Any]]:
    """The seconds of each turn, and the last one's result."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    results = {}
    for _ in range(n_turns):
        for name, turn in turns.items():
            took, results[name] = turn()
            seconds[name].append(took)
    return {name: (seconds[name], results[name]) for name in turns}


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median over the turns."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def show_loading(model: Path, n_turns: int) -> None:
    """Files are in the system's cache; the memory is what loading adds to its process."""
    for dtype in ("float32", "bfloat16"):
        rows: dict[str, list[Side]] = {"riffkit": [], "diffusers": []}
        for turn in range(n_turns + 1):
            for name, kind in (("riffkit", Ours), ("diffusers", Theirs)):
                with opened(kind, model, dtype=dtype) as side:
                    if turn:  # the first one fills the cache
                        rows[name].append(side)
        for name, sides in rows.items():
            most = max(side.load_gb for side in sides)
            print(
                f"load as {dtype}, {name}: {median(s.load_seconds for s in sides):.1f} s, "
                f"peak {most:.2f} GB = {most / sides[0].size_gb:.2f} x its size"
            )
        seconds = [[side.load_seconds for side in sides] for sides in rows.values()]
        print(f"ratio of loading as {dtype}: {ratio(*seconds):.2f}")


def show_pair(name: str, ours: Side, theirs: Side, exact: Side | None = None) -> None:
    """Time and difference of both tasks, and the distance of each side's latents to `exact`'s."""
    tasks: dict[str, dict[str, Any]] = {
        "text_to_latents": {"columns": COLUMNS, "steps": STEPS},
        "latents_to_latents": {"columns": COLUMNS, "steps": 2 * STEPS, "strength": 0.5},
    }
    for task, asked in tasks.items():
        sides = {"ours": partial(ours, task, **asked), "theirs": partial(theirs, task, **asked)}
        turns = in_turn(sides, n_turns=3)
        show_turns(f"{task}, {name}", turns, STEPS)
        if exact is not None:
            _, latents = exact(task, **asked)
            away = [f"{of} {change(turns[of][1], latents):.2%}" for of in ("ours", "theirs")]
            print(f"{task}, {name}: from diffusers' float32 " + ", ".join(away), flush=True)


def change(latents: Any, plain: Any) -> float:
    """The distance of the one from the other, relative to the other's length."""
    return float(np.linalg.norm(latents - plain) / np.linalg.norm(plain))


def show_turns(name: str, turns: dict[str, tuple[list[float], Any]], steps: int) -> None:
    (ours, our_latents), (theirs, their_latents) = turns["ours"], turns["theirs"]
    apart = np.abs(our_latents - their_latents).max()
    print(
        f"{name}: {median(ours) / steps:.2f} s a guided step, diffusers "
        f"{median(theirs) / steps:.2f} s, ratio {ratio(ours, theirs):.2f}; "
        f"latents differ by at most {apart:.1e}",
        flush=True,
    )


def show_options(ours: Side, theirs: Side, n_turns: int) -> None:
    """What makes it quicker, with what it changes: the result's distance to the plain one's."""
    asked: dict[str, dict[str, Any]] = {
        "guidance interval 0:0.6": {"guidance_interval": (0.0, 0.6)},
        "deep cache 2": {"deep_cache": 2},
        "deep cache 3": {"deep_cache": 3},
        "both": {"guidance_interval": (0.0, 0.6), "deep_cache": 3},
    }
    size = {"columns": COLUMNS, "steps": 2 * STEPS}
    turns: dict[str, Turn] = {
        "diffusers, float32": partial(theirs, "text_to_latents", **size),
        "plain": partial(ours, "text_to_latents", **size),
    }
    for name, options in asked.items():
        turns[name] = partial(ours, "text_to_latents", **size, **options)
    done = in_turn(turns, n_turns)
    base, plain = done["diffusers, float32"][0], done["plain"][1]
    for name in ("plain", *asked):
        seconds, latents = done[name]
        print(
            f"best dtype, {name}: ratio {ratio(seconds, base):.2f}, "
            f"result changed {change(latents, plain):.1%}"
        )


def show_morph(name: str, ours: Side, theirs: Side, folder: Path) -> None:
    """The whole command, sound and all, against the images alone of diffusers' calls."""
    ends, pixels = [], []
    for hertz in (220.0, 330.0):
        path = folder / f"{hertz:.0f}.wav"
        time = torch.arange(int(5.12 * 44_100)) / 44_100
        save(path, (0.3 * torch.sin(2 * torch.pi * hertz * time))[None], 44_100)
        ends.append(str(path))
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (512, 512, 3), dtype=np.uint8) for _ in range(FRAMES)]
    settings = {"steps": STEPS, "strength": STRENGTH}
    seconds, n_samples = ours("morph", ends=ends, frames=FRAMES, **settings)
    other, _ = theirs("images", pixels=pixels, **settings)
    print(
        f"morph of {FRAMES} frames, {STEPS} steps, {name}: {seconds:.0f} s "
        f"({n_samples / 44_100:.0f} s of sound); {FRAMES} calls of diffusers' image to image, "
        f"float32: {other:.0f} s; ratio {seconds / other:.2f}",
        flush=True,
    )


def run_short(model: Path) -> None:
    """One after the other, so that only one is in memory."""
    asked = {"columns": SHORT_COLUMNS, "steps": SHORT_STEPS}
    turns, peaks = {}, {}
    for name, kind in (("ours", Ours), ("theirs", Theirs)):
        with opened(kind, model, dtype="float32") as side:
            seconds, latents = side("text_to_latents", **asked)
            turns[name], peaks[name] = ([seconds], latents), side.peak_gb
    show_turns("text_to_latents, float32", turns, SHORT_STEPS)
    print("peak memory: " + ", ".join(f"{name} {peak:.1f} GB" for name, peak in peaks.items()))


def run_whole(model: Path, folder: Path, parts: Sequence[str]) -> None:
    if "loading" in parts:
        show_loading(model, n_turns=3)
    if parts == ["loading"]:
        return
    best = "bfloat16" if has_bfloat16(torch.device("cpu")) else "float32"
    with opened(Theirs, model, dtype="float32") as theirs:
        for dtype in dict.fromkeys(("float32", best)):
            with opened(Ours, model, dtype=dtype) as ours:
                if "steps" in parts:
                    show_steps(model, dtype, ours, theirs)
                if "options" in parts and dtype == best:
                    show_options(ours, theirs, n_turns=2)
                if "morph" in parts:
                    show_morph(dtype, ours, theirs, folder)
                print(f"peak memory, {dtype}: ours {ours.peak_gb:.1f} GB")
        print(f"peak memory, float32: diffusers {theirs.peak_gb:.1f} GB")


def show_steps(model: Path, dtype: str, ours: Side, theirs: Side) -> None:
    """Against diffusers in the same dtype; `theirs` is in float32."""
    if dtype == "float32":
        show_pair(dtype, ours, theirs)
        return
    with opened(Theirs, model, dtype=dtype) as same:
        show_pair(dtype, ours, same, exact=theirs)
        print(f"peak memory, {dtype}: diffusers {same.peak_gb:.1f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a small model and image, 2 steps")
    parser.add_argument("--only", choices=PARTS, help="one part of the whole run")
    asked = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        if asked.short:
            run_short(write_layout(small_v1(), "folder-fp16", Path(folder)))
        else:
            model = write_full_size(Path(folder))
            run_whole(model, Path(folder), [asked.only] if asked.only else PARTS)


if __name__ == "__main__":
    main()
