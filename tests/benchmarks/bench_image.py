"""What a spectrogram image could hold better: each choice of the preset crisp beside others.

    python tests/benchmarks/bench_image.py [--short] [--pictures FOLDER]

Prints Markdown tables. Each line is an image of twelve clips of real music (music.py fetches
them), mono, decoded at high: log-spectral distance to 20 kHz, the same below 5 kHz, ViSQOL. Beside
it clean hits at 120 BPM (percussion.py): their rise and the noise before them; and a low fifth,
whose partials lie 27 Hz apart: pitch wobble. --pictures writes one bar in three presets.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

from music import RATE, twelve_clips
from percussion import N_BEATS, clean_hits, drum_loops

from riffkit.evaluation.attacks import find_hits, find_partials, noise_before_db, rise_ms, wobble
from riffkit.evaluation.fidelity import log_spectral_distance, visqol
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, Planes, SpectrogramParams
from riffkit.vocoder.decode import decode
from riffkit.vocoder.griffin_lim import GriffinLim

ROOT = Path(__file__).parents[2]
MONO = CRISP.with_planes(Planes.MONO)
WINDOWS = {
    "crisp": MONO,
    "time_bandwidth 0.7": replace(MONO, time_bandwidth=0.7),
    "time_bandwidth 1.4": replace(MONO, time_bandwidth=1.4),
    "shortest window 32 ms": replace(MONO, shortest_window_ms=32.0),
    "longest window 130 ms": replace(MONO, window_ms=130.0, padded_ms=520.0),
    "rows of the HTK scale (break at 700 Hz)": replace(MONO, mel_break_hz=700.0),
    "break at 1,200 Hz": replace(MONO, mel_break_hz=1_200.0),
    "break at 4,000 Hz": replace(MONO, mel_break_hz=4_000.0),
    "one window, break at 2,000 Hz": replace(MONO, time_bandwidth=0.0, shortest_window_ms=0.0),
    "full-band": FULL_BAND.with_planes(Planes.MONO),
}
Levels = Callable[[Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="clean hits alone, two lines a table")
    parser.add_argument("--pictures", type=Path, help="folder for one bar in three presets")
    options = parser.parse_args()
    if options.pictures:
        write_pictures(options.pictures)
        return
    music = {"hits": clean_hits(120.0)} if options.short else twelve_clips(ROOT / ".music")
    clips = [clip.mean(0, keepdim=True) for clip in music.values()]
    print_windows(clips, short=options.short)
    print_levels(clips, short=options.short)
    print_columns(short=options.short)


def print_windows(clips: list[Tensor], *, short: bool) -> None:
    columns = "LSD | below 5 kHz | ViSQOL | rise, ms | noise before, dB | low fifth, cents"
    print(f"windows and rows\n| | {columns} |\n|{'---|' * 7}")
    for name, params in list(WINDOWS.items())[: 2 if short else None]:
        values = [*similarity(clips, lambda c, p=params: at_high(c, p), short=short)]
        values += [*hit_figures(params), low_fifth_cents(params)]
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |", flush=True)


def at_high(clip: Tensor, params: SpectrogramParams) -> Tensor:
    return decode(waveform_to_image(clip, RATE, params), quality="high")


def similarity(
    clips: list[Tensor], decoded: Callable[[Tensor], Tensor], *, short: bool
) -> tuple[float, float, float]:
    found = []
    for clip in clips:
        again = decoded(clip)
        lsd, low = (log_spectral_distance(clip, again, RATE, hz) for hz in (20_000, 5_000))
        found.append((lsd, low, float("nan") if short else visqol(clip, again, RATE)))
    return tuple(statistics.mean(column) for column in zip(*found, strict=True))


def hit_figures(params: SpectrogramParams) -> tuple[float, float]:
    loop = clean_hits(120.0).mean(0, keepdim=True)
    image = waveform_to_image(loop, RATE, params, grid=BeatGrid(120.0, N_BEATS))
    decoded, hits = (
        decode(image, quality="high", circular=True),
        find_hits(loop, RATE, circular=True),
    )
    return (
        rise_ms(decoded, RATE, hits, circular=True),
        noise_before_db(decoded, RATE, hits, circular=True),
    )


def low_fifth_cents(params: SpectrogramParams) -> float:
    seconds = torch.arange(4 * RATE) / RATE
    chord = sum(
        0.1 / k * torch.sin(2 * torch.pi * hz * k * seconds + k)
        for hz in (55.0, 82.4)
        for k in range(1, 11)
    )[None]
    partials = find_partials(chord, RATE)
    return wobble(at_high(chord, params), RATE, partials_hz=partials).pitch_cents


def print_levels(clips: list[Tensor], *, short: bool) -> None:
    """What 256 levels cost, and whether they lie well: the mel of each clip, quantised, decoded."""
    print(f"\nlevels\n| | LSD | below 5 kHz | ViSQOL |\n|{'---|' * 4}")
    dither = torch.Generator().manual_seed(0)
    scales: dict[str, Levels] = {
        "256 levels, power 0.25": lambda x: ((x**0.25 * 255).round() / 255) ** 4,
        "not quantised": lambda x: x,
        "power 0.5": lambda x: ((x**0.5 * 255).round() / 255) ** 2,
        "decibels, -100 to 0": lambda x: in_decibels(x, -100.0),
        "power 0.25 with dither": lambda x: (
            ((x**0.25 * 255 + torch.rand(x.shape, generator=dither)).floor().clamp(0, 255) / 255)
            ** 4
        ),
        "64 levels, power 0.25": lambda x: ((x**0.25 * 63).round() / 63) ** 4,
    }
    for name, levels in list(scales.items())[: 2 if short else None]:
        values = similarity(clips, lambda c, q=levels: requantised(c, q), short=short)
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |", flush=True)


def in_decibels(relative: Tensor, floor_db: float) -> Tensor:
    steps = (20 * relative.clamp(min=1e-9).log10() / -floor_db + 1).clamp(0, 1)
    steps = (steps * 255).round() / 255
    return torch.where(steps > 0, 10 ** ((steps - 1) * -floor_db / 20), 0)


def requantised(clip: Tensor, levels: Levels) -> Tensor:
    mel = waveform_to_mel(clip, MONO)
    loudest = mel.max()
    mel = levels(mel / loudest) * loudest
    voice = GriffinLim()
    return voice(mel[None], MONO, n_samples=clip.shape[-1] // 441 * 441, quality="high")[0]


def print_columns(*, short: bool) -> None:
    """Drums at slow tempi with 64 and 128 columns a beat: these as an image at twice the BPM."""
    print(f"\ncolumns a beat\n| BPM | columns | LSD | rise, ms | noise before, dB |\n|{'---|' * 5}")
    for bpm in (60.0,) if short else (60.0, 75.0, 90.0, 120.0):
        loops = [clean_hits(bpm)] if short else list(drum_loops(bpm).values())
        for per_beat in (64, 128):
            grid = BeatGrid(bpm * per_beat / 64, N_BEATS * per_beat // 64)
            found = []
            for stereo in loops:
                loop = stereo.mean(0, keepdim=True)
                image = waveform_to_image(loop, RATE, MONO, grid=grid)
                decoded = decode(image, quality="high", circular=True)
                hits = find_hits(loop, RATE, circular=True)
                if len(hits) > 2:
                    lsd = log_spectral_distance(loop, decoded, RATE, 20_000)
                    rise = rise_ms(decoded, RATE, hits, circular=True)
                    found.append((lsd, rise, noise_before_db(decoded, RATE, hits, circular=True)))
            values = " | ".join(f"{v:.2f}" for v in np.median(np.array(found), axis=0))
            print(f"| {bpm:g} | {per_beat} | {values} |", flush=True)


def write_pictures(folder: Path) -> None:
    """Two seconds of rock drums and of a song (Sectoid, MIT) in riffusion-v1, full-band, crisp."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = BeatGrid(120.0, 4)
    bars = {
        "drums": drum_loops(120.0)["rock"],
        "song": twelve_clips(ROOT / ".music")["rock-freedom"],
    }
    gap = np.full((512, 12, 3), 255, np.uint8)
    for name, sound in bars.items():
        bar = sound[:, : grid.n_samples(RATE)].mean(0, keepdim=True)
        images = [
            waveform_to_image(bar, RATE, params.with_planes(Planes.MONO), grid=grid).pixels
            for params in (RIFFUSION_V1, FULL_BAND, CRISP)
        ]
        row = np.concatenate([images[0], gap, images[1], gap, images[2]], axis=1)
        path = folder / f"presets-{name}.png"
        Image.fromarray(row).convert("L").save(path, optimize=True)
        print(path)


if __name__ == "__main__":
    main()
