"""What the mel frames say of the sound, and that they are torchaudio's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.imports.torchaudio_compat import torchaudio
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.mel import mel_filterbank, waveform_to_mel
from riffkit.spectrogram.mel_scale import hz_to_mel, mel_row_hz, mel_to_hz
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, Planes
from riffkit.spectrogram.pixels import mel_to_pixels
from riffkit.spectrogram.stft import beat_grid_analysis, next_smooth, off_grid_analysis

RATE = 44_100
FULL_MONO = FULL_BAND.with_planes(Planes.MONO)


def levels_apart(first, second) -> np.ndarray:
    return np.abs(first.astype(int) - second.astype(int))


def test_htk_scale_and_its_inverse():
    assert hz_to_mel(1000.0) == pytest.approx(999.99, abs=0.01)
    assert hz_to_mel(700.0) == pytest.approx(2595 * math.log10(2))
    for hz in (0.0, 27.5, 440.0, 19_999.0):
        assert mel_to_hz(hz_to_mel(hz)) == pytest.approx(hz, abs=1e-9)


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND], ids=lambda p: p.preset)
def test_filter_bank_is_torchaudios(params):
    theirs = torchaudio().functional.melscale_fbanks(
        8_821, params.min_hz, params.max_hz, params.n_mels, RATE, norm=None, mel_scale="htk"
    )
    ours = mel_filterbank(params, n_fft=17_640, sample_rate=44_100.0)
    assert ours.shape == (8_821, 512)
    assert (ours - theirs).abs().max() < 1e-4  # torchaudio computes in 32 bits


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND], ids=lambda p: p.preset)
def test_frames_are_torchaudios_mel_spectrogram(params, make_music):
    music = make_music(2 * RATE + 123)
    planes = torch.cat((music, music.mean(0, keepdim=True)))
    planes = planes if params.planes is Planes.LEFT_RIGHT_MID else planes[2:]
    transform = torchaudio().transforms.MelSpectrogram(
        RATE, 17_640, 4_410, 441, params.min_hz, params.max_hz, n_mels=512, power=1.0
    )
    theirs = transform(planes * 32_768)
    ours = waveform_to_mel(music, params)
    assert ours.shape == theirs.shape
    our_pixels, max_value = mel_to_pixels(ours, params)
    their_pixels, _ = mel_to_pixels(theirs, params, max_value=max_value)
    assert levels_apart(our_pixels, their_pixels).mean() < 0.01
    assert levels_apart(our_pixels, their_pixels).max() <= 1


@pytest.mark.parametrize("hz", [110.0, 440.0, 3_000.0, 9_000.0])
@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_MONO], ids=lambda p: p.preset)
def test_tone_lands_in_its_mel_row(hz, params, make_tone):
    step = hz_to_mel(params.max_hz) / (params.n_mels + 1)
    row = hz_to_mel(hz) / step - 1  # row r peaks at (r + 1) steps
    mel = waveform_to_mel(make_tone(hz, RATE), params)
    # Half a row either way, and 5 Hz for the low rows, which are narrower than the window's lobe.
    loudest = mel[0, :, 20:80].argmax(dim=0)
    tolerance = 0.5 + 5 * (hz_to_mel(hz + 1) - hz_to_mel(hz)) / step
    assert (loudest - row).abs().max() <= tolerance
    assert mel_row_hz(params)[round(row)] == pytest.approx(hz, rel=0.03)


def test_440_hz_is_row_91_of_riffusion(make_tone):
    """2,595 · log10(1 + 440 / 700) = 549.64 mel; 513 steps to 10 kHz are 5.99 mel each."""
    mel = waveform_to_mel(make_tone(440.0, RATE), RIFFUSION_V1)
    assert int(mel[0, :, 50].argmax()) == 91


def test_level_is_that_of_the_int16_scale(make_tone):
    """A sine of amplitude A peaks at A · sum(window) / 2 in one bin of its transform."""
    mel = waveform_to_mel(make_tone(1_000.0, RATE, gain=0.25), RIFFUSION_V1)[0, :, 50]
    spectrum = torch.fft.rfft(
        make_tone(1_000.0, 4_410, gain=0.25)[0] * torch.hann_window(4_410) * 32_768, n=17_640
    ).abs()
    assert spectrum.max() == pytest.approx(0.25 * 32_768 * 2_205 / 2, rel=1e-3)
    expected = spectrum @ mel_filterbank(RIFFUSION_V1, n_fft=17_640, sample_rate=44_100.0)
    assert mel.max() == pytest.approx(float(expected.max()), rel=1e-3)


def test_decibels_are_kept(make_music):
    music = make_music(RATE)
    loud, quiet = (waveform_to_mel(gain * music, FULL_BAND) for gain in (0.8, 0.08))
    decibels = 20 * torch.log10(loud / quiet.clamp_min(1e-3))
    assert torch.allclose(decibels[loud > 1], torch.tensor(20.0), atol=1e-2)


def test_third_plane_is_the_mel_of_mid_not_the_mean_of_the_mels(make_music):
    music = make_music(RATE)
    mel = waveform_to_mel(music, FULL_BAND)
    mid = waveform_to_mel(music.mean(0, keepdim=True), FULL_MONO)
    torch.testing.assert_close(mel[2:], mid, rtol=1e-4, atol=mid.max().item() * 1e-6)
    out_of_phase = waveform_to_mel(music[:1] * torch.tensor([[1.0], [-1.0]]), FULL_BAND)
    assert out_of_phase[2].max() < 1e-6 * out_of_phase[0].max()


@pytest.mark.parametrize("n_frames", [None, 256])
@pytest.mark.parametrize("planes", [p for p in Planes if p is not Planes.MONO])
def test_a_mono_sound_has_the_planes_of_twin_channels(make_music, planes, n_frames):
    mono, params = make_music(RATE)[:1], CRISP.with_planes(planes)
    one = waveform_to_mel(mono, params, n_frames=n_frames)
    two = waveform_to_mel(mono.expand(2, -1), params, n_frames=n_frames)
    torch.testing.assert_close(one, two, rtol=1e-5, atol=0.1)
    one[0] = 0  # each plane is its own
    assert one[1].any()


def test_mono_in_stereo_planes_and_stereo_in_one(make_music):
    music = make_music(9_000)
    planes = waveform_to_mel(music[:1], FULL_BAND)
    torch.testing.assert_close(planes[0], planes[1])
    torch.testing.assert_close(planes[0], planes[2], rtol=1e-4, atol=1.0)
    assert waveform_to_mel(music, RIFFUSION_V1).shape[0] == 1


@pytest.mark.parametrize("n_samples", [1, 2, 440, 441, 442, 2_205, 2_206, 4_410, 9_999, 44_100])
def test_n_samples_give_ceil_n_over_hop_frames(n_samples, make_music):
    for circular in (False, True):
        mel = waveform_to_mel(make_music(n_samples), FULL_BAND, circular=circular)
        assert mel.shape == (3, 512, math.ceil(n_samples / 441))
        assert mel.isfinite().all()
        assert mel.max() > 0


def test_512_frames_are_exactly_512_hops(make_music):
    assert waveform_to_mel(make_music(512 * 441), RIFFUSION_V1).shape == (1, 512, 512)


def test_a_click_is_as_loud_alone_as_in_silence():
    """A clip shorter than the window is followed by silence, not repeated."""
    click = torch.tensor([[0.5]])
    in_silence = torch.zeros(1, RATE)
    in_silence[0, 22_050] = 0.5
    alone = waveform_to_mel(click, RIFFUSION_V1)
    within = waveform_to_mel(in_silence, RIFFUSION_V1)
    torch.testing.assert_close(alone[0, :, 0], within[0, :, 50], rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("shape", [(0, 100), (3, 100), (2, 0)])
def test_unusable_waveforms_are_refused(shape):
    with pytest.raises(ParameterError, match="waveform="):
        waveform_to_mel(torch.zeros(*shape), FULL_BAND)


@pytest.mark.parametrize("bpm", [60.0, 93.75, 120.0, 174.3])
def test_on_the_grid_turning_the_loop_turns_the_image(bpm, make_music):
    grid = BeatGrid(bpm, 8)
    music = make_music(grid.n_samples(RATE))
    # The smallest number of columns that is also a whole number of samples.
    common = math.gcd(music.shape[-1], grid.n_frames)
    for times in (1, 3):
        n_columns = times * grid.n_frames // common
        turned = music.roll(times * music.shape[-1] // common, dims=-1)
        pixels, max_value = mel_to_pixels(
            waveform_to_mel(music, FULL_BAND, n_frames=grid.n_frames), FULL_BAND
        )
        of_turned, _ = mel_to_pixels(
            waveform_to_mel(turned, FULL_BAND, n_frames=grid.n_frames),
            FULL_BAND,
            max_value=max_value,
        )
        apart = levels_apart(np.roll(pixels, n_columns, axis=1), of_turned)
        assert apart.max() <= 1
        assert apart.mean() < 0.01


def test_a_steady_loop_has_no_seam(make_tone):
    """A tone of whole cycles is the same in every column, the first and last too."""
    grid = BeatGrid(120.0, 4)
    mel = waveform_to_mel(make_tone(440.0, 88_200), FULL_MONO, n_frames=grid.n_frames)
    loud = mel[0, mel[0, :, 100] > 0.01 * mel.max()]
    assert (loud / loud[:, 100:101] - 1).abs().max() < 1e-3


@pytest.mark.parametrize("n_samples", [80_001, 88_200, 99_991])
def test_levels_do_not_depend_on_the_tempo(n_samples, make_tone):
    """Window, transform and rate differ, the level and the row of a tone do not."""
    tone = make_tone(1_000.0, n_samples)
    on_grid = waveform_to_mel(tone, FULL_MONO, n_frames=256)[0, :, 128]
    off_grid = waveform_to_mel(tone, FULL_MONO)[0, :, 90]
    assert on_grid.argmax() == off_grid.argmax()
    assert on_grid.max() == pytest.approx(float(off_grid.max()), rel=0.01)


def test_grid_sizes_are_fast_and_lose_no_band():
    for n_samples in (220_500, 121_446, 352_801, 99_991):
        analysis = beat_grid_analysis(FULL_BAND, n_frames=512, n_samples=n_samples)
        assert 44_100 <= analysis.sample_rate <= 44_100 * 1.06
        assert analysis.window_samples / analysis.sample_rate == pytest.approx(0.1, abs=3e-5)
        assert next_smooth(analysis.hop_samples) == analysis.hop_samples
        assert next_smooth(analysis.n_fft) == analysis.n_fft
        assert analysis.lead_samples == analysis.window_samples // 2


def test_off_grid_sizes_are_riffusions():
    analysis = off_grid_analysis(RIFFUSION_V1)
    assert (analysis.hop_samples, analysis.window_samples, analysis.n_fft) == (441, 4_410, 17_640)
    assert analysis.bin_hz == 2.5
