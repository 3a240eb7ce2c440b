"""Decoding an image: riffkit's Griffin-Lim against torchaudio's InverseMelScale and GriffinLim.

    python tests/benchmarks/bench_decode.py [--short] [--music FOLDER] [--clips N]

Clips of 5.12 s, taken from the audio files under FOLDER, or from samples/ and a synthesised one.
imgL1: mean difference of the re-encoded image, in 8-bit levels. LSD: log-spectral distance in dB,
SC: spectral convergence, both over the image's band. Fails where the default quality is worse
than torchaudio by imgL1 or LSD, or not 20 times as fast.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # as it stands here

from riffkit.audio.files import load
from riffkit.audio.torchaudio_compat import torchaudio
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage, mel_to_pixels
from riffkit.spectrogram.mel import INT16_SCALE, waveform_to_mel
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, Planes
from riffkit.vocoder.base import QUALITIES
from riffkit.vocoder.decode import decode

RATE = 44_100
SAMPLES = Path(__file__).parent.parent.parent / "samples"
CLIP_SAMPLES = 512 * 441
AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
MIN_RATIO = 20.0


@dataclass
class Score:
    image_l1: float
    lsd_db: float
    convergence: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one clip, few repetitions")
    parser.add_argument("--music", type=Path, help="folder of audio files to take clips from")
    parser.add_argument("--clips", type=int, default=8, help="how many clips")
    options = parser.parse_args()
    n_clips, n_runs = (1, 3) if options.short else (options.clips, 9)
    clips = music_clips(options.music or SAMPLES, n_clips)
    if not options.music:
        clips = [*clips[: n_clips - 1], synthesised_clip()]
    print(f"{len(clips)} clips of 5.12 s, {torch.get_num_threads()} threads, {n_runs} runs each")
    compare_mono(clips, n_runs)
    compare_stereo(clips, n_runs)


def music_clips(folder: Path, n_clips: int) -> list[Tensor]:
    """Clips from the files in turn, each later in its file."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    clips: list[Tensor] = []
    for k in range(n_clips if files else 0):
        waveform, _ = load(files[k % len(files)], sample_rate=RATE)
        room = waveform.shape[-1] - CLIP_SAMPLES
        if room >= 0:
            start = int(room * (0.2 + 0.6 * k / n_clips))
            clips.append(waveform[:, start : start + CLIP_SAMPLES].expand(2, -1).clone())
    return clips


def synthesised_clip() -> Tensor:
    """Plucked chords with overtones, left and right of the middle, and bursts of noise."""
    generator = torch.Generator().manual_seed(0)
    seconds = torch.arange(CLIP_SAMPLES) / RATE
    clip = 0.001 * torch.randn(2, CLIP_SAMPLES, generator=generator)
    for k, root_hz in enumerate((110.0, 138.6, 164.8, 220.0, 277.2, 329.6)):
        since = (seconds - 0.16 * k) % 0.96
        pan = torch.tensor([[1 - k / 6], [1 / 6 + k / 6]])
        for overtone in range(1, 16):
            wave = torch.sin(2 * torch.pi * root_hz * overtone * since)
            clip += 0.1 * pan * wave * torch.exp(-(2 + overtone) * since) / overtone
    hit = torch.exp(-30 * (seconds % 0.48))
    return clip + 0.1 * hit * torch.randn(2, CLIP_SAMPLES, generator=generator)


def compare_mono(clips: list[Tensor], n_runs: int) -> None:
    """Print all qualities beside torchaudio on riffusion-v1 images."""
    decoders: dict[str, Callable[[SpectrogramImage], Tensor]] = {"torchaudio": torchaudio_decoder()}
    for quality in QUALITIES:
        decoders[quality] = lambda image, quality=quality: decode(image, quality=quality)
    scores: dict[str, list[Score]] = {name: [] for name in decoders}
    for clip in clips:
        mono = clip.mean(0, keepdim=True)
        image = waveform_to_image(mono, RATE, RIFFUSION_V1)
        for name, decoder in decoders.items():
            scores[name].append(score(mono, image, decoder, 1 if name == "torchaudio" else n_runs))
    means = {name: mean_score(of) for name, of in scores.items()}
    theirs, ours = means["torchaudio"], means["default"]
    for name, of in means.items():
        print(
            f"{name:10} {1e3 * of.seconds:7.1f} ms {theirs.seconds / of.seconds:6.1f}x  "
            f"imgL1 {of.image_l1:.2f}  LSD {of.lsd_db:.2f} dB  SC {of.convergence:.3f}"
        )
    ratio = theirs.seconds / ours.seconds
    print(f"decode: {ratio:.0f}x as fast as torchaudio")
    if ratio < MIN_RATIO or ours.image_l1 > theirs.image_l1 or ours.lsd_db > theirs.lsd_db:
        raise SystemExit("default quality: slower or worse than it is to be; see the table")


def compare_stereo(clips: list[Tensor], n_runs: int) -> None:
    """Print what full-band stereo costs, and how well it keeps left and right together."""
    mono_params = FULL_BAND.with_planes(Planes.MONO)
    stereo_seconds, mono_seconds, narrow_seconds, errors = [], [], [], []
    for clip in clips:
        stereo = waveform_to_image(clip, RATE, FULL_BAND)
        mono = waveform_to_image(clip, RATE, mono_params)
        narrow = waveform_to_image(clip, RATE, RIFFUSION_V1)
        stereo_seconds.append(median_seconds(lambda image=stereo: decode(image), n_runs))
        mono_seconds.append(median_seconds(lambda image=mono: decode(image), n_runs))
        narrow_seconds.append(median_seconds(lambda image=narrow: decode(image), n_runs))
        errors.append(abs(correlation(clip) - correlation(decode(stereo))))
    seconds = statistics.mean(stereo_seconds)
    print(
        f"full-band stereo {1e3 * seconds:.1f} ms: "
        f"{seconds / statistics.mean(mono_seconds):.2f}x full-band mono, "
        f"{seconds / statistics.mean(narrow_seconds):.2f}x riffusion-v1 mono; "
        f"inter-channel correlation error {statistics.mean(errors):.4f}"
    )


def torchaudio_decoder() -> Callable[[SpectrogramImage], Tensor]:
    """What Riffusion does today; a column short, as there, and filled with silence."""
    transforms = torchaudio().transforms
    linear = transforms.InverseMelScale(
        n_stft=8_821, n_mels=512, sample_rate=RATE, f_max=10_000.0, norm=None, mel_scale="htk"
    )
    griffin_lim = transforms.GriffinLim(
        n_fft=17_640, n_iter=32, win_length=4_410, hop_length=441, power=1.0
    )

    def decode_image(image: SpectrogramImage) -> Tensor:
        waveform = griffin_lim(linear(image.to_mel())) / INT16_SCALE
        missing = image.n_samples - waveform.shape[-1]
        return torch.nn.functional.pad(waveform, (0, missing))

    return decode_image


def score(
    clip: Tensor,
    image: SpectrogramImage,
    decoder: Callable[[SpectrogramImage], Tensor],
    n_runs: int,
) -> Score:
    if n_runs > 1:
        decoder(image)  # what is compiled or cached once
    decoded = decoder(image)
    assert decoded.shape[-1] == image.n_samples
    mel = waveform_to_mel(decoded, image.params)
    pixels, _ = mel_to_pixels(mel, image.params, max_value=image.max_value)
    difference = torch.tensor(pixels, dtype=torch.float32) - torch.tensor(image.pixels)
    lsd_db, convergence = spectral_distances(clip, decoded, image.params.max_hz)
    seconds = median_seconds(lambda: decoder(image), n_runs)
    return Score(float(difference.abs().mean()), lsd_db, convergence, seconds)


def spectral_distances(clip: Tensor, decoded: Tensor, max_hz: float) -> tuple[float, float]:
    """Log-spectral distance in dB above a floor of -100 dB, and spectral convergence."""

    def magnitude(waveform: Tensor) -> Tensor:
        window = torch.hann_window(2048)
        spectrum = torch.stft(waveform, 2048, 512, window=window, return_complex=True)
        return spectrum.abs()[:, : int(max_hz / RATE * 2048) + 1]

    first, second = magnitude(clip), magnitude(decoded)
    floor = 1e-5 * first.max()
    decibels = 20 * torch.log10((first + floor) / (second + floor))
    convergence = (first - second).norm() / first.norm()
    return float(decibels.square().mean(1).sqrt().mean()), float(convergence)


def correlation(stereo: Tensor) -> float:
    left, right = stereo - stereo.mean(-1, keepdim=True)
    return float((left * right).sum() / (left.norm() * right.norm() + 1e-9))


def mean_score(scores: list[Score]) -> Score:
    return Score(
        statistics.mean(score.image_l1 for score in scores),
        statistics.mean(score.lsd_db for score in scores),
        statistics.mean(score.convergence for score in scores),
        statistics.mean(score.seconds for score in scores),
    )


def median_seconds(work: Callable[[], object], n_runs: int) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return statistics.median(seconds() for _ in range(n_runs))


if __name__ == "__main__":
    main()
