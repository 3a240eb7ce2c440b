"""What the front-end of musicnn hears in a clip: features for distances between sets of clips.

The tagger's later layers tell rendered music badly apart; the means of the front-end's features
do it well.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.musicnn import front_end, mel_image


@torch.no_grad()
def musicnn_features(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, " feature"]:
    """The means over time of the 561 features; a clip under 3 s is heard again and again."""
    return front_end(mel_image(waveform, sample_rate)[None])[0].mean(dim=1)
