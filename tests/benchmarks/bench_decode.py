"""Decoding an image: each vocoder and quality beside torchaudio's InverseMelScale + GriffinLim.

    python tests/benchmarks/bench_decode.py [--short | --real] [--only PART]

Prints a Markdown table: what is left of a clip of 5.12 s once it has been an image
(riffkit/evaluation/fidelity.py says what each figure is), the milliseconds, how many times as fast
as torchaudio in the same run, and the memory that one decoding adds. --real takes twelve clips of
real music (music.py fetches them); else they come from samples/ and one is synthesised. A second
table has drums (percussion.py) and a held chord: the rise of a hit above 1.5 kHz, the noise before
it, pitch and level wobble (riffkit/evaluation/attacks.py). PART is one of presets, crisp, drums,
tempi, generated. Fails
where the default quality is worse than torchaudio by imgL1 or LSD, or not 20 times as fast.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

from music import CLIP_SAMPLES, RATE, twelve_clips
from percussion import N_BEATS, clean_hits, drum_loops, held_chord, sonic_pi_loops
from timing import median_seconds

from riffkit.audio.files import load
from riffkit.evaluation.attacks import (
    find_hits,
    find_partials,
    noise_before_db,
    rise_ms,
    side_over_mid_db,
    wobble,
)
from riffkit.evaluation.fidelity import (
    channel_correlation,
    fidelity,
    image_l1,
    log_spectral_distance,
)
from riffkit.imports.torchaudio_compat import torchaudio
from riffkit.memory import keep_freed_memory
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel import INT16_SCALE
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, Planes, SpectrogramParams
from riffkit.vocoder.base import QUALITIES
from riffkit.vocoder.decode import KnownPart, decode
from riffkit.vocoder.registry import names as vocoder_names

ROOT = Path(__file__).parents[2]
MIN_RATIO = 20.0
PRESETS = {params.preset: params for params in (RIFFUSION_V1, FULL_BAND, CRISP)}
METRICS = {"ViSQOL": "visqol", "MR-STFT": "mr_stft", "LSD dB": "lsd_db", "imgL1": "image_l1"}
Decoder = Callable[[SpectrogramImage, Tensor], Tensor]
PARTS = ("presets", "crisp", "drums", "tempi", "generated")
PROMPTS = ("lo-fi piano, rainy", "rock band with drums", "string ensemble, no drums", "techno")


@dataclass(frozen=True)
class Row:
    """One line of the table: means over the clips."""

    name: str
    figures: dict[str, float]

    def line(self) -> str:
        values = [f"{self.figures[name]:{form}}" for name, form in COLUMNS.items()]
        return f"| {self.name} | {' | '.join(values)} |"


COLUMNS = {
    "ViSQOL": ".3f",
    "MR-STFT": ".3f",
    "LSD dB": ".2f",
    "imgL1": ".2f",
    "stereo error": ".4f",
    "ms": ".0f",
    "x torchaudio": ".0f",
    "MB": ".0f",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="half a clip and one quality")
    parser.add_argument("--real", action="store_true", help="twelve clips of real music")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    keep_freed_memory()
    if options.memory:
        print(added_megabytes(*options.memory))
        return
    n_runs = 2 if options.short else 5
    if options.real:
        clips = list(twelve_clips(ROOT / ".music").values())
    else:
        clip = synthesised_clip()
        clips = [clip[:, : len(clip[0]) // 2]] if options.short else [*sample_clips(), clip]
    seconds = clips[0].shape[-1] / RATE
    print(
        f"clips of {seconds:g} s: {len(clips)}; threads: {torch.get_num_threads()}; runs: {n_runs}"
    )
    parts = {
        "presets": lambda: print_presets(clips, n_runs, short=options.short),
        "crisp": lambda: print_crisp(clips, n_runs, short=options.short),
        "drums": lambda: print_drums(short=options.short),
        "tempi": lambda: print_tempi(clips, short=options.short),
        "generated": lambda: print_generated(short=options.short),
    }
    for name in (options.only,) if options.only else PARTS:
        parts[name]()
    if torch.cuda.is_available():
        print_batch_on_gpu(clips)
        print_long_on_gpu(clips)


def qualities(*, short: bool) -> tuple[str, ...]:
    return ("default",) if short else tuple(QUALITIES)


def print_presets(clips: list[Tensor], n_runs: int, *, short: bool) -> None:
    medians = [table(params, clips, n_runs, short=short) for params in (RIFFUSION_V1, FULL_BAND)]
    print(f"full-band stereo, default: {medians[1] / medians[0]:.2f} x the time of riffusion-v1")


def print_crisp(clips: list[Tensor], n_runs: int, *, short: bool) -> None:
    """crisp beside full-band on the same clips: means, and times as ratios."""
    columns = [*METRICS, "stereo error", "width dB"]
    for planes in (Planes.MONO, Planes.LEFT_RIGHT_MID):
        print(f"\ncrisp beside full-band, {planes.n_channels} channels")
        print(f"| | {' | '.join(columns)} | ms | x full-band |\n|{'---|' * (len(columns) + 3)}")
        own = [clip if planes.n_channels > 1 else clip.mean(0, keepdim=True) for clip in clips]
        for quality in qualities(short=short):
            ms = {}
            for params in (FULL_BAND, CRISP):
                found = mean_figures(
                    own,
                    params.with_planes(planes),
                    riffkit_decoder("griffin-lim", quality),
                    n_runs,
                    with_visqol=not short,
                )
                ms[params.preset] = found["ms"]
                ratio = found["ms"] / ms[FULL_BAND.preset]
                values = " | ".join(f"{found[name]:.3f}" for name in columns)
                print(
                    f"| {params.preset} {quality} | {values} | {found['ms']:.0f} | {ratio:.2f} |",
                    flush=True,
                )
    encoding = {
        params.preset: statistics.median(
            median_seconds(lambda c=clip, p=params: waveform_to_image(c, RATE, p), n_runs)
            for clip in clips
        )
        for params in (FULL_BAND, CRISP)
    }
    print(f"encoding: {encoding['crisp'] / encoding['full-band']:.2f} x full-band's time")


def print_drums(*, short: bool) -> None:
    """Medians over the loops; a loop with fewer than three isolated hits has but an LSD."""
    print("\ndrums on the beat grid, stereo\n" + DRUM_HEADER)
    for bpm in (120.0,) if short else (60.0, 120.0, 180.0):
        loops = {"clean hits": clean_hits(bpm)}
        if not short:
            n_samples = BeatGrid(bpm, N_BEATS).n_samples(RATE)
            loops = drum_loops(bpm) | sonic_pi_loops(ROOT / ".music", n_samples)
        originals = {name: drum_figures(loop, loop) for name, loop in loops.items()}
        print_drum_row(f"{bpm:g} | original", originals)
        for params in (FULL_BAND, CRISP):
            for quality in qualities(short=short):
                print_drum_row(
                    f"{bpm:g} | {params.preset} {quality}",
                    {
                        name: drum_figures(loop, on_grid(loop, params, bpm, quality))
                        for name, loop in loops.items()
                    },
                )
    print("\na held chord: pitch wobble in cents, level wobble in dB, side/mid in dB")
    for params in (FULL_BAND, CRISP):
        for quality in qualities(short=short):
            chord = held_chord()
            decoded = on_grid(chord, params, 120.0, quality)
            partials = find_partials(chord, RATE, circular=True)
            found = wobble(decoded, RATE, partials_hz=partials, circular=True)
            width = side_over_mid_db(decoded) - side_over_mid_db(chord)
            print(
                f"{params.preset} {quality}: {found.pitch_cents:.2f} cents, "
                f"{found.level_db:.3f} dB, width {width:+.2f} dB"
            )


def on_grid(loop: Tensor, params: SpectrogramParams, bpm: float, quality: str) -> Tensor:
    image = waveform_to_image(loop, RATE, params, grid=BeatGrid(bpm, N_BEATS))
    return decode(image, quality=quality, circular=True)


def drum_figures(loop: Tensor, decoded: Tensor) -> tuple[float, ...]:
    """Rise, noise before, LSD, and LSD of equal energies with a floor of -80 dB."""
    hits = find_hits(loop, RATE, circular=True)
    louder = float((loop.square().sum() / decoded.square().sum()).sqrt())
    nothing = float("nan")
    return (
        rise_ms(decoded, RATE, hits, circular=True) if len(hits) > 2 else nothing,
        noise_before_db(decoded, RATE, hits, circular=True) if len(hits) > 2 else nothing,
        log_spectral_distance(loop, decoded, RATE, 20_000),
        log_spectral_distance(loop, louder * decoded, RATE, 20_000, floor_db=-80),
    )


DRUM_HEADER = (
    "| BPM | | rise, ms | noise before, dB | LSD | LSD, floor -80 dB | clean hits: rise | noise |\n"
    "|---|---|---|---|---|---|---|---|"
)


def print_drum_row(name: str, figures: dict[str, tuple[float, ...]]) -> None:
    rise, noise, lsd, lsd_80 = zip(*figures.values(), strict=True)
    values = [np.nanmedian(rise), np.nanmedian(noise), np.mean(lsd), np.mean(lsd_80)]
    values += figures["clean hits"][:2]
    print(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |", flush=True)


def sample_clips() -> list[Tensor]:
    """The middle of every clip in samples/ that is long enough."""
    clips = []
    for path in sorted((ROOT / "samples").rglob("*.flac")):
        waveform, _ = load(path, sample_rate=RATE)
        room = waveform.shape[-1] - CLIP_SAMPLES
        if room >= 0:
            clips.append(waveform[:, room // 2 : room // 2 + CLIP_SAMPLES].expand(2, -1).clone())
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


def table(params: SpectrogramParams, clips: list[Tensor], n_runs: int, *, short: bool) -> float:
    """Print the preset's rows; the default's milliseconds."""
    stereo = params.planes.n_channels > 1
    clips = clips if stereo else [clip.mean(0, keepdim=True) for clip in clips]
    decoders: dict[str, Decoder] = {"torchaudio": torchaudio_decoder(params)}
    for name in vocoder_names():
        for quality in qualities(short=short):
            decoders[f"{name} {quality}"] = riffkit_decoder(name, quality)
    decoders["the band alone"] = lambda image, clip: low_passed(clip, image.params.max_hz)
    print(f"\n{params.preset}, {'stereo' if stereo else 'mono'}")
    print(f"| vocoder | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    rows = {}
    for name, decoder in decoders.items():
        own_runs = 1 if name in ("torchaudio", "the band alone") else n_runs
        figures = mean_figures(clips, params, decoder, own_runs, with_visqol=not short)
        figures["x torchaudio"] = rows["torchaudio"].figures["ms"] / figures["ms"] if rows else 1.0
        figures["MB"] = float("nan") if short else megabytes_of(name, params)
        rows[name] = Row(name, figures)
        print(rows[name].line(), flush=True)
    theirs, ours = rows["torchaudio"].figures, rows["griffin-lim default"].figures
    if any(ours[metric] > theirs[metric] for metric in ("imgL1", "LSD dB")):
        raise SystemExit("default quality: worse than torchaudio; see the table")
    if ours["x torchaudio"] < MIN_RATIO:
        raise SystemExit(f"default quality: not {MIN_RATIO:.0f} times as fast as torchaudio")
    return ours["ms"]


def print_tempi(clips: list[Tensor], *, short: bool) -> None:
    """Whole seconds of each clip on the beat grid, at 15.6, 7.8 and 5.2 ms a column."""
    print(f"\non the beat grid, high\n| preset | BPM | {' | '.join(METRICS)} |")
    print(f"|{'---|' * (len(METRICS) + 2)}")
    seconds = min(clip.shape[-1] for clip in clips) // RATE
    for bpm in (120.0,) if short else (60.0, 120.0, 180.0):
        grid = BeatGrid(bpm, round(seconds * bpm / 60))
        parts = [clip[:, : grid.n_samples(RATE)] for clip in clips]
        for params in (FULL_BAND, CRISP):
            images = [waveform_to_image(part, RATE, params, grid=grid) for part in parts]
            decoded = [decode(image, quality="high") for image in images]
            found = [
                fidelity(*pair, with_visqol=not short)
                for pair in zip(parts, decoded, images, strict=True)
            ]
            means = [
                statistics.mean(getattr(f, field) or float("nan") for f in found)
                for field in METRICS.values()
            ]
            values = " | ".join(f"{mean:.3f}" for mean in means)
            print(f"| {params.preset} | {bpm:g} | {values} |")


def riffkit_decoder(name: str, quality: str) -> Decoder:
    return lambda image, clip: decode(image, vocoder=name, quality=quality)


def torchaudio_decoder(params: SpectrogramParams) -> Decoder:
    """What Riffusion does today, channel by channel; a column short, and filled with silence."""
    transforms = torchaudio().transforms
    linear = transforms.InverseMelScale(
        n_stft=8_821, n_mels=512, sample_rate=RATE, f_max=params.max_hz, norm=None, mel_scale="htk"
    )
    griffin_lim = transforms.GriffinLim(
        n_fft=17_640, n_iter=32, win_length=4_410, hop_length=441, power=1.0
    )

    def decode_image(image: SpectrogramImage, clip: Tensor) -> Tensor:
        channels = image.to_mel()[: image.params.planes.n_channels]
        waveform = griffin_lim(linear(channels)) / INT16_SCALE
        missing = image.n_samples - waveform.shape[-1]
        return torch.nn.functional.pad(waveform, (0, missing))

    return decode_image


def low_passed(clip: Tensor, max_hz: float) -> Tensor:
    """The clip up to `max_hz`: what no decoder of such images can be expected to surpass."""
    spectrum = torch.fft.rfft(clip)
    spectrum[:, int(max_hz / RATE * clip.shape[-1]) :] = 0
    return torch.fft.irfft(spectrum, n=clip.shape[-1])


def mean_figures(
    clips: list[Tensor],
    params: SpectrogramParams,
    decoder: Decoder,
    n_runs: int,
    *,
    with_visqol: bool,
) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for clip in clips:
        image = waveform_to_image(clip, RATE, params)
        started = time.perf_counter()
        decoded = decoder(image, clip)
        seconds = time.perf_counter() - started
        if n_runs > 1:  # the first had to compile, or to fill caches
            seconds = median_seconds(lambda i=image, c=clip: decoder(i, c), n_runs)
        metrics = fidelity(clip, decoded, image, with_visqol=with_visqol)
        error = channel_correlation(clip, RATE) - channel_correlation(decoded, RATE)
        figures = {
            "ViSQOL": float("nan") if metrics.visqol is None else metrics.visqol,
            "MR-STFT": metrics.mr_stft,
            "LSD dB": metrics.lsd_db,
            "imgL1": metrics.image_l1,
            "stereo error": abs(error),
            "width dB": width_error(clip, decoded),
            "ms": 1e3 * seconds,
        }
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return {name: statistics.mean(values) for name, values in found.items()}


def width_error(clip: Tensor, decoded: Tensor) -> float:
    """How far side over mid is off, in dB; nothing for mono."""
    if len(clip) == 1:
        return float("nan")
    return abs(side_over_mid_db(decoded) - side_over_mid_db(clip))


def megabytes_of(name: str, params: SpectrogramParams) -> float:
    """What a decoding adds to the memory of a fresh process."""
    if name == "the band alone" or not sys.platform.startswith("linux"):
        return float("nan")
    command = [sys.executable, __file__, "--memory", name, params.preset]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def added_megabytes(name: str, preset: str) -> float:
    params = PRESETS[preset]
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 255, (512, 512, 3), dtype=np.uint8)  # encoding would add more
    clip = torch.zeros(params.planes.n_channels, CLIP_SAMPLES)
    own = name != "torchaudio"
    decoder = riffkit_decoder(*name.rsplit(" ", 1)) if own else torchaudio_decoder(params)
    decoder(SpectrogramImage(pixels[:, :64], params), clip[:, : 64 * 441])
    before = own_memory_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    decoder(SpectrogramImage(pixels, params), clip)
    return (own_memory_kb("VmHWM") - before) / 1024


def own_memory_kb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(field + ":"))
    return float(line.split()[1])


def print_generated(*, short: bool) -> None:
    """How near the sound comes to images that no sound ever had: the bundled model's."""
    import riffkit

    riff = riffkit.load(device="cpu")
    images = [
        riff.generate(prompt, seed=1, loop=True, quality="preview").image
        for prompt in (PROMPTS[:1] if short else PROMPTS)
    ]
    for quality in qualities(short=short):
        decoded = [decode(image, quality=quality, circular=True) for image in images]
        errors = [image_l1(d, image) for d, image in zip(decoded, images, strict=True)]
        print(f"generated images, {quality}: imgL1 {statistics.mean(errors):.2f}")


def print_batch_on_gpu(clips: list[Tensor]) -> None:
    """64 full-band stereo clips at once."""
    from riffkit.vocoder.griffin_lim import GriffinLim

    mels = [waveform_to_image(clip, RATE, FULL_BAND).to_mel() for clip in clips]
    batch = torch.stack([mels[k % len(mels)] for k in range(64)]).cuda()
    options = {"n_samples": CLIP_SAMPLES}
    GriffinLim()(batch[:1], FULL_BAND, **options)
    seconds = median_seconds(lambda: GriffinLim()(batch, FULL_BAND, **options), 3)
    print(f"64 clips on the GPU: {64 * CLIP_SAMPLES / RATE / seconds:.0f} x real time")


def print_long_on_gpu(clips: list[Tensor]) -> None:
    """Three minutes in blocks, and as long with a gap in known sound."""
    n_frames = 180 * 100
    clip = torch.cat(clips, dim=1)
    clip = clip.repeat(1, -(-n_frames * 441 // clip.shape[1]))[:, : n_frames * 441]
    image = waveform_to_image(clip, RATE, CRISP)
    is_known = np.ones(image.pixels.shape[:2], np.bool_)
    is_known[:, 6_000:7_000] = False
    known = KnownPart(clip, is_known)
    for name, options in {"plain": {}, "with known sound": {"known": known}}.items():
        run = lambda o=options: decode(image, device="cuda", **o)  # noqa: E731
        run()
        seconds = median_seconds(run, 1)
        print(f"3 minutes of crisp on the GPU, {name}: {180 / seconds:.0f} x real time")


if __name__ == "__main__":
    main()
