"""Tracks painted alone, two ways to one mix: decode each and add, or add images and decode once.

    python tests/benchmarks/bench_stems.py [--short] [--sheet FILE.png]

The players of twelve styles are rendered, each is encoded as an image, and both ways are compared
with the rendered mix. "each" is riffkit/music/stems.py. "once" adds the energies of the placed
players' images (power by power), decodes that image, and takes stems from it by ratio masks on its
STFT; the room is added to both in the same way. "the mix" is the rendered mix itself through an
image, what decoding costs by itself.

imgL1: the mean difference to the rendered mix's image in 8-bit levels. LSD: at three window
lengths, floor -80 dB. Width: how far side over mid is off. Of the stems: LSD against the rendered
ones, and by how much the drums' hits rise slower and have more noise before them
(riffkit/evaluation/attacks.py). Times are CPU times, as ratios to "the mix". Fails where the
chosen way, "each", has worse stems than "once", or a mix that is more than 0.1 dB further away.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

from riffkit.errors import ParameterError
from riffkit.evaluation.attacks import find_hits, noise_before_db, rise_ms, side_over_mid_db
from riffkit.evaluation.fidelity import image_l1, visqol
from riffkit.music.mixing import VINYL, Mixed, _Room, mix
from riffkit.music.stems import is_mono, stems_to_mix
from riffkit.score import Score, write_score
from riffkit.score.notes import Mix
from riffkit.score.stems import DRUMS, Stem, stems_of
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage, save_sheet
from riffkit.spectrogram.mel_scale import corner_hz
from riffkit.spectrogram.params import CRISP, FULL_BAND, Planes, SpectrogramParams
from riffkit.spectrogram.pixels import mel_to_pixels
from riffkit.vocoder.decode import decode
from train.sounds.render_score import SAMPLE_RATE, loop_samples, render_track
from train.sounds.soundfonts import find_soundfont

N_SCORES = 12
WINDOWS = (512, 2048, 8192)
MASK_FFT, MASK_HOP = 2048, 512
COLUMNS = ("imgL1", *(f"LSD {n}" for n in WINDOWS), "ViSQOL", "width dB")
STEM_COLUMNS = ("stems' LSD", "rise ms", "noise dB")
NOTHING = float("nan")


@dataclass(frozen=True, eq=False)
class Rendered:
    """A score with a track for each player, their sounds, and the mix."""

    score: Score
    dry: list[np.ndarray]
    mixed: Mixed

    @property
    def grid(self) -> BeatGrid:
        return BeatGrid(self.score.bpm, self.score.n_beats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="two scores, one preset")
    parser.add_argument("--sheet", type=Path, help="a PNG for each preset's images of the mixes")
    options = parser.parse_args()
    try:
        soundfont = find_soundfont()
    except ParameterError as missing:
        print(f"left out: {missing}")
        return
    songs = [rendered(score, soundfont) for score in scores(2 if options.short else N_SCORES)]
    print(", ".join(f"{song.score.facts.style} ({len(song.dry)})" for song in songs))
    for params in (CRISP,) if options.short else (CRISP, FULL_BAND):
        print_preset(params, songs, options.sheet)


def scores(count: int) -> list[Score]:
    """Of different styles, each with three players at least."""
    found: dict[str, Score] = {}
    for seed in range(1_000):
        score = write_score(seed)
        if len(stems_of(score)) > 2 and score.facts.style not in found:
            found[score.facts.style] = score
        if len(found) == count:
            break
    return list(found.values())


def rendered(score: Score, soundfont: Path) -> Rendered:
    """The score with a track for each player, who is painted alone: the drums are one."""
    stems = stems_of(score)
    dry = [_played(stem, score, soundfont) for stem in stems]
    score = replace(score, tracks=tuple(stem.track for stem in stems))
    return Rendered(score, dry, mix(dry, score, SAMPLE_RATE))


def _played(stem: Stem, score: Score, soundfont: Path) -> np.ndarray:
    """What a player plays, without a room; the two sides of a mono track are one."""
    n_samples = loop_samples(score)
    tracks = tuple(replace(track, send=0.0) for track in stem.tracks)
    dry = [render_track(track, score.n_beats, n_samples, soundfont) for track in tracks]
    sound = mix(dry, replace(score, tracks=tracks, mix=Mix()), SAMPLE_RATE).waveform
    return sound.mean(0, keepdims=True) if is_mono(stem.track) else sound


def _mean(values: Sequence[float]) -> float:
    """Of those that are numbers."""
    numbers = [value for value in values if not np.isnan(value)]
    return statistics.mean(numbers) if numbers else NOTHING


def print_preset(params: SpectrogramParams, songs: list[Rendered], sheet: Path | None) -> None:
    ways: dict[str, Callable[[Rendered, SpectrogramParams], tuple[Mixed, float]]] = {
        "the mix": through_an_image,
        "each": each_decoded,
        "once": decoded_once,
    }
    print(f"\n{params.preset}, {len(songs)} mixes, one thread")
    columns = (*COLUMNS, *STEM_COLUMNS, "x CPU time")
    print(f"| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    base, errors, pictures = [], {}, {}
    ways["the mix"](songs[0], params)  # compiles
    for name, way in ways.items():
        rows, seconds = [], []
        for song in songs:
            torch.set_num_threads(1)  # ViSQOL sets others
            mixed, taken = way(song, params)
            rows.append(
                figures(
                    song, mixed, params, with_stems=name != "the mix", with_visqol=len(songs) > 2
                )
            )
            seconds.append(taken)
            if song is songs[0]:
                pictures[name] = _image(mixed.waveform, song.grid, params)
        base = base or seconds
        ratio = statistics.mean(s / b for s, b in zip(seconds, base, strict=True))
        means = [_mean(column) for column in zip(*rows, strict=True)]
        errors[name] = means[COLUMNS.index("LSD 2048")], means[len(COLUMNS)]
        values = " | ".join(f"{mean:.2f}" for mean in means)
        print(f"| {name} | {values} | {ratio:.1f} |", flush=True)
    if sheet is not None:
        pictures = {"rendered": _image(songs[0].mixed.waveform, songs[0].grid, params), **pictures}
        save_sheet(sheet.with_stem(f"{sheet.stem}-{params.preset}"), pictures)
    (mix_each, stems_each), (mix_once, stems_once) = errors["each"], errors["once"]
    if mix_each > mix_once + 0.1 or stems_each > stems_once:
        raise SystemExit("decoding each track is no longer the better way; see the table")


def through_an_image(song: Rendered, params: SpectrogramParams) -> tuple[Mixed, float]:
    image = _image(song.mixed.waveform, song.grid, params)
    started = time.process_time()
    sound = decode(image, circular=True)
    return Mixed({"mix": sound.numpy()}), time.process_time() - started


def each_decoded(song: Rendered, params: SpectrogramParams) -> tuple[Mixed, float]:
    images = [_image(waveform, song.grid, params) for waveform in song.dry]
    started = time.process_time()
    mixed = stems_to_mix(images, song.score, circular=True)
    return mixed, time.process_time() - started


def decoded_once(song: Rendered, params: SpectrogramParams) -> tuple[Mixed, float]:
    """The tracks' images are those of the placed and ducked sounds: what their own images and the
    mix rules would give at best.
    """
    score = song.score
    near = tuple(replace(track, send=0.0) for track in score.tracks)
    placed = mix(
        song.dry, replace(score, tracks=near, mix=Mix(duck=score.mix.duck)), SAMPLE_RATE
    ).stems
    images = [_image(stem, song.grid, params) for stem in placed.values()]
    started = time.process_time()
    mels = [image.to_mel() for image in images]
    energy = torch.stack(mels).square().sum(0)
    pixels, max_value = mel_to_pixels(energy.sqrt(), params)
    bus = decode(SpectrogramImage(pixels, params, max_value, song.grid), circular=True)
    room = _Room.of(score.mix, bus.shape[-1], SAMPLE_RATE, circular=True)
    stems = {}
    for name, mel, track in zip(placed, mels, score.tracks, strict=True):
        share = mel.square()[:2] / energy[:2].clamp(min=1e-9)
        stems[name] = room.heard(_masked(bus, share, params).numpy(), track.send)
    if VINYL in song.mixed.stems:
        stems[VINYL] = song.mixed.stems[VINYL]
    return Mixed(stems), time.process_time() - started


def _masked(bus: Tensor, share: Tensor, params: SpectrogramParams) -> Tensor:
    """The bus times a share of each cell, drawn on the bins and hops of an STFT."""
    n_samples = bus.shape[-1]
    window = torch.hann_window(MASK_FFT)
    padded = torch.cat((bus[:, -MASK_FFT:], bus, bus[:, :MASK_FFT]), -1)
    stft = {"n_fft": MASK_FFT, "hop_length": MASK_HOP, "window": window, "center": True}
    spectrum = torch.stft(padded, return_complex=True, **stft)
    hz = np.arange(MASK_FFT // 2 + 1) * params.sample_rate / MASK_FFT
    row = np.interp(hz, corner_hz(params)[1:-1], np.arange(params.n_mels)).round().astype(int)
    at = (np.arange(spectrum.shape[-1]) * MASK_HOP - MASK_FFT) / n_samples * share.shape[-1]
    mask = share[:, row][:, :, np.rint(at).astype(int) % share.shape[-1]]
    sound = torch.istft(spectrum * mask, length=padded.shape[-1], **stft)
    return sound[:, MASK_FFT : MASK_FFT + n_samples]


def _image(waveform: np.ndarray, grid: BeatGrid, params: SpectrogramParams) -> SpectrogramImage:
    params = params if len(waveform) == 2 else params.with_planes(Planes.MONO)
    sound = torch.from_numpy(np.ascontiguousarray(waveform))
    return waveform_to_image(sound, SAMPLE_RATE, params, grid=grid)


def figures(
    song: Rendered, mixed: Mixed, params: SpectrogramParams, *, with_stems: bool, with_visqol: bool
) -> list[float]:
    true = torch.from_numpy(song.mixed.waveform)
    made = torch.from_numpy(mixed.waveform)
    made = made * (true.norm() / made.norm())
    return [
        image_l1(made, _image(song.mixed.waveform, song.grid, params)),
        *(lsd(true, made, n_fft) for n_fft in WINDOWS),
        visqol(true, made, SAMPLE_RATE) if with_visqol else NOTHING,
        abs(side_over_mid_db(made) - side_over_mid_db(true)),
        *(stem_figures(song, mixed) if with_stems else [NOTHING] * 3),
    ]


def stem_figures(song: Rendered, mixed: Mixed) -> list[float]:
    """LSD of the stems, and of the drums' hits the rise and the noise before them."""
    pairs = {
        name: [torch.from_numpy(of.stems[name]) for of in (song.mixed, mixed)]
        for name in song.mixed.stems
        if name != VINYL
    }
    distance = statistics.mean(lsd(*pair, 2048) for pair in pairs.values())
    true, made = pairs.get(DRUMS, (None, None))
    hits = [] if true is None else find_hits(true, SAMPLE_RATE, circular=True)
    if len(hits) < 3:
        return [distance, NOTHING, NOTHING]
    more = [
        measure(made, SAMPLE_RATE, hits, circular=True)
        - measure(true, SAMPLE_RATE, hits, circular=True)
        for measure in (rise_ms, noise_before_db)
    ]
    return [distance, *more]


def lsd(true: Tensor, made: Tensor, n_fft: int) -> float:
    """Log-spectral distance in dB up to 20 kHz, as fidelity.py's, with frames of `n_fft`."""
    last = int(20_000 / SAMPLE_RATE * n_fft)
    first, second = (
        torch.stft(
            waveform, n_fft, n_fft // 4, window=torch.hann_window(n_fft), return_complex=True
        ).abs()[:, :last]
        for waveform in (true, made)
    )
    floor = 1e-4 * first.max().clamp(min=1e-9)
    decibels = 20 * torch.log10((first + floor) / (second + floor))
    return float(decibels.square().mean(dim=-2).sqrt().mean())


if __name__ == "__main__":
    main()
