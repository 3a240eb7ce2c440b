"""New sound put into a clip where it was made, and nowhere else."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from riffkit.audio.crossfade import raised_cosine
from riffkit.music.source import FADE_SECONDS, Source


def spliced(
    whole: Float[Tensor, "channel padded"], source: Source, kept: Bool[np.ndarray, "row frame"]
) -> Float[Tensor, "channel sample"]:
    """The sound of an edited image where any of its rows is new, the clip's own everywhere else.

    `whole` begins where the source's image does; 30 ms before and behind each join they pass into
    one another.
    """
    n_frames, n_samples = source.image.n_frames, source.waveform.shape[-1]
    new = whole[:, source.n_lead : source.n_lead + n_samples]
    frame_of_sample = (np.arange(n_samples) + source.n_lead) / source.image.n_samples * n_frames
    is_touched = np.asarray(~kept.all(axis=0))
    touched = is_touched[np.minimum(frame_of_sample.astype(int), n_frames - 1)]
    weight = _ramped(torch.from_numpy(touched), round(FADE_SECONDS * source.sample_rate))
    return source.waveform + weight * (new - source.waveform)


def _ramped(touched: Tensor, n_fade: int) -> Float[Tensor, " sample"]:
    """1 where the sound is new, falling to 0 within `n_fade` samples outside."""
    outside = torch.nn.functional.avg_pool1d(
        torch.nn.functional.max_pool1d(
            touched.float()[None, None], n_fade | 1, stride=1, padding=(n_fade | 1) // 2
        ),
        n_fade | 1,
        stride=1,
        padding=(n_fade | 1) // 2,
        count_include_pad=False,
    )[0, 0]
    return raised_cosine(outside)
