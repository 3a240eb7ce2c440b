"""Tasks on a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import riffkit
from riffkit.engine.outcome import Name, Outcome, Task, attempt, in_order, one_thread
from riffkit.errors import ParameterError, WorkerError

_ROOT = Path(riffkit.__file__).parent.parent


def on_ray(
    function: Task, items: Iterable[Any], workers: int | None, name: Name, *, gpu: bool
) -> Iterator[Any]:
    """As `run_tasks`; by default as many workers as the cluster has GPUs, or else cores."""
    return _on_ray(_imported(), function, items, workers, name, gpu)


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ParameterError(
            "engine='ray': Ray isn't installed; run `pip install 'riffkit[ray]'`"
        ) from error
    return ray


def _on_ray(
    ray: Any, function: Task, items: Iterable[Any], workers: int | None, name: Name, gpu: bool
) -> Iterator[Any]:
    with connection(workers):
        resources = ray.cluster_resources()
        n_gpus = int(resources.get("GPU", 0)) if gpu else 0
        n_workers = workers or n_gpus or max(1, int(resources.get("CPU", 1)))
        share = gpu_share(n_gpus, n_workers)
        # once more if its worker dies, as machines of a cluster come and go
        task = ray.remote(num_cpus=1, num_gpus=share, max_retries=1)(_attempt)
        started: set[Any] = set()

        def submit(item: Any) -> Callable[[], Outcome]:
            reference = task.remote(function, item)
            started.add(reference)

            def wait() -> Outcome:
                try:
                    return ray.get(reference)
                except ray.exceptions.RayError as error:
                    raise WorkerError(f"its worker died: {_first_line(error)}") from error
                finally:
                    started.discard(reference)

            return wait

        try:
            yield from in_order(submit, items, n_workers, name)
        finally:
            for reference in started:
                ray.cancel(reference, force=True)


def gpu_share(n_gpus: int, n_workers: int) -> float:
    """The GPUs of each worker: one, or an equal part where there are more workers than GPUs."""
    return 1 / ceil(n_workers / n_gpus) if n_gpus else 0.0


@contextmanager
def connection(workers: int | None = None) -> Iterator[None]:
    """To the cluster there is, or to one of `workers` cores that lasts as long as the block."""
    ray = _imported()
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's future, no warning
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        ray.init("auto", runtime_env=_shipped(), **quiet)
    except ConnectionError as error:
        if os.environ.get("RAY_ADDRESS", "local") not in ("local", "auto"):
            raise WorkerError(
                f"RAY_ADDRESS={os.environ['RAY_ADDRESS']!r}: no cluster answers at this address; "
                "start one (`ray start`), or unset RAY_ADDRESS to use this computer"
            ) from error
        ray.init("local", num_cpus=workers, include_dashboard=False, runtime_env=_beside(), **quiet)
    try:
        yield
    finally:
        ray.shutdown()


def _beside() -> dict[str, Any]:
    """Workers on this machine import the packages from where this process has them."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"env_vars": {"PYTHONPATH": os.pathsep.join(paths)}}


def _shipped() -> dict[str, Any]:
    """Workers anywhere get the packages as they are here."""
    packages = [_ROOT / name for name in ("riffkit", "train")]
    return {
        "py_modules": [str(package) for package in packages if package.is_dir()],
        "excludes": ["**/__pycache__/**"],
    }


def _attempt(function: Task, item: Any) -> Outcome:
    one_thread()
    return attempt(function, item)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
