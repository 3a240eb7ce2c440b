"""A GPU with a full-size Stable Diffusion and with the bundled model: clips and LoRA training.

    python tests/benchmarks/bench_gpu.py [--short] [--only clips|training]

The full-size model has v1's architecture and random weights. Clips of 5.12 s, guided, at 20 and 4
steps, one and sixteen at a time: from prompts to images by our loop and by diffusers' pipeline, in
turn, with the same networks, noise and sampler; then one with its sound. Then LoRA training from a
dataset with cached latents. Memory is what tensors take at most. The short run has a small model,
a quarter of the image, and any device.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from riffkit.imports import prepare  # noqa: E402

prepare()

import torch  # noqa: E402
from diffusers import StableDiffusionPipeline  # noqa: E402

from riffkit.dataset.latent_cache import cache_for  # noqa: E402
from riffkit.device import pick_device  # noqa: E402
from riffkit.diffusion.conditioning import encode_prompts  # noqa: E402
from riffkit.diffusion.denoise import SamplerConfig, Window, denoise  # noqa: E402
from riffkit.diffusion.latents import latents_to_pixels  # noqa: E402
from riffkit.diffusion.samplers import new_scheduler  # noqa: E402
from riffkit.models.pipeline import Pipeline, load_pipeline  # noqa: E402
from riffkit.music.riff import Riff  # noqa: E402
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, SpectrogramParams  # noqa: E402
from riffkit.training.settings import LoraSettings  # noqa: E402
from riffkit.training.tuning_run import tune  # noqa: E402
from tests.dataset.small_dataset import small_dataset  # noqa: E402
from tests.models.full_size import write_full_size  # noqa: E402
from tests.models.layouts import small_v1, write_layout  # noqa: E402

SECONDS, CELLS = 5.12, 64
SHORT_COLUMNS = 16
GUIDANCE, SAMPLER, RANK = 7.0, "dpm++2m", 16
PROMPT = "solo piano, rainy"


def prompts_of(n: int) -> list[str]:
    """Each another one, as in a list that a user gives."""
    return [f"{PROMPT}, take {index}" for index in range(n)]


def noise_of(n: int, columns: int) -> torch.Tensor:
    """The same for both sides."""
    return torch.randn((n, 4, CELLS, columns), generator=torch.Generator().manual_seed(0))


def ours(pipeline: Pipeline, n: int, steps: int, columns: int) -> list[Any]:
    """Images of `n` prompts."""
    text = encode_prompts(pipeline, [*prompts_of(n), ""])
    window = Window(0, columns, text[:-1], text[-1:].expand(n, -1, -1))
    how = SamplerConfig(steps, GUIDANCE, sampler=SAMPLER)
    latents = denoise(pipeline, noise_of(n, columns), [window], how)
    return [latents_to_pixels(pipeline, one[None], circular=False) for one in latents]


def theirs(reference: Any, n: int, steps: int, columns: int) -> Any:
    """The same by diffusers."""
    return reference(
        prompts_of(n),
        latents=noise_of(n, columns).to(reference.unet.device, reference.unet.dtype),
        height=8 * CELLS,
        width=8 * columns,
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        output_type="np",
    ).images


def pipeline_of(model: Path, device: torch.device) -> Any:
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    reference = StableDiffusionPipeline.from_pretrained(
        model,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        dtype=dtype,
    ).to(device)
    reference.scheduler = new_scheduler(reference.scheduler, SAMPLER)
    reference.set_progress_bar_config(disable=True)
    return reference


def measured(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds, and the most gigabytes that tensors took on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    work()
    if device.type != "cuda":
        return time.perf_counter() - started, float("nan")
    torch.cuda.synchronize()
    return time.perf_counter() - started, torch.cuda.max_memory_allocated() / 1e9


def show_clips(model: Path, device: torch.device, *, short: bool) -> None:
    """One side is in memory at a time, so that each one's need is its own."""
    cases = [(2, 2)] if short else [(n, steps) for n in (1, 16) for steps in (20, 4)]
    sides: dict[str, tuple[Callable[[], Any], Callable[..., object]]] = {
        "ours": (lambda: load_pipeline(str(model), device=device.type), ours),
        "diffusers": (lambda: pipeline_of(model, device), theirs),
    }
    seconds: dict[str, list[float]] = {}
    for name, (load, paint) in sides.items():
        seconds[name] = list(show_side(name, load(), paint, cases, device, short=short))
        release()
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    for (n, steps), ratio in zip(cases, ratios, strict=True):
        print(f"{steps} steps, batch {n}: ratio to diffusers {ratio:.2f}")


def show_side(
    name: str,
    loaded: Any,
    paint: Callable[..., object],
    cases: list[tuple[int, int]],
    device: torch.device,
    *,
    short: bool,
) -> Iterator[float]:
    """The seconds a clip of each case, a batch and a number of steps."""
    columns = SHORT_COLUMNS if short else CELLS
    for n, steps in cases:
        paint(loaded, n, 1, columns)  # what is chosen or compiled once
        work = partial(paint, loaded, n, steps, columns)
        runs = [measured(work, device) for _ in range(1 if short else 3)]
        took, memory = median(run[0] for run in runs) / n, max(run[1] for run in runs)
        print(
            f"{name}, {steps} steps, batch {n}: {took:.3f} s a clip, "
            f"{SECONDS / took:.1f} x real time, {memory:.2f} GB",
            flush=True,
        )
        yield took
    if isinstance(loaded, Pipeline) and not short:
        show_sound(loaded, device, short=short)


def show_sound(pipeline: Pipeline, device: torch.device, *, short: bool) -> None:
    """Whole clips, from prompt to waveform."""
    riff = Riff(pipeline)
    for steps in (2,) if short else (20, 4):
        work = partial(riff.generate, PROMPT, seed=0, steps=steps, duration=SECONDS)
        took = median(measured(work, device)[0] for _ in range(1 if short else 4))
        print(
            f"{pipeline.name}: riff generate, {steps} steps, sound and all: {took:.2f} s, "
            f"{SECONDS / took:.1f} x real time",
            flush=True,
        )


def show_training(
    name: str, model: str, params: SpectrogramParams, device: torch.device, *, short: bool
) -> None:
    """Samples a second of `riff train lora`, by batch size."""
    for batch in (1,) if short else (1, 16):
        with tempfile.TemporaryDirectory() as folder:
            data = small_dataset(
                Path(folder) / "data",
                n_train=2 if short else 16,
                n_test=0,
                params=params,
                width=512,
                bpm=120.0,
            )
            for _ in cache_for(data, load_pipeline(model, device=device.type)):
                pass
            release()
            asked = LoraSettings(
                model=model,
                images=(2 if short else 30) * batch,
                batch_size=batch,
                rank=RANK,
                device=device.type,
                prior_images=0,
                sample_images=0,
                log_images=batch,
            )
            lines = tune(data, Path(folder) / "run", asked)
            seconds = []

            def run(lines: Any = lines, seconds: list[float] = seconds) -> None:
                started = time.perf_counter()
                for line in lines:
                    if "loss" in line:
                        seconds.append(time.perf_counter() - started)
                    started = time.perf_counter()

            _, memory = measured(run, device)
            speed = batch / median(seconds[len(seconds) // 3 :])
            print(
                f"LoRA of {name}, rank {RANK}, batch {batch}: {speed:.1f} samples/s, "
                f"{memory:.2f} GB",
                flush=True,
            )
            release()


def release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a small model, on any device")
    parser.add_argument("--only", choices=("all", "clips", "training"), default="all")
    asked = parser.parse_args()
    short, only = asked.short, asked.only
    device = pick_device("auto")
    if device.type != "cuda" and not short:
        print("no GPU here: only --short runs")
        return
    print(torch.cuda.get_device_name() if device.type == "cuda" else device.type)
    with tempfile.TemporaryDirectory() as folder:
        if short:
            model = write_layout(small_v1(), "folder-fp16", Path(folder))
        else:
            model = write_full_size(Path(folder))
        if only in ("clips", "all"):
            show_clips(model, device, short=short)
            show_sound(load_pipeline("mini", device=device.type), device, short=short)
        if only == "clips":
            return
        show_training("mini", "mini", FULL_BAND, device, short=short)
        if not short:
            show_training("full-size", str(model), RIFFUSION_V1, device, short=False)


if __name__ == "__main__":
    main()
