"""The tensor path is the compiled one, but for the first phase."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.audio.resampling import resample
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.vocoder.backend import LoopProblem
from riffkit.vocoder.base import KnownSound
from riffkit.vocoder.crossover import crossover
from riffkit.vocoder.grid import working_bands
from riffkit.vocoder.griffin_lim import GriffinLim
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_constraint import enforce_mel, smooth_magnitude
from riffkit.vocoder.tensor_loop import TensorLoops, _enforce, _smooth_magnitude, _tensor_bank

RATE, HOP, N_FRAMES = 44_100, 441, 96
CPU = torch.device("cpu")
compiled, tensors = GriffinLim(as_tensors=False), GriffinLim(as_tensors=True)


def plucked(n_channels: int, *, seed: int = 0) -> Tensor:
    """Decaying chords with hiss, panned, a whole number of strokes."""
    generator = torch.Generator().manual_seed(seed)
    seconds = torch.arange(N_FRAMES * HOP) / RATE
    clip = 0.002 * torch.randn(n_channels, len(seconds), generator=generator)
    for k, hz in enumerate((131.0, 262.0, 392.0, 659.0, 1_568.0)):
        pan = torch.linspace(1, k / 5, n_channels)[:, None]
        clip += 0.1 * pan * torch.sin(2 * torch.pi * hz * seconds + k + seed)
    return clip * torch.exp(-6 * (seconds % 0.32))


def target_of(params: SpectrogramParams) -> np.ndarray:
    mel = waveform_to_mel(plucked(params.planes.n_channels), params)
    return np.ascontiguousarray(mel.numpy().transpose(0, 2, 1))


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND, CRISP])
def test_each_step_is_the_compiled_one(params: SpectrogramParams) -> None:
    bands = working_bands(params, n_frames=N_FRAMES, n_samples=N_FRAMES * HOP)
    target, n_channels = target_of(params), params.planes.n_channels
    bank, own = _tensor_bank(params, bands, CPU), mel_bank(params, bands)
    magnitude = smooth_magnitude(target, own, int(own.bin_bounds[-1]))
    same = _smooth_magnitude(torch.from_numpy(target)[None], bank)[0]
    torch.testing.assert_close(same, torch.from_numpy(magnitude), rtol=1e-4, atol=1e-5 * 3e4)

    analysis = bands[-1].analysis
    loop = resample(plucked(n_channels), RATE, analysis.sample_rate)
    loop = loop[None, :, : N_FRAMES * analysis.hop_samples]
    loops = crossover(params, bands, n_frames=N_FRAMES, device=CPU).split(loop)
    backend = TensorLoops(LoopProblem(torch.from_numpy(target)[None], params, bands, seed=0))
    spectra = backend._analyze(loops)
    for again, wanted in zip(backend._synthesize(spectra), loops, strict=True):
        torch.testing.assert_close(again, wanted, rtol=0, atol=1e-5)

    expected = spectra[0].numpy().copy()
    sign = np.concatenate([t.sign.numpy() for t in bank.transforms])
    expected *= sign
    enforce_mel(expected, expected.copy(), target, own, momentum=0.0, limit=20.0)
    expected *= sign
    found = _enforce(spectra, torch.from_numpy(target)[None], bank)[0]
    largest = float(np.abs(expected).max())
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND, CRISP])
def test_its_sound_has_nearly_the_compiled_one_s_image(
    params: SpectrogramParams, circular: bool
) -> None:
    clip = plucked(params.planes.n_channels)
    mel = waveform_to_mel(clip, params, circular=circular)

    def image_error(voice: GriffinLim) -> float:
        decoded = voice(mel[None], params, n_samples=N_FRAMES * HOP, circular=circular)[0]
        assert decoded.shape == clip.shape
        again = waveform_to_mel(decoded, params, circular=circular)
        return float(255 * ((mel / mel.max()) ** 0.25 - (again / mel.max()) ** 0.25).abs().mean())

    assert image_error(tensors) < 2 * image_error(compiled)  # 1.2 on music, more on sharp attacks


def test_a_batch_is_its_items_and_a_turned_loop_its_turned_sound() -> None:
    mels = torch.stack(
        [waveform_to_mel(plucked(1, seed=k), RIFFUSION_V1, circular=True) for k in range(3)]
    )
    options = {"n_samples": N_FRAMES * HOP, "circular": True}
    batch = tensors(mels, RIFFUSION_V1, **options)
    alone = tensors(mels[1:2], RIFFUSION_V1, **options)
    torch.testing.assert_close(batch[1:2], alone, rtol=0, atol=1e-4)
    turned = tensors(mels.roll(17, -1), RIFFUSION_V1, **options)
    torch.testing.assert_close(turned, batch.roll(17 * HOP, -1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("params", [RIFFUSION_V1, CRISP])
def test_known_sound_stays_and_the_gap_is_filled_in_step(
    params: SpectrogramParams, circular: bool
) -> None:
    n_channels = params.planes.n_channels
    place = torch.arange(N_FRAMES * HOP) / (N_FRAMES * HOP)
    clip = sum(torch.sin(2 * torch.pi * turns * place + turns) for turns in (211, 560, 1_411))
    clip = 0.1 * clip.expand(n_channels, -1)
    mel = waveform_to_mel(clip, params, circular=circular)[None]
    cells = torch.ones(512, N_FRAMES, dtype=torch.bool)
    cells[:, 40:60] = False
    known = KnownSound(clip[None], cells)
    options = {"n_samples": N_FRAMES * HOP, "circular": circular, "known": known, "quality": "high"}
    decoded = tensors.inpaint(mel, params, **options)[0]
    outside = slice(5 * HOP, 30 * HOP)
    error = (decoded - clip)[:, outside].square().mean().sqrt()
    assert error < 0.01 * clip.square().mean().sqrt()
    gap = slice(40 * HOP, 60 * HOP)
    in_step = (decoded[:, gap] * clip[:, gap]).sum() / clip[:, gap].square().sum()
    assert in_step == pytest.approx(1, abs=0.05)
