"""Tags of a clip: the 50 tags of musicnn's MagnaTagATune model.

Pons and Serra, arXiv:1909.06654: on the front-end's features three convolutions over time, each
added to what came before; the largest and the mean of all in 3 s; two dense layers. What no music
moves in the published weights is left out, the rest kept in eight bits (`riff train musicnn`).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from riffkit.analysis.musicnn import front_end, mel_image, read_weights
from riffkit.errors import ParameterError

# In the order of the model's outputs.
TAGS = (
    "guitar",
    "classical",
    "slow",
    "techno",
    "strings",
    "drums",
    "electronic",
    "rock",
    "fast",
    "piano",
    "ambient",
    "beat",
    "violin",
    "vocal",
    "synth",
    "female",
    "indian",
    "opera",
    "male",
    "singing",
    "vocals",
    "no vocals",
    "harpsichord",
    "loud",
    "quiet",
    "flute",
    "woman",
    "male vocal",
    "no vocal",
    "pop",
    "soft",
    "sitar",
    "solo",
    "man",
    "classic",
    "choir",
    "voice",
    "new age",
    "dance",
    "male voice",
    "female vocal",
    "beats",
    "harp",
    "cello",
    "no voice",
    "weird",
    "country",
    "metal",
    "female voice",
    "choral",
)
LAYERS = ("conv1", "conv2", "conv3")
TAGGER_FILE = "tagger.safetensors"
_PATCH_FRAMES = 187  # 3 s, a frame every 16 ms
_IGNORED_FRAMES = 15  # a rest this short gets no patch of its own
_BATCH_PATCHES = 2  # more at once takes memory afresh each time, which costs more than it saves


@torch.no_grad()
def music_tags(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, *, n_patches: int | None = None
) -> dict[str, float]:
    """Each tag's probability, the mean of patches of 3 s that together cover the clip.

    A clip under 3 s is repeated; from a long one, at most `n_patches` evenly spread patches are
    used. Raises ParameterError for no samples or no patches.
    """
    if n_patches is not None and n_patches < 1:
        raise ParameterError(f"n_patches={n_patches}: must be at least 1")
    patches = _patches(mel_image(waveform, sample_rate), n_patches)
    found = torch.cat([_probabilities(batch) for batch in patches.split(_BATCH_PATCHES)])
    return dict(zip(TAGS, found.mean(dim=0).tolist(), strict=True))


def _patches(
    image: Float[Tensor, "frame mel"], most: int | None
) -> Float[Tensor, "patch patch_frame mel"]:
    n_frames = len(image)
    n_patches = max(1, -((_IGNORED_FRAMES - n_frames) // _PATCH_FRAMES))
    n_heard = n_patches if most is None else min(n_patches, most)
    starts = torch.linspace(0, n_frames - _PATCH_FRAMES, n_heard)
    return torch.stack([image[s : s + _PATCH_FRAMES] for s in starts.round().int().tolist()])


def _probabilities(images: Float[Tensor, "patch frame mel"]) -> Float[Tensor, "patch tag"]:
    weights = _weights()
    return tag_probabilities(front_end(images, weights["features"]), weights)


def tag_probabilities(
    features: Float[Tensor, "patch feature frame"], weights: dict[str, Tensor]
) -> Float[Tensor, "patch tag"]:
    """The layers behind the front-end, on those of its features that `weights` name."""
    seen = [features]
    for name in LAYERS:
        found = functional.conv1d(
            seen[-1], weights[f"{name}.weight"], weights[f"{name}.bias"], padding="same"
        )
        scale, shift = weights[f"{name}.scale"][:, None], weights[f"{name}.shift"][:, None]
        found = functional.relu(found) * scale + shift
        if name != LAYERS[0]:  # the channels that the layer before has too
            found = found.index_add(1, weights[f"{name}.residual"], seen[-1])
        seen.append(found)
    maps = torch.cat(seen, dim=1)
    pooled = torch.cat((maps.amax(dim=2), maps.mean(dim=2)), dim=1)
    pooled = pooled * weights["pool.scale"] + weights["pool.shift"]
    hidden = functional.relu(pooled @ weights["dense.weight"].T + weights["dense.bias"])
    hidden = hidden * weights["dense.scale"] + weights["dense.shift"]
    return torch.sigmoid(hidden @ weights["output.weight"].T + weights["output.bias"])


@lru_cache(maxsize=1)
def _weights() -> dict[str, Tensor]:
    return unpack(read_weights(TAGGER_FILE))


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """A matrix in eight bits is NAME (of -127 to 127) by NAME.step, one for each output."""
    tensors = {}
    for name, tensor in packed.items():
        if tensor.dtype == torch.int8:
            step = packed[f"{name}.step"]
            tensors[name] = tensor * step.view(-1, *[1] * (tensor.dim() - 1))
        elif not name.endswith(".step"):
            tensors[name] = tensor if tensor.is_floating_point() else tensor.long()
    return tensors
