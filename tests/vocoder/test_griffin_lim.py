"""What goes through a mel image and comes back is still the same sound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.evaluation.attacks import find_hits, find_partials, noise_before_db, rise_ms, wobble
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, Planes, SpectrogramParams
from riffkit.vocoder.base import KnownSound
from riffkit.vocoder.griffin_lim import GriffinLim

RATE = 44_100
HOP = 441
griffin_lim = GriffinLim()


def resynthesise(waveform: Tensor, params: SpectrogramParams, **options: object) -> Tensor:
    mel = waveform_to_mel(waveform, params, circular=bool(options.get("circular")))
    return griffin_lim(mel[None], params, n_samples=waveform.shape[-1], **options)[0]


def tone(hz: float, n_samples: int, amplitude: float = 0.25) -> Tensor:
    return amplitude * torch.sin(2 * torch.pi * hz * torch.arange(n_samples) / RATE)[None]


def strongest_hz(waveform: Tensor) -> float:
    """The spectrum's peak, by a parabola through its log on a Gaussian window."""
    n_samples = waveform.shape[-1]
    window = torch.signal.windows.gaussian(n_samples, std=n_samples / 8)
    level = torch.fft.rfft(waveform[0] * window).abs().log()
    k = int(level.argmax())
    below, peak, above = level[k - 1 : k + 2].tolist()
    return (k + 0.5 * (below - above) / (below - 2 * peak + above)) * RATE / n_samples


def rms(waveform: Tensor) -> float:
    return float(waveform.square().mean().sqrt())


def chords(n_samples: int, n_channels: int = 1) -> Tensor:
    """Decaying chords and hiss: something in every row, and no two channels alike."""
    generator = torch.Generator().manual_seed(1)
    seconds = torch.arange(n_samples) / RATE
    clip = 0.003 * torch.randn(n_channels, n_samples, generator=generator)
    for k, hz in enumerate((110.0, 164.8, 277.2, 440.0, 1244.5, 3520.0)):
        pan = torch.linspace(1, k / 6, n_channels)[:, None]
        clip += 0.1 * pan * torch.sin(2 * torch.pi * hz * seconds + k)
    return clip * torch.exp(-5 * (seconds % 0.4))


@pytest.mark.parametrize(
    ("hz", "cents", "level_db"),
    [
        (220.0, 3, 0.5),
        (440.0, 3, 0.5),
        (1_003.0, 3, 0.5),
        (2_217.0, 3, 0.5),
        (3_217.0, 3, 0.5),
        (5_555.0, 5, 2.5),  # the mel rows are as wide as a tone up here
        (7_777.0, 5, 2.5),
    ],
)
def test_a_tone_keeps_its_pitch_and_level(hz: float, cents: float, level_db: float) -> None:
    clip = tone(hz, 120 * HOP)
    inner = slice(20 * HOP, 100 * HOP)
    decoded = resynthesise(clip, RIFFUSION_V1)[:, inner]
    assert abs(1200 * math.log2(strongest_hz(decoded) / hz)) < cents
    assert abs(20 * math.log10(rms(decoded) / rms(clip[:, inner]))) < level_db


def test_a_click_stays_a_click() -> None:
    clip = torch.zeros(1, 80 * HOP)
    clip[0, 17_000] = 0.9
    energy = resynthesise(clip, FULL_BAND.with_planes(Planes.MONO))[0].square()
    assert abs(int(energy.argmax()) - 17_000) < 0.001 * RATE
    near = energy[17_000 - RATE // 200 : 17_000 + RATE // 200].sum()
    assert near > 0.8 * energy.sum()


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND, CRISP])
def test_silence_is_silence(params: SpectrogramParams, circular: bool) -> None:
    mel = torch.zeros(1, params.planes.n_mel_planes, 512, 30)
    decoded = griffin_lim(mel, params, n_samples=30 * HOP, circular=circular)
    assert torch.equal(decoded, torch.zeros(1, params.planes.n_channels, 30 * HOP))


def test_sound_after_silence_leaves_the_silence_quiet() -> None:
    clip = torch.zeros(1, 120 * HOP)
    clip[:, 60 * HOP :] = tone(440.0, 60 * HOP)
    decoded = resynthesise(clip, RIFFUSION_V1)
    assert torch.isfinite(decoded).all()
    assert rms(decoded[:, : 50 * HOP]) < 1e-3 * rms(decoded[:, 70 * HOP :])


def test_noise_stays_noise() -> None:
    noise = 0.1 * torch.randn(1, 200 * HOP, generator=torch.Generator().manual_seed(0))
    decoded = resynthesise(noise, RIFFUSION_V1)

    def flatness(waveform: Tensor) -> float:
        power = torch.fft.rfft(waveform[0]).abs().square()
        band = power[int(200 / RATE * 200 * HOP) : int(9_000 / RATE * 200 * HOP)]
        return float(band.log().mean().exp() / band.mean())

    assert flatness(noise) > 0.5  # white noise: e^-0.577 = 0.56
    assert abs(flatness(decoded) - flatness(noise)) < 0.1


@pytest.mark.parametrize("params", [FULL_BAND, FULL_BAND.with_planes(Planes.RIFFUSION_STEREO)])
def test_a_pan_stays_where_it_is(params: SpectrogramParams) -> None:
    clip = torch.cat((tone(440.0, 80 * HOP, 0.3), tone(440.0, 80 * HOP, 0.1)))
    left, right = resynthesise(clip, params)[:, 10 * HOP : 70 * HOP]
    assert 20 * math.log10(rms(left[None]) / rms(right[None])) == pytest.approx(9.54, abs=0.3)
    assert float(torch.corrcoef(torch.stack((left, right)))[0, 1]) > 0.99


@pytest.mark.parametrize("params", [FULL_BAND, CRISP])
@pytest.mark.parametrize(("right_gain", "wanted"), [(-1.0, -1.0), (0.0, 0.0)])
def test_mid_tells_how_left_and_right_belong_together(
    right_gain: float, wanted: float, params: SpectrogramParams
) -> None:
    noise = 0.1 * torch.randn(2, 100 * HOP, generator=torch.Generator().manual_seed(3))
    noise[1] = right_gain * noise[0] if right_gain else noise[1]
    decoded = resynthesise(noise, params)
    correlation = float(torch.corrcoef(decoded)[0, 1])
    assert correlation == pytest.approx(wanted, abs=0.1)


def test_three_equal_planes_are_a_mono_clip() -> None:
    mel = waveform_to_mel(chords(60 * HOP), FULL_BAND)
    left, right = griffin_lim(mel[None], FULL_BAND, n_samples=60 * HOP)[0]
    assert rms((left - right)[None]) < 1e-4 * rms(left[None])


def test_a_loop_has_no_click_at_its_seam() -> None:
    n_samples = 96 * HOP
    whole_turns = round(330 * n_samples / RATE) * RATE / n_samples
    loop = tone(whole_turns, n_samples)
    decoded = resynthesise(loop, RIFFUSION_V1, circular=True)[0]
    steps = (decoded.roll(-1) - decoded).abs()
    assert steps[-1] <= steps[:-1].max()
    seam = decoded.roll(n_samples // 2)[n_samples // 2 - 4 * HOP : n_samples // 2 + 4 * HOP]
    assert rms(seam[None]) == pytest.approx(rms(decoded[None]), rel=0.03)


@pytest.mark.parametrize("params", [FULL_BAND, CRISP])
@pytest.mark.parametrize("turn", [1, 37, 95])
def test_a_turned_loop_decodes_to_the_turned_sound(turn: int, params: SpectrogramParams) -> None:
    mel = waveform_to_mel(chords(96 * HOP, 2), params, circular=True)[None]
    decoded = griffin_lim(mel, params, n_samples=96 * HOP, circular=True)
    turned = griffin_lim(mel.roll(turn, -1), params, n_samples=96 * HOP, circular=True)
    assert torch.allclose(turned, decoded.roll(turn * HOP, -1), atol=1e-5)


@pytest.mark.parametrize("bpm", [60.0, 93.75, 120.0, 174.3])
def test_the_length_is_exact_at_any_tempo(bpm: float) -> None:
    grid = BeatGrid(bpm, 1)
    n_samples = grid.n_samples(RATE)
    hz = round(500 * grid.seconds) / grid.seconds
    clip = tone(hz, n_samples)
    mel = waveform_to_mel(clip, RIFFUSION_V1, n_frames=grid.n_frames)
    decoded = griffin_lim(mel[None], RIFFUSION_V1, n_samples=n_samples, circular=True)[0]
    assert decoded.shape == (1, n_samples)
    assert abs(20 * math.log10(rms(decoded) / rms(clip))) < 0.5
    spectrum = torch.fft.rfft(decoded[0]).abs()
    assert int(spectrum.argmax()) == round(hz * n_samples / RATE)


def test_laid_out_at_another_tempo_the_pitch_stays() -> None:
    slow, fast = (BeatGrid(bpm, 2).n_samples(RATE) for bpm in (90.0, 120.0))
    mel = waveform_to_mel(tone(660.0, slow), RIFFUSION_V1, n_frames=128)
    decoded = griffin_lim(mel[None], RIFFUSION_V1, n_samples=fast, circular=True)[0]
    assert decoded.shape[-1] == fast
    assert abs(1200 * math.log2(strongest_hz(decoded) / 660.0)) < 10


def test_a_batch_is_its_items_and_a_seed_its_samples() -> None:
    clips = torch.stack((chords(50 * HOP), tone(523.0, 50 * HOP)))
    mel = torch.stack([waveform_to_mel(clip, RIFFUSION_V1) for clip in clips])
    batch = griffin_lim(mel, RIFFUSION_V1, n_samples=50 * HOP, seed=5)
    for item, decoded in zip(mel, batch, strict=True):
        alone = griffin_lim(item[None], RIFFUSION_V1, n_samples=50 * HOP, seed=5)
        assert torch.equal(alone[0], decoded)
    other = griffin_lim(mel, RIFFUSION_V1, n_samples=50 * HOP, seed=6)
    assert not torch.equal(other, batch)


def test_more_work_brings_the_image_nearer() -> None:
    clip = chords(100 * HOP)
    mel = waveform_to_mel(clip, RIFFUSION_V1)

    def image_error(quality: str) -> float:
        decoded = griffin_lim(mel[None], RIFFUSION_V1, n_samples=100 * HOP, quality=quality)[0]
        again = waveform_to_mel(decoded, RIFFUSION_V1)
        return float(255 * ((mel / mel.max()) ** 0.25 - (again / mel.max()) ** 0.25).abs().mean())

    preview, default, high = (image_error(name) for name in ("preview", "default", "high"))
    assert high < default < preview < 4
    assert default < 2


def test_it_goes_on_from_known_sound() -> None:
    clip = tone(440.0, 100 * HOP)
    mel = waveform_to_mel(clip, RIFFUSION_V1)[None]
    cells = torch.zeros(512, 100, dtype=torch.bool)
    cells[:, :40] = True
    known = KnownSound(clip[None], cells)
    decoded = griffin_lim.inpaint(mel, RIFFUSION_V1, n_samples=100 * HOP, known=known)[0]
    inner = slice(10 * HOP, 90 * HOP)  # in step with the clip far beyond what was known
    error = rms(decoded[:, inner] - clip[:, inner])
    assert error < 0.1 * rms(clip)


def test_short_images_decode() -> None:
    for n_frames in (1, 2, 5):
        mel = torch.rand(1, 1, 512, n_frames) * 1e6
        for circular in (False, True):
            decoded = griffin_lim(mel, RIFFUSION_V1, n_samples=n_frames * HOP, circular=circular)
            assert decoded.shape == (1, 1, n_frames * HOP)
            assert torch.isfinite(decoded).all()


@pytest.mark.parametrize(
    ("mel", "options", "message"),
    [
        (torch.ones(1, 2, 512, 4), {}, "needs 1 planes"),
        (torch.ones(1, 1, 128, 4), {}, "of 512 rows"),
        (torch.ones(1, 1, 512, 4), {"n_samples": 3}, "n_samples=3"),
        (torch.full((1, 1, 512, 4), np.nan), {}, "finite"),
        (-torch.ones(1, 1, 512, 4), {}, "at least 0"),
    ],
)
def test_what_cannot_be_decoded_is_refused(
    mel: Tensor, options: dict[str, int], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        griffin_lim(mel, RIFFUSION_V1, **{"n_samples": 4 * HOP, **options})


def test_a_hit_is_sharper_in_crisp_and_no_noise_comes_before_it() -> None:
    grid = BeatGrid(120.0, 4)
    n_samples = grid.n_samples(RATE)
    since = (torch.arange(n_samples) % (n_samples // 4)) / RATE - 0.1
    noise = torch.randn(1, n_samples, generator=torch.Generator().manual_seed(4))
    hits = 0.3 * noise * (since / 0.002).clamp(0, 1) * torch.exp(-since.clamp(min=0) / 0.05)
    found = {}
    for params in (FULL_BAND.with_planes(Planes.MONO), CRISP.with_planes(Planes.MONO)):
        mel = waveform_to_mel(hits, params, n_frames=grid.n_frames)[None]
        decoded = griffin_lim(mel, params, n_samples=n_samples, circular=True, quality="high")[0]
        places = find_hits(hits, RATE, circular=True)
        found[params.preset] = (
            rise_ms(decoded, RATE, places, circular=True),
            noise_before_db(decoded, RATE, places, circular=True),
        )
    assert found["crisp"][0] < 5.5
    assert found["crisp"][0] < 0.7 * found["full-band"][0]
    assert found["crisp"][1] < found["full-band"][1] - 10


@pytest.mark.parametrize("params", [FULL_BAND, CRISP])
def test_a_held_chord_does_not_waver(params: SpectrogramParams) -> None:
    chord = sum(tone(hz, 200 * HOP, 0.1 / k) for k in (1, 2, 3) for hz in (220 * k, 277.2 * k))
    params = params.with_planes(Planes.MONO)
    decoded = resynthesise(chord, params)
    found = wobble(decoded, RATE, partials_hz=find_partials(chord, RATE))
    assert found.pitch_cents < 1
    assert found.level_db < 0.2
