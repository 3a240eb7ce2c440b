"""Trains the denoiser from a pack (`riff train pack`), on a machine without a network.

    python3 PACK/train/on_gpu.py --out RESULTS --seconds 540

All cores but one render, the GPU trains, and RESULTS gets the last snapshot and the log. The run
lives in --work: the same command goes on where it stopped, and from the pack's snapshot where the
folder is gone. Only --seconds of it count as training; preparing takes one or two minutes more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
MAX_FILE_BYTES = 16_000_000


def main() -> None:
    """Parse, prepare, train, and copy the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT"), help="results")
    parser.add_argument("--work", type=Path, default=Path("/tmp/riff-mini-2"), help="the run")
    parser.add_argument("--seconds", type=float, default=480.0, help="of training")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=6e-3)
    parser.add_argument("--ahead", type=int, default=100_000, help="pairs to render at most")
    parser.add_argument("--held-out", type=int, default=48, help="stems, and half as many mixes")
    parser.add_argument("--device", default="auto")
    values = parser.parse_args()
    if values.out is None:
        parser.error("--out is missing; give a folder for the results")
    begun = time.monotonic()
    _prepare(values.work)
    _train(values)
    for path in _results(values.work / "run"):
        if path.stat().st_size > MAX_FILE_BYTES:
            print(f"{path.name}: larger than 16 MB, left in {path.parent}", file=sys.stderr)
            continue
        values.out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, values.out / path.name)
    print(f"done in {time.monotonic() - begun:.0f} s", flush=True)


def _prepare(work: Path) -> None:
    """Install the wheels beside the run, for this process and its workers."""
    site = work / "site"
    wheels = [str(path) for path in (PACK / "wheels").glob("*.whl")]
    if wheels and not site.exists():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
        subprocess.run([*pip, "--no-compile", f"--target={site}", *wheels], check=True)
    paths = [str(PACK), *([str(site)] if site.exists() else [])]
    sys.path[:1] = paths  # instead of this script's own folder
    os.environ["PYTHONPATH"] = os.pathsep.join((*paths, os.environ.get("PYTHONPATH", "")))
    os.environ["OMP_NUM_THREADS"] = "1"
    fonts = [*(PACK / "sounds").glob("*.sf3")]
    if fonts:
        os.environ["RIFFKIT_SOUNDFONT"] = str(fonts[0])


def _train(values: argparse.Namespace) -> None:
    from riffkit.spectrogram.params import CRISP
    from train.denoiser.latents import PairRing
    from train.denoiser.network import DenoiserConfig
    from train.denoiser.run import DenoiserRun
    from train.lines import print_line
    from train.snapshot import load_snapshot
    from train.stream.workers import Pace

    ring = PairRing(values.work / "cache", CRISP, PACK / "vae")
    start: Path | None = PACK / "start.safetensors"
    config = DenoiserConfig(sound_channels=ring.sound_channels)
    if start is not None and start.is_file():
        config = DenoiserConfig.from_dict(load_snapshot(start).config["network"])
    else:
        start = None
    run = DenoiserRun(
        values.work / "run",
        ring,
        workers=values.workers,
        pace=Pace(values.ahead),
        held_out={"stem": values.held_out, "mix": values.held_out // 2},
    )
    for line in run.fit(
        network=config,
        start=start,
        images=1_000_000_000,
        batch_size=values.batch_size,
        learning_rate=values.learning_rate,
        seconds=values.seconds,
        checkpoint_seconds=120.0,
        device=values.device,
    ):
        print_line(line)


def _results(run: Path) -> list[Path]:
    snapshots = sorted((run / "snapshots").glob("*.safetensors"))
    return [*snapshots[-1:], run / "log.jsonl", run / "denoiser.json"]


if __name__ == "__main__":
    main()
