"""Loops, morphs, stories, melodies and joins: what they promise, measured on the bundled model.

    python tests/benchmarks/bench_journeys.py [--short] [--steps N]

Prints how many of fifty loops have a seam that stands out among their beats, the same for the
joins of an extended clip and of a three-minute story, what of a melody is heard with and without
it, the story's time and memory, and the time of a morph of 8 frames as one batch as a ratio to
one after the other. Fails where a loop has another length than it should, or a click.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # as it stands here

import riffkit
from riffkit import Riff
from riffkit.analysis.facts import measure
from riffkit.audio import files
from riffkit.evaluation.fidelity import flux_at
from riffkit.music.melody import read_melody, similarity
from riffkit.score.notes import Note
from riffkit.spectrogram.beat_grid import BeatGrid
from tests import thin_mini
from tests.voice import play

ROOT = Path(__file__).parents[2]
RATE = 44_100
PROMPTS = (
    "lo-fi hip hop with piano, bass and drums",
    "techno, drum machine and synth bass",
    "string ensemble chords, no drums",
    "funk with slap bass and electric piano",
    "jazz trio with piano, double bass and drums",
    "ambient pad, slow, no drums",
    "rock band with distorted guitar",
    "solo music box",
    "drum and bass, only drums",
    "orchestra with brass and timpani",
)
SCALE = (0, 2, 4, 5, 7, 9, 11)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer clips, of thin networks")
    parser.add_argument("--steps", type=int, default=4, help="denoising steps; 4 unless given")
    arguments = parser.parse_args()
    short, options = arguments.short, {"steps": arguments.steps}
    with tempfile.TemporaryDirectory() as folder:
        model = "mini"
        if short:
            model = str(Path(folder) / "thin")
            thin_mini.save(Path(model))
        riff = riffkit.load(model, device="cpu")
        print_loops(riff, 2 if short else 50, options)
        print_extended(riff, 1 if short else 6, options)
        print_melodies(riff, 1 if short else 6, options)
        print_morph(riff, options)
        print_story(8 if short else 90, options["steps"], model)


def print_loops(riff: Riff, n_loops: int, options: dict) -> None:
    fluxes = []
    for k, bpm in enumerate(np.linspace(60, 180, n_loops)):
        pair = [PROMPTS[k % len(PROMPTS)], PROMPTS[(k + 3) % len(PROMPTS)]]
        clip = riff.loop(pair, bars=4, bpm=float(bpm), seed=k, quality="preview", **options)
        wave = clip.waveform
        if wave.shape[-1] != round(16 * 60 / bpm * RATE):
            raise SystemExit(f"{bpm:g} BPM: {wave.shape[-1]} samples")
        if (wave[:, 0] - wave[:, -1]).abs().max() > wave.diff(dim=-1).abs().max():
            raise SystemExit(f"{bpm:g} BPM: a click over the seam")
        own = flux_at(wave, RATE, np.arange(16) * wave.shape[-1] / 16, circular=True)
        fluxes.append(own / own.mean())
    usual = np.percentile(np.concatenate(fluxes), 95)
    n_found = sum(own[0] > usual for own in fluxes)
    print(
        f"loops: {n_found} of {n_loops} seams above the 95th percentile of all beats; exact length"
    )


def print_extended(riff: Riff, n_clips: int, options: dict) -> None:
    ranks, tempi, keys = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(n_clips):
            path = Path(folder) / "old.wav"
            old = riff.generate(
                PROMPTS[k], bars=4, bpm=90.0 + 9 * k, key="A minor", seed=k, loop=True, **options
            )
            files.save(path, old.waveform, RATE)  # without a recipe: the tempo is measured
            new = riff.extend(path, PROMPTS[k], bars=4, seed=k, **options)
            n, beat = old.waveform.shape[-1], 60 / (90 + 9 * k) * RATE
            beats = np.arange(1, new.waveform.shape[-1] // beat) * beat
            fluxes = flux_at(new.waveform, RATE, [n, *beats], circular=False)
            ranks.append(float(np.mean(fluxes[1:] <= fluxes[0])))
            before, after = (measure(part, RATE) for part in (old.waveform, new.waveform[:, n:]))
            ratio = (after.tempo_bpm or 0) / (before.tempo_bpm or 1)
            tempi.append(min(abs(ratio / octave - 1) for octave in (0.5, 1, 2)) < 0.02)
            keys.append(before.key == after.key)
    print(
        f"extend: {sum(rank > 0.95 for rank in ranks)} of {n_clips} joins above the 95th "
        f"percentile of the beats; tempo as before {np.mean(tempi):.2f}, key {np.mean(keys):.2f}"
    )


def print_melodies(riff: Riff, n_tunes: int, options: dict) -> None:
    with_it, without, ceiling = [], [], []
    grid = BeatGrid(100.0, 8)
    with tempfile.TemporaryDirectory() as folder:
        for k in range(n_tunes):
            rng = np.random.default_rng(k)
            pitches = 69 + np.array([SCALE[d % 7] + 12 * (d // 7) for d in rng.integers(0, 10, 8)])
            notes = [Note(float(b), 0.9, int(p), 114) for b, p in enumerate(pitches)]
            path = Path(folder) / "tune.wav"
            files.save(path, play(notes, grid, RATE), RATE)
            tune = read_melody(path, bpm=100.0, beats_per_bar=4)
            prompt = ("solo flute", "solo piano", "string ensemble", "synth lead with drums")[k % 4]
            guided = riff.generate(prompt, melody=path, bpm=100.0, loop=True, seed=k, **options)
            key = guided.recipe.arguments["key"]
            free = riff.generate(prompt, bpm=100.0, key=key, loop=True, seed=k, **options)
            with_it.append(similarity(guided.waveform, RATE, tune, grid, beats_per_bar=4))
            without.append(similarity(free.waveform, RATE, tune, grid, beats_per_bar=4))
            ceiling.append(similarity(play(notes, grid, RATE), RATE, tune, grid, beats_per_bar=4))
    own = np.mean(ceiling)
    print(
        f"melody: likeness {np.mean(with_it) / own:.2f} of what playing it gives, "
        f"without it {np.mean(without) / own:.2f} ({n_tunes} tunes)"
    )


def print_morph(riff: Riff, options: dict) -> None:
    """The painting alone: eight images as one batch, and one by one."""
    from riffkit.diffusion.conditioning import encode_prompts
    from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
    from riffkit.diffusion.latents import draw_noise

    pipeline = riff.pipeline
    texts = encode_prompts(pipeline, list(PROMPTS[:8]))
    nothing = encode_prompts(pipeline, [""]).expand(8, -1, -1)
    noise = draw_noise(pipeline, n_columns=32, seed=0).expand(8, -1, -1, -1).contiguous()
    how = SamplerConfig(options["steps"], 3.0, circular=True)
    denoise(pipeline, noise[:1], [Window(0, 32, texts[:1], nothing[:1])], how)
    start = time.perf_counter()
    denoise(pipeline, noise, [Window(0, 32, texts, nothing)], how)
    batch = time.perf_counter() - start
    start = time.perf_counter()
    for k in range(8):
        denoise(pipeline, noise[:1], [Window(0, 32, texts[k : k + 1], nothing[:1])], how)
    alone = time.perf_counter() - start
    print(
        f"morph of 8 frames: one batch {batch:.1f} s, one by one {alone:.1f} s, "
        f"{alone / batch:.2f} x as fast"
    )


def print_story(bars: int, steps: int, model: str) -> None:
    """A process of its own, so that its memory is its own."""
    script = f"bpm = 120\nbars = {bars}\nseed = 1\nsteps = {steps}\n"
    for k, bar in enumerate(range(0, bars, 10)):
        script += f"[[keyframe]]\nbar = {bar}\nseed = {k}\nprompt = '{PROMPTS[k % 10]}'\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "story.toml").write_text(script)
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), "story", "story.toml", "-q", "--model", model],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        waveform, _ = files.load(Path(folder) / "story.wav")
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    length = waveform.shape[-1] / RATE
    starts = np.arange(1, bars) * waveform.shape[-1] / bars
    fluxes = flux_at(waveform, RATE, starts, circular=False)
    is_join = np.arange(1, bars) % 4 == 0  # there the autoencoder's parts meet
    share = float(np.mean(fluxes[is_join] > np.percentile(fluxes[~is_join], 95)))
    print(
        f"story: {length:.0f} s of music in {seconds:.0f} s, {length / seconds:.1f} x real time, "
        f"{megabytes:.0f} MB; {share:.2f} of the joins above the 95th percentile of other downbeats"
    )


if __name__ == "__main__":
    main()
