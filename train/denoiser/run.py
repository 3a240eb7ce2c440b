"""One training run of the denoiser: its pairs, what renders them, the loop, where it is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from train.denoiser.facts import FACTS
from train.denoiser.latents import COUNTS, PairReader, PairRing, held_out_pairs
from train.denoiser.network import DenoiserConfig, GuidedDenoiser, read_text_encoder, read_tokenizer
from train.denoiser.task import DenoiserTask
from train.snapshot import Snapshot, load_snapshot
from train.stream.run import KeepUp, fit_beside_renders
from train.stream.workers import Pace

CONFIG_NAME = "denoiser.json"
MORE_EMA_DECAYS = (0.998, 0.9998)
"""Averages that are kept beside the main one, for `riff train export-denoiser --ema-decay`."""
_SNAPSHOT_IMAGES = 20_000
_FLAT_IMAGES = 16_000


class DenoiserRun:
    """The run in `folder`; with no `workers` the trainer renders by turns."""

    def __init__(
        self,
        folder: Path,
        ring: PairRing,
        *,
        workers: int = 1,
        pace: Pace,
        held_out: dict[str, int] | None = None,
    ) -> None:
        self._folder, self._ring = folder, ring
        self._n_workers, self._pace = workers, pace
        self._held_out = COUNTS if held_out is None else held_out

    def fit(
        self,
        *,
        network: DenoiserConfig,
        start: Path | None = None,
        batch_size: int = 16,
        **loop: Any,
    ) -> Iterator[dict[str, float]]:
        """Train, and yield the loop's lines; `loop` are more fields of its configuration.

        A new run begins with the weights of the snapshot `start`, if given. ParameterError where
        the run or the snapshot is of another network or another autoencoder.
        """
        said = {"network": network.to_dict(), "autoencoder": self._ring.fingerprint}
        self._folder.mkdir(parents=True, exist_ok=True)
        snapshot = None if start is None else _checked(load_snapshot(start), said, start)
        facts = list(FACTS) if snapshot is None else snapshot.config["facts"]
        said = _write_config(self._folder, {**said, "facts": facts})

        def begin(draw: Callable[[int], Any], by_turns: KeepUp) -> tuple[DenoiserTask, int]:
            model = new_network(network, len(said["facts"]))
            if snapshot is not None:
                snapshot.load_into(model)
            task = DenoiserTask(
                model,
                PairReader(self._ring, self._folder.name, keep_up=by_turns),
                held_out_pairs(self._ring, draw, self._held_out),
                tokenizer=read_tokenizer(),
                snapshots=self._folder / "snapshots",
                said=said,
            )
            return task, 0 if snapshot is None else snapshot.images_seen

        yield from fit_beside_renders(
            begin,
            self._folder,
            self._ring,
            n_workers=self._n_workers,
            pace=self._pace,
            batch_size=batch_size,
            **{
                "optimizer": "muon",
                "schedule": "inverse_sqrt",
                "flat_images": _FLAT_IMAGES,
                "sample_images": _SNAPSHOT_IMAGES,
                "more_ema_decays": MORE_EMA_DECAYS,
                **loop,
            },
        )


def new_network(config: DenoiserConfig, n_facts: int) -> GuidedDenoiser:
    """As a run starts: a new UNet, riff-mini 1's text encoder."""
    torch.manual_seed(0)
    return GuidedDenoiser(config, read_text_encoder(), n_facts=n_facts)


def read_config(run: Path) -> dict[str, Any]:
    """Of a run: its "network", its "autoencoder"'s fingerprint, and the "facts" that it tells."""
    path = run / CONFIG_NAME
    if not path.is_file():
        raise ParameterError(f"run={str(run)!r}: contains no denoiser; run `riff train denoiser`")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _write_config(run: Path, said: dict[str, Any]) -> dict[str, Any]:
    """Say what a run trains, and return what it said when it was started."""
    path = run / CONFIG_NAME
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(said) + "\n", encoding="utf-8")
    found = read_config(run)
    for name in ("network", "autoencoder"):
        if found.get(name) != said[name]:
            raise ParameterError(
                f"run={str(run)!r}: was started with another {name}; choose another folder"
            )
    return found


def _checked(snapshot: Snapshot, said: dict[str, Any], path: Path) -> Snapshot:
    for name, value in said.items():
        if snapshot.config.get(name) != value:
            raise ParameterError(
                f"from={str(path)!r}: is of another {name} ({snapshot.config.get(name)}, not "
                f"{value}); use the one that it was trained with"
            )
    return snapshot
