"""A video of a clip: riffkit against FFmpeg's own scrolling spectrum, with the same encoder.

    python tests/benchmarks/bench_video.py [--short]

Twenty seconds of 854 x 480 at 25 pictures a second, as MP4. Without --short also as WebM, for a
phone, and the memory of 60 against 600 seconds; then fails where the MP4 takes more than 8 s of
processors, or the memory grows by more than 60 MB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # as it stands here

import av
import av.filter

from riffkit.audio.files import save
from riffkit.export.video import export_video

RATE, FPS, WIDTH, HEIGHT = 44_100, 25, 854, 480
SECONDS = 20
MOST_SECONDS, MOST_GROWTH_MB = 8, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the MP4 of 20 seconds alone")
    short = parser.parse_args().short
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = folder / "a.wav"
        save(sound, music(SECONDS), RATE)
        size = f"{WIDTH}x{HEIGHT}"
        export_video(sound, folder / "warm.mp4", size="240x240", fps=24)
        theirs = timed("FFmpeg's showspectrum", lambda: showspectrum(sound, folder / "b.mp4"))
        ours = timed(
            f"riffkit, {size}", lambda: export_video(sound, folder / "a.mp4", size=size, fps=FPS)
        )
        print(f"video: {theirs / ours:.1f}x as fast as FFmpeg's showspectrum, by processors' time")
        if short:
            return
        if ours > MOST_SECONDS:
            raise SystemExit(f"{size}: {ours:.1f} s of processors, more than {MOST_SECONDS}")
        timed("WebM", lambda: export_video(sound, folder / "a.webm", size=size, fps=FPS))
        timed("9:16", lambda: export_video(sound, folder / "c.mp4", size="9:16", fps=FPS))
        compare_memory(folder)


def music(seconds: float) -> Tensor:
    """Chords, and noise on each beat."""
    time_s = torch.arange(round(seconds * RATE)) / RATE
    hertz = 110 * 2 ** (torch.floor(time_s) % 5 / 12)
    chord = sum(torch.sin(2 * torch.pi * hertz * ratio * time_s) for ratio in (1, 1.26, 1.5, 3, 5))
    noise = torch.randn(2, len(time_s), generator=torch.Generator().manual_seed(0))
    return 0.1 * chord + 0.1 * noise * torch.exp(-12 * (time_s % 0.5))


def timed(what: str, work: Callable[[], object]) -> float:
    """Print the wall time and that of all processors, and return the latter: other work on the
    machine changes it less.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what}: {wall:.1f} s, {cpu:.1f} s of processors")
    return cpu


def showspectrum(sound: Path, output: Path) -> None:
    """The same length, size and encoders, by FFmpeg's filter."""
    with av.open(str(sound)) as source, av.open(str(output), "w") as file:
        heard = source.streams.audio[0]
        pictures = file.add_stream(
            "libx264",
            rate=FPS,
            options={"preset": "superfast", "crf": "20", "x264-params": "mbtree=0"},
        )
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        encoded = file.add_stream("aac", rate=RATE, layout="stereo")
        graph = av.filter.Graph()
        first = graph.add_abuffer(template=heard)
        spectrum = graph.add(
            "showspectrum", f"s={WIDTH}x{HEIGHT}:slide=scroll:scale=4thrt:fps={FPS}"
        )
        format_ = graph.add("format", "yuv420p")
        last = graph.add("buffersink")
        first.link_to(spectrum)
        spectrum.link_to(format_)
        format_.link_to(last)
        graph.configure()
        n_pictures = 0

        def drain() -> int:
            n_new = 0
            while True:
                try:
                    frame = graph.pull()
                except (av.error.BlockingIOError, av.error.EOFError):
                    return n_new
                frame.pts, frame.time_base = n_pictures + n_new, Fraction(1, FPS)
                file.mux(pictures.encode(frame))
                n_new += 1

        for frame in source.decode(heard):
            graph.push(frame)
            n_pictures += drain()
            file.mux(encoded.encode(frame))
        graph.push(None)
        n_pictures += drain()
        for stream in (pictures, encoded):
            file.mux(stream.encode(None))
    if abs(n_pictures - SECONDS * FPS) > FPS:
        raise SystemExit(f"showspectrum drew {n_pictures} pictures, not {SECONDS * FPS}")


def compare_memory(folder: Path) -> None:
    if not sys.platform.startswith("linux"):
        return
    peaks = []
    for seconds in (60, 600):
        sound = folder / f"{seconds}.flac"
        save(sound, music(seconds), RATE)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks.append(pool.apply(peak_mb, (str(sound), str(folder / "m.mp4"))))
    print(f"memory: {peaks[0]:.0f} MB for 60 s, {peaks[1]:.0f} MB for 600 s, at 240 x 240")
    if peaks[1] - peaks[0] > MOST_GROWTH_MB:
        raise SystemExit(f"memory grew by {peaks[1] - peaks[0]:.0f} MB, more than {MOST_GROWTH_MB}")


def peak_mb(sound: str, output: str) -> float:
    export_video(sound, output, size="240x240", fps=24)
    status = Path("/proc/self/status").read_text()  # getrusage knows the parent's peak, too
    peak = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert peak is not None
    return int(peak[1]) / 1024


if __name__ == "__main__":
    main()
