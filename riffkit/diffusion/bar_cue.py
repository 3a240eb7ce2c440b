"""The bar cue: one latent channel that encodes each column's position in the bar.

A network that is circular in time cannot see where the bar begins (zero padding was its
cue). So the last latent channel of a beat-grid model holds a fixed pattern instead of
sound: four bands of rows with the cosine and sine of the column's place in its bar and in
its two-bar phrase. The model learned it with the music. When sampling, the channel is
imposed at the noise level of each step, as a known region is when inpainting, and the
downbeat falls where the pattern says. The autoencoder writes zeros there and reads nothing.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

BARS_PER_PHRASE = 2
_AMPLITUDE = math.sqrt(2)  # unit variance, as the other channels have


def bar_cue(n_rows: int, n_columns: int, *, columns_per_bar: int) -> Float[Tensor, "row column"]:
    """The pattern for `n_columns` latent columns, the first of them on a downbeat."""
    column = torch.arange(n_columns, dtype=torch.float32)
    bar = 2 * math.pi * column / columns_per_bar
    phrase = bar / BARS_PER_PHRASE
    bands = torch.stack([bar.cos(), bar.sin(), phrase.cos(), phrase.sin()])
    band_of_row = torch.arange(n_rows) * len(bands) // n_rows
    return _AMPLITUDE * bands[band_of_row]
