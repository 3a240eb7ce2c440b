"""The separator's network: how much of each pixel of a mel image is drums, bass, chords and lead.

A U-Net (arXiv:1505.04597) on the levels of an image of preset crisp. Squares of 4 × 4 pixels are
folded into channels first. Beside convolutions each block has two layers over all rows of a column
(time-distributed fully connected, arXiv:2010.11631), which know where a row lies and what sounds
an octave away.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

GROUPS = ("drums", "bass", "chords", "lead")
N_ROWS = 512
FOLD = 4
CHANNELS = (32, 64, 96, 128)
COLUMN_MULTIPLE = FOLD * 2 ** (len(CHANNELS) - 1)
"""The network's images are a multiple of so many columns wide."""


class MaskNetwork(nn.Module):
    """Levels (about -1 to 1) to logits, whose softmax over the groups are the shares of power."""

    def __init__(self) -> None:
        super().__init__()
        rows = [N_ROWS // FOLD // 2**level for level in range(len(CHANNELS))]
        self.row_bias = nn.Parameter(torch.zeros(CHANNELS[0], rows[0], 1))
        self.enter = nn.Conv2d(FOLD**2, CHANNELS[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            _Block(channels, n_rows) for channels, n_rows in zip(CHANNELS, rows, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Conv2d(inner, outer, 2, stride=2) for inner, outer in pairwise(CHANNELS)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(outer, inner, 2, stride=2) for inner, outer in pairwise(CHANNELS)
        )
        self.up_blocks = nn.ModuleList(
            _Block(channels, n_rows)
            for channels, n_rows in zip(CHANNELS[:-1], rows[:-1], strict=True)
        )
        self.leave = nn.Conv2d(CHANNELS[0], FOLD**2 * len(GROUPS), 3, padding=1)

    def forward(
        self, levels: Float[Tensor, "batch 512 column"]
    ) -> Float[Tensor, "batch group 512 column"]:
        folded = functional.pixel_unshuffle(levels[:, None], FOLD)
        hidden = self.enter(folded) + self.row_bias
        skipped = []
        for level, block in enumerate(self.down_blocks):
            hidden = block(hidden)
            if level < len(self.down):
                skipped.append(hidden)
                hidden = self.down[level](hidden)
        for level in reversed(range(len(self.up))):
            hidden = self.up_blocks[level](skipped[level] + self.up[level](hidden))
        logits: Tensor = functional.pixel_shuffle(self.leave(hidden), FOLD)
        return logits


class _Block(nn.Module):
    """Two convolutions, then two layers over the rows, each pair added to what came in."""

    def __init__(self, channels: int, n_rows: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.row_norm = nn.GroupNorm(8, channels)
        self.rows_in = nn.Linear(n_rows, max(8, n_rows // 4))
        self.rows_out = nn.Linear(max(8, n_rows // 4), n_rows)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.rows_out.weight)

    def forward(
        self, hidden: Float[Tensor, "batch channel row column"]
    ) -> Float[Tensor, "batch channel row column"]:
        hidden = hidden + self.second(
            functional.silu(self.first(functional.silu(self.norm(hidden))))
        )
        rows = functional.silu(self.row_norm(hidden)).transpose(2, 3)
        rows = self.rows_out(functional.silu(self.rows_in(rows)))
        return hidden + rows.transpose(2, 3)


def power_to_levels(
    power: Float[Tensor, "*batch 512 column"],
) -> Float[Tensor, "*batch 512 column"]:
    """The network's input from squared mel magnitudes on the int16 scale: 0 is 80 dB, 1 is 110."""
    return (10 * (power + 1e3).log10() - 80) / 30
