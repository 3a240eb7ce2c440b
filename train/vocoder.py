"""Training of the neural vocoder's network (riffkit/vocoder/phase_network.py) on audio files.

Each item is a crop of one file, laid out at a random tempo, as an image: rounded to 8 bits, and
often with the faults of generated images (the autoencoder's smoothing, noise). The targets are
the changes of the crop's own phase from frame to frame and from bin to bin; an error counts as
1 - cos. Louder points count for more, as decibels do.
"""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int, Int16, UInt8
from safetensors.torch import save_file
from torch import Tensor, nn

from riffkit.atomic import atomic_path
from riffkit.audio.files import load
from riffkit.audio.resampling import resample
from riffkit.diffusion.checkpoint import find_model
from riffkit.diffusion.seam import circular_in_time
from riffkit.errors import AudioFileError, ParameterError
from riffkit.spectrogram.image import mel_to_pixels, pixels_to_mel
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.grid import working_analysis
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_loop import MelLoop
from riffkit.vocoder.phase_network import (
    QUIETEST,
    PhaseNetwork,
    bin_grid,
    changes_from_rows,
    three_planes,
)
from train.crops import pixels_to_signal
from train.rows import SeededItems
from train.state import load_ema

RATE = 44_100
CROP_FRAMES = 64
COLUMN_MS = (10.0, 10.0, 10.0, 5.0, 6.25, 7.8125, 8.0, 12.5, 15.625)  # 10: off the beat grid
SHARE_RIFFUSION = 0.25
SHARE_AUTOENCODED = 0.2
SHARE_NOISY = 0.2
SHARE_MIXED = 0.3
SHARE_MONO = 0.2
SHARE_HISS = 0.3
_N_EVALUATED = 24
_AUDIO = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True, eq=False)
class _Item:
    """One crop as the network reads it, mid's true phase, and how much each point counts."""

    loudness: Float[Tensor, "3 frame mel"]
    magnitude: Float[Tensor, "3 frame bin"]
    phase: Float[Tensor, "frame bin"]
    weight: Float[Tensor, "frame bin"]
    loudest: float
    params: SpectrogramParams
    analysis: Analysis


class VocoderTask:
    """The files of a folder, of which the last twentieth is only for evaluation.

    They are held in memory, 10 MB a minute.
    """

    def __init__(self, folder: Path, *, model: str = "mini") -> None:
        self.network: nn.Module = PhaseNetwork()
        sounds = _read_folder(folder)
        n_held_out = max(1, len(sounds) // 20)
        self._sounds, self._held_out = sounds[:-n_held_out], sounds[-n_held_out:]
        self.n_items = len(self._sounds)
        self._autoencoder = AutoencoderKL.from_pretrained(
            find_model(model) / "vae", torch_dtype=torch.float32
        )
        self._autoencoder.eval().requires_grad_(False)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> SeededItems:
        return SeededItems.draw(items, generator)

    def loss(self, batch: SeededItems) -> tuple[Float[Tensor, ""], dict[str, float]]:
        pairs = zip(batch.items, batch.generators(), strict=True)
        crops = [self._item(self._sounds, int(item), generator) for item, generator in pairs]
        errors = _errors(self.network, crops)
        total = torch.stack(list(errors.values())).sum()
        return total, {name: float(error.detach()) for name, error in errors.items()}

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """The errors on files that training never sees, beside those without corrections."""
        generator = torch.Generator().manual_seed(0)
        plain = PhaseNetwork().to(next(network.parameters()).device)
        rows = []
        for index in range(_N_EVALUATED):
            crop = [self._item(self._held_out, index % len(self._held_out), generator)]
            row = {f"held_out_{name}": float(e) for name, e in _errors(network, crop).items()}
            row |= {f"uncorrected_{name}": float(e) for name, e in _errors(plain, crop).items()}
            rows.append(row)
        return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}

    def _item(
        self, sounds: list[Int16[np.ndarray, "sample 2"]], index: int, generator: torch.Generator
    ) -> _Item:
        """A crop of file `index`, at a random tempo, speed and balance."""
        draw = _Draw(generator)
        column_ms = COLUMN_MS[draw.below(len(COLUMN_MS))]
        n_samples = round(CROP_FRAMES * column_ms * RATE / 1000)
        sound = _crop(sounds[index], n_samples, draw)
        if draw.chance(SHARE_MIXED):
            other = _crop(sounds[draw.below(len(sounds))], n_samples, draw)
            sound = sound + 10 ** draw.between(-1.0, 0.0) * other
        if draw.chance(SHARE_MONO):
            sound = sound.mean(0, keepdim=True).expand(2, -1)
        if draw.chance(SHARE_HISS):
            hiss = torch.randn(sound.shape, generator=generator)
            sound = sound + 10 ** draw.between(-4.5, -2.0) * float(sound.abs().max()) * hiss
        params = RIFFUSION_V1 if draw.chance(SHARE_RIFFUSION) else FULL_BAND
        if params.planes.n_channels == 1:
            sound = sound.mean(0, keepdim=True)
        mel = waveform_to_mel(sound, params, n_frames=CROP_FRAMES)
        headroom = math.exp(draw.between(0.0, 2.0))  # a crop is rarely as loud as its clip
        max_value = headroom * max(float(mel.max()), 1e-3)
        pixels = self._degraded(mel_to_pixels(mel, params, max_value=max_value)[0], draw)
        return _with_truth(pixels, sound, params, max_value, headroom)

    def _degraded(
        self, pixels: UInt8[np.ndarray, "row frame 3"], draw: _Draw
    ) -> UInt8[np.ndarray, "row frame 3"]:
        """Sometimes as if a model had painted it."""
        levels: np.ndarray = pixels.astype(np.float32)
        if draw.chance(SHARE_AUTOENCODED):
            signal = pixels_to_signal(pixels.transpose(2, 0, 1)[None])
            with torch.no_grad(), circular_in_time(self._autoencoder):
                latents = self._autoencoder.encode(signal).latent_dist.mean
                signal = self._autoencoder.decode(latents).sample.float()
            levels = (127.5 * (signal[0] + 1)).permute(1, 2, 0).numpy()
        if draw.chance(SHARE_NOISY):
            noise = torch.randn(levels.shape, generator=draw.generator).numpy()
            levels = levels + draw.between(1.0, 6.0) * noise * (levels < 254)
        return np.asarray(levels.round().clip(0, 255), np.uint8)


@dataclass(frozen=True, eq=False)
class _Draw:
    """Random numbers of one generator."""

    generator: torch.Generator

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def below(self, n: int) -> int:
        return int(torch.randint(n, (), generator=self.generator))

    def chance(self, share: float) -> bool:
        return self.between(0.0, 1.0) < share


def _read_folder(folder: Path) -> list[Int16[np.ndarray, "sample 2"]]:
    """Every audio file in the folder, in the order of their names; what can't be read is told."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _AUDIO)
    sounds = []
    for path in paths:
        try:
            waveform, _ = load(path, sample_rate=RATE)
        except AudioFileError as error:
            print(f"left out: {error}", flush=True)
            continue
        scaled = waveform.expand(2, -1) * (32_767 / max(1.0, float(waveform.abs().max())))
        sounds.append(scaled.T.to(torch.int16).numpy())
    if len(sounds) < 2:
        raise ParameterError(f"data={folder.name!r}: holds {len(sounds)} audio files; at least 2")
    return sounds


def _crop(
    sound: Int16[np.ndarray, "sample 2"], n_samples: int, draw: _Draw
) -> Float[Tensor, "2 taken"]:
    """`n_samples` of the sound, played a little faster or slower; a short one plays round."""
    n_taken = round(n_samples * draw.between(0.8, 1.25))
    start = draw.below(max(1, len(sound) - n_taken))
    taken = np.take(sound, np.arange(start, start + n_taken), axis=0, mode="wrap")
    waveform = torch.from_numpy(taken.T.astype(np.float32) / 32_768)
    resampled = resample(waveform, n_taken, n_samples, n_samples=n_samples, circular=True)
    return resampled if draw.chance(0.5) else resampled.flip(0)


def _with_truth(
    pixels: UInt8[np.ndarray, "row frame 3"],
    sound: Float[Tensor, "channel sample"],
    params: SpectrogramParams,
    max_value: float,
    headroom: float,
) -> _Item:
    """What the vocoder would make of the image, and what it should."""
    n_samples = sound.shape[-1]
    analysis = working_analysis(params, n_frames=CROP_FRAMES, n_samples=n_samples)
    mel = pixels_to_mel(pixels, params, max_value=max_value)
    columns = np.ascontiguousarray(mel.transpose(1, 2).numpy())
    loop = resample(
        sound,
        params.sample_rate,
        analysis.sample_rate,
        n_samples=CROP_FRAMES * analysis.hop_samples,
        circular=True,
    ).numpy()
    with ThreadPoolExecutor(1) as pool:
        bank = mel_bank(params, analysis)
        solver = MelLoop(columns, len(loop), analysis, bank, pool)
        spectra = torch.from_numpy(solver.spectra(loop))
        magnitude = torch.from_numpy(solver.smooth_magnitude())
    loudest = headroom * max(float(magnitude.max()), 1e-9)
    mid = spectra.mean(0)
    log_magnitude = (mid.abs() / loudest).clamp(min=QUIETEST).log()
    return _Item(
        loudness=three_planes(torch.from_numpy(columns) / max_value) ** params.power_for_image,
        magnitude=three_planes(magnitude),
        phase=mid.angle(),
        weight=1 - log_magnitude / math.log(QUIETEST),
        loudest=loudest,
        params=params,
        analysis=analysis,
    )


def _errors(network: nn.Module, items: list[_Item]) -> dict[str, Float[Tensor, ""]]:
    """Mean 1 - cos of the errors of the changes of phase."""
    assert isinstance(network, PhaseNetwork)
    device = next(network.parameters()).device
    grids = [bin_grid(item.params, item.analysis) for item in items]
    all_rows = network.rows(
        torch.stack([item.loudness for item in items]).to(device),
        torch.stack([grid.row_facts for grid in grids]).to(device),
    ).cpu()
    errors: dict[str, list[Tensor]] = {"time": [], "frequency": []}
    for item, rows, grid in zip(items, all_rows, grids, strict=True):
        changes = changes_from_rows(
            network, rows, item.magnitude, grid, item.analysis, loudest=item.loudest
        )
        for axis, (name, change) in enumerate(zip(errors, changes, strict=True)):
            wrong = 1 - (change - (item.phase.roll(-1, axis) - item.phase)).cos()
            both = torch.minimum(item.weight, item.weight.roll(-1, axis))
            errors[name].append((both * wrong).sum() / both.sum().clamp(min=1))
    return {name: torch.stack(values).mean() for name, values in errors.items()}


def export_phase_network(state: Path, path: Path) -> None:
    """The averaged weights of a run as one safetensors file in float16."""
    network = PhaseNetwork()
    load_ema(network, state)
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    config = {"config": json.dumps(asdict(network.config))}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file(weights, temporary, metadata=config)
