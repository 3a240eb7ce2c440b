"""musicnn as torch weights, from the checkpoint that its package ships.

Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging",
2019 (arXiv:1909.06654); weights under the ISC licence. Two files: the front-end in 16 bits, and
what lies behind it (`train/tools/musicnn_tagger.py`) in eight.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import save_file
from torch import Tensor

from riffkit.analysis.musicnn import BRANCHES, FFT_SIZE, FRONT_END_FILE, MAX_HZ, N_MELS, SAMPLE_RATE
from riffkit.analysis.tags import TAGGER_FILE
from riffkit.atomic import atomic_path
from train.tools.musicnn_tagger import tagger_tensors
from train.tools.tf_checkpoint import normalisation, read_checkpoint


def export_musicnn(checkpoint: Path, folder: Path) -> None:
    """Write what riffkit.analysis reads; `checkpoint` is musicnn's MTT_musicnn folder."""
    tensors = read_checkpoint(checkpoint)
    files = {FRONT_END_FILE: front_end_tensors(tensors), TAGGER_FILE: tagger_tensors(tensors)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in files.items():
        with atomic_path(folder / name) as temporary:
            save_file({n: t.contiguous() for n, t in found.items()}, temporary)


def front_end_tensors(tensors: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """In float16; the mel filters are among them."""
    found: dict[str, Tensor] = {"mel_filters": _slaney_filters()}
    for index, name in enumerate(("input", *BRANCHES)):
        found[f"{name}.scale"], found[f"{name}.shift"] = normalisation(tensors, index)
    for index, name in enumerate(BRANCHES):
        layer = f"conv2d_{index}" if index else "conv2d"
        kernel = torch.from_numpy(tensors[f"{layer}/kernel"])  # time, band, in, out
        found[f"{name}.weight"] = kernel.permute(3, 2, 0, 1)
        found[f"{name}.bias"] = torch.from_numpy(tensors[f"{layer}/bias"])
    return {name: tensor.half() for name, tensor in found.items()}


def _slaney_filters() -> Float32[Tensor, "bin mel"]:
    """librosa's default filter bank, which musicnn was trained with."""
    from riffkit.imports.torchaudio_compat import torchaudio

    filters: Tensor = torchaudio().functional.melscale_fbanks(
        FFT_SIZE // 2 + 1, 0.0, MAX_HZ, N_MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return filters
