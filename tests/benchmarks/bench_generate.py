"""`riff generate` and `riff --help` as a newcomer meets them, and our loop against diffusers'.

    python tests/benchmarks/bench_generate.py [--short]

Prints wall time and peak memory of whole processes, then the time of the denoising loop and the
autoencoder as a ratio to diffusers' StableDiffusionPipeline with the same model, steps and size,
run in turn in this process; and what wrapping in time costs, against the same without a seam.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from timing import median_seconds

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def process(*arguments: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one `riff` command."""
    code = (
        "import resource, subprocess, sys, time; start = time.perf_counter();"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(time.perf_counter() - start,"
        " resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, sys.executable, "-m", "riffkit", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def loop_ratio(repeats: int, steps: int) -> tuple[float, float]:
    """Milliseconds of our loop and of diffusers' pipeline, text to 512 × 512 image."""
    from riffkit.diffusion.conditioning import encode_prompts
    from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
    from riffkit.diffusion.latents import draw_noise, latents_to_pixels
    from riffkit.models.pipeline import bundled_models, load_pipeline

    pipeline = load_pipeline("mini", device="cpu")

    def ours() -> object:
        text = encode_prompts(pipeline, ["piano", ""])
        noise = draw_noise(pipeline, n_columns=32, seed=0)
        latents = denoise(
            pipeline, noise, [Window(0, 32, text[:1], text[1:])], SamplerConfig(steps, 3.0)
        )
        return latents_to_pixels(pipeline, latents, circular=False)

    import torch
    from diffusers import StableDiffusionPipeline

    reference = StableDiffusionPipeline.from_pretrained(
        bundled_models()["mini"], dtype=torch.float32
    )
    reference.set_progress_bar_config(disable=True)

    def theirs() -> object:
        return reference("piano", num_inference_steps=steps, guidance_scale=3.0, output_type="np")

    ours(), theirs()  # what is compiled or cached once
    return 1e3 * median_seconds(ours, repeats), 1e3 * median_seconds(theirs, repeats)


def wrap_ratio(repeats: int) -> float:
    """The time of painting and decoding a loop of two bars, against an image with two ends."""
    from functools import partial

    from riffkit.diffusion.conditioning import encode_prompts
    from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
    from riffkit.diffusion.latents import draw_noise, latents_to_pixels
    from riffkit.models.pipeline import load_pipeline

    pipeline = load_pipeline("mini", device="cpu")
    text = encode_prompts(pipeline, ["piano", ""])
    noise = draw_noise(pipeline, n_columns=32, seed=0)

    def image(circular: bool) -> object:
        how = SamplerConfig(8, 3.0, circular=circular)
        latents = denoise(pipeline, noise, [Window(0, 32, text[:1], text[1:])], how)
        return latents_to_pixels(pipeline, latents, circular=circular)

    loop, plain = partial(image, circular=True), partial(image, circular=False)
    loop(), plain()
    return median_seconds(loop, repeats) / median_seconds(plain, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one run of each")
    repeats = 1 if parser.parse_args().short else 5
    print(f"{'command':40} {'seconds':>8} {'peak MB':>8}")
    commands = [
        ("--help",),
        ("generate", "lo-fi piano", "--seed", "1", "-o", "a.wav"),
        ("generate", "lo-fi piano", "--seed", "1", "-o", "a.wav", "--bars", "1"),
    ]
    for bars in ("4", "16") if repeats > 1 else ():
        commands.append(("generate", "lo-fi piano", "--seed", "1", "-o", "a.wav", "--bars", bars))
    process("--help")
    for command in commands:
        runs = [process(*command) for _ in range(repeats)]
        shown = " ".join(word for word in command if word not in ("--seed", "1", "-o", "a.wav"))
        print(
            f"riff {shown:35} {median(run[0] for run in runs):8.2f} "
            f"{max(run[1] for run in runs):8.0f}"
        )
    steps = 20 if repeats > 1 else 4
    ours, theirs = loop_ratio(repeats, steps)
    print(f"text to image, {steps} guided steps: ours {ours:.0f} ms, diffusers {theirs:.0f} ms")
    print(f"ratio to diffusers' pipeline: {ours / theirs:.2f}")
    print(f"a loop, ratio to an image with two ends: {wrap_ratio(repeats):.2f}")


if __name__ == "__main__":
    main()
