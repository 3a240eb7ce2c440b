"""How much better the separator's stems are than the mix, beside ideal masks and a median filter.

    python tests/benchmarks/bench_separator.py [--short] [--bands N] [--sheet FILE.png]

Held-out bands (train/listeners/bands.py) are rendered player by player. Of each group that a band
has: SDR is the energy of its sound over that of the error, in dB, and the gain is how much higher
it is than the mix's own. "ideal" are the ratios of the groups' true powers on the separator's STFT,
left and right, a bound for masks; the share is the mean gain over that of the ideal masks.
"median filter" is a harmonic/percussive split (Fitzgerald, DAFx 2010: 31 frames and 31 bins of an
STFT of 2,048 samples, squared ratio masks), whose percussion is compared with the drums.

Times are CPU times of one thread, per second of sound, with those of the median filter beside them.
Fails where a share is below 60 % (drums), 57 % (bass) or 45 % (chords, lead), or the drums are less
than 3 dB above the median filter's; with --short, of four bands, 10 points and 1 dB below that.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import median_filter
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

from riffkit.analysis.separation.network import GROUPS
from riffkit.analysis.separation.separate import separate
from riffkit.errors import ParameterError
from riffkit.spectrogram.image import SpectrogramImage, save_sheet
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP
from riffkit.spectrogram.pixels import mel_to_pixels
from train.listeners.bands import draw_band
from train.listeners.separator.mixtures import group_of
from train.sounds.render_score import SAMPLE_RATE
from train.sounds.soundfonts import find_soundfonts
from train.stream.recipe import FIRST_HELD_OUT

N_BANDS, N_SHORT = 40, 4
LEAST_SHARE = {"drums": 60, "bass": 57, "chords": 45, "lead": 45}
LEAST_ABOVE_MEDIAN_DB = 3.0
SHORT_TOLERANCE = 10
MEDIAN = "median filter"
N_FFT = 4_096
SILENT = 1e-7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="four bands")
    parser.add_argument("--bands", type=int, default=N_BANDS)
    parser.add_argument("--sheet", type=Path, help="a PNG of a band's mix and stems")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        fonts = find_soundfonts()
    except ParameterError as missing:
        print(f"left out: {missing}")
        return
    ways: dict[str, Callable[[Tensor, Tensor], dict[str, Tensor]]] = {
        "ideal": ideal,
        MEDIAN: percussion,
        "separator": lambda groups, mix: separate(mix, SAMPLE_RATE),
    }
    gains: dict[str, dict[str, list[float]]] = {way: {} for way in ways}
    seconds = dict.fromkeys(ways, 0.0)
    sdr: dict[str, list[float]] = {}
    heard = 0.0
    separate(torch.zeros(2, 9), SAMPLE_RATE)  # loads the network
    for place, groups in enumerate(bands(fonts, N_SHORT if options.short else options.bands)):
        mix = groups.sum(dim=0)
        heard += mix.shape[1] / SAMPLE_RATE
        for way, separated in ways.items():
            started = time.process_time()
            stems = separated(groups, mix)
            seconds[way] += time.process_time() - started
            for name, true in zip(GROUPS, groups, strict=True):
                if name in stems and float(true.square().mean()) > SILENT:
                    gain = sdr_db(true, stems[name]) - sdr_db(true, mix)
                    gains[way].setdefault(name, []).append(gain)
                    if way == "separator":
                        sdr.setdefault(name, []).append(sdr_db(true, stems[name]))
            if place == 1 and way == "separator" and options.sheet is not None:
                save_pictures(options.sheet, mix, groups, stems)
    print_table(gains, sdr, seconds, heard)
    check(gains, tolerance=SHORT_TOLERANCE if options.short else 0)


def bands(fonts: list[Path], count: int) -> Iterator[Tensor]:
    """The groups' sounds of held-out bands that have two or more; "group channel sample"."""
    number = FIRST_HELD_OUT
    while count:
        band = draw_band(number, fonts)
        groups = [group_of(track) for track in band.score.tracks]
        if len(set(groups)) > 1:
            sounds = [
                band.sum_of(
                    [k for k, of in enumerate(groups) if of == name], crackle=name == "chords"
                )
                for name in GROUPS
            ]
            yield torch.from_numpy(np.stack(sounds))
            count -= 1
        number += 1


def ideal(groups: Tensor, mix: Tensor) -> dict[str, Tensor]:
    power = torch.stack([spectrum(group, N_FFT) for group in groups]).abs().square()
    masks = power / power.sum(dim=0).clamp_min(1e-12)
    sounds = [waveform(mask * spectrum(mix, N_FFT), N_FFT, mix.shape[1]) for mask in masks]
    return dict(zip(GROUPS, sounds, strict=True))


def percussion(groups: Tensor, mix: Tensor) -> dict[str, Tensor]:
    both = spectrum(mix, 2_048)
    magnitude = both.abs().mean(dim=0).numpy()
    held, struck = (median_filter(magnitude, size) ** 2 for size in ((1, 31), (31, 1)))
    mask = torch.from_numpy(struck / np.maximum(held + struck, 1e-12))
    return {"drums": waveform(mask * both, 2_048, mix.shape[1])}


def spectrum(sound: Tensor, n_fft: int) -> Tensor:
    window = torch.hann_window(n_fft)
    return torch.stft(
        sound, n_fft, n_fft // 4, window=window, pad_mode="constant", return_complex=True
    )


def waveform(of: Tensor, n_fft: int, n_samples: int) -> Tensor:
    return torch.istft(of, n_fft, n_fft // 4, window=torch.hann_window(n_fft), length=n_samples)


def sdr_db(true: Tensor, found: Tensor) -> float:
    wrong = (true - found).square().sum().clamp_min(1e-12)
    return 10 * float((true.square().sum() / wrong).log10())


def print_table(
    gains: dict[str, dict[str, list[float]]],
    sdr: dict[str, list[float]],
    seconds: dict[str, float],
    heard: float,
) -> None:
    print("| | bands | SDR dB | gain dB | ideal dB | share % | median filter dB |")
    print(f"|{'---|' * 7}")
    for name in GROUPS:
        own, best = (statistics.mean(gains[way][name]) for way in ("separator", "ideal"))
        beside = f"{statistics.mean(gains[MEDIAN][name]):.1f}" if name in gains[MEDIAN] else ""
        print(
            f"| {name} | {len(sdr[name])} | {statistics.mean(sdr[name]):.1f} | {own:.1f} "
            f"| {best:.1f} | {100 * own / best:.0f} | {beside} |"
        )
    own, beside = seconds["separator"] / heard, seconds[MEDIAN] / heard
    print(
        f"\n{heard:.0f} s of music; CPU time per second: separator {own:.3f} s, {MEDIAN} "
        f"{beside:.3f} s ({own / beside:.1f} x)"
    )


def check(gains: dict[str, dict[str, list[float]]], *, tolerance: float) -> None:
    wrong = []
    for name, least in LEAST_SHARE.items():
        own, best = (statistics.mean(gains[way][name]) for way in ("separator", "ideal"))
        if 100 * own / best < least - tolerance:
            wrong.append(f"{name}: {100 * own / best:.0f} % of the ideal masks' gain, not {least}")
    drums, beside = (statistics.mean(gains[way]["drums"]) for way in ("separator", MEDIAN))
    if drums - beside < LEAST_ABOVE_MEDIAN_DB - tolerance / 10:
        wrong.append(f"drums: {drums - beside:.1f} dB above the median filter")
    if wrong:
        raise SystemExit("; ".join(wrong))


def save_pictures(path: Path, mix: Tensor, groups: Tensor, stems: dict[str, Tensor]) -> None:
    """The mix, then each group as it is and as it was found, as loud as in the mix."""
    sounds, pictures = {"mix": mix}, {}
    for name, true in zip(GROUPS, groups, strict=True):
        sounds |= {f"{name}, played": true, f"{name}, found": stems[name]}
    loudest = None
    for name, sound in sounds.items():
        pixels, loudest = mel_to_pixels(waveform_to_mel(sound, CRISP), CRISP, max_value=loudest)
        pictures[name] = SpectrogramImage(pixels, CRISP, loudest)
    save_sheet(path, pictures)


if __name__ == "__main__":
    main()
