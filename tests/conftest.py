"""Every annotated shape in riffkit and train is checked while the tests run."""

from __future__ import annotations

import gc
import os
import signal
import sys
from itertools import groupby, islice
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent
COVERED = os.environ.get("RIFFKIT_COVERAGE")
# a runner started in the background ignores Ctrl-C, and the tests of it would too
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, str(ROOT))  # train/ and cli.py as they stand here, installed or not

from tests import coverage  # noqa: E402

# only where there are shapes: what the hook puts around a function takes longer than a small one
SHAPED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("riffkit", "train")
    for path in (ROOT / package).rglob("*.py")
    if "jaxtyping" in path.read_text(encoding="utf-8")
]
install_import_hook(SHAPED, "beartype.beartype")
if COVERED:
    coverage.begin()

from riffkit.imports import prepare  # noqa: E402 (after the hook)

prepare()  # before a test module imports diffusers or transformers

pytest_plugins = ["tests.golden.model", "tests.thin_mini", "tests.tiny_model"]


N_THREADS = torch.get_num_threads()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones come first in each worker's share, which is a run of neighbours: were one the
    last, the other workers would have nothing to do beside it. Those of a module stay together.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    slow = [item for item in items if item.get_closest_marker("slow")]
    for _, module in groupby(slow, key=lambda item: item.path):
        min(shares, key=len).extend(module)
    quick = iter([item for item in items if not item.get_closest_marker("slow")])
    ordered = list[pytest.Item]()
    for place, share in enumerate(shares, start=1):
        ordered += share
        ordered += islice(quick, max(0, len(items) * place // workers - len(ordered)))
    items[:] = [*ordered, *quick]


def pytest_collection_finish() -> None:
    """What is imported is never garbage: searches for some needn't go through it (13 % of the time
    of tests/score).
    """
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    if COVERED:
        coverage.write(Path(COVERED))


@pytest.fixture(autouse=True)
def same_threads() -> None:
    """What a test before left: recipes hold the number of threads, and replays compare it."""
    if torch.get_num_threads() != N_THREADS:
        torch.set_num_threads(N_THREADS)


@pytest.fixture
def root() -> Path:
    """The project's folder."""
    return ROOT
