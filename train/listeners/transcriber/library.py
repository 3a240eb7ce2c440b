"""The bands that a training draws from, kept in memory; their folder may still be filling."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from riffkit.errors import ParameterError
from train.listeners.tracks import band_paths
from train.listeners.transcriber.mixes import PooledBand, read_pooled

_LOOK_SECONDS = 60.0


class Library:
    """The bands for training in a folder, which is looked into now and then: some 0.8 MB each."""

    def __init__(self, folder: Path, *, n_held_out: int) -> None:
        self._folder, self._looked = folder, 0.0
        self._widths: dict[str, int] = {}
        self._by_width: dict[int, list[PooledBand]] = {}
        self._look()
        held_out = band_paths(folder, held_out=True)[:n_held_out]
        if not self._widths or not held_out:
            raise ParameterError(
                f"bands={folder.name!r}: contains no bands; run `riff train listen-renders` first"
            )
        self.held_out = [read_pooled(path) for path in held_out]

    def __len__(self) -> int:
        return len(self._widths)

    def draw(self, count: int, generator: torch.Generator) -> list[PooledBand]:
        """Bands of one width, each as likely as any other."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._look()
        widths = list(self._widths.values())
        width = widths[int(torch.randint(len(widths), (1,), generator=generator))]
        same = self._by_width[width]
        chosen = torch.randint(len(same), (count,), generator=generator).tolist()
        return [same[k] for k in chosen]

    def _look(self) -> None:
        for path in band_paths(self._folder):
            if path.name not in self._widths:
                band = read_pooled(path)
                self._widths[path.name] = band.width
                self._by_width.setdefault(band.width, []).append(band)
        self._looked = time.monotonic()
