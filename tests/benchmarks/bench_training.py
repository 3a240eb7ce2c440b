"""Samples a second of `riff train lora` against a plain diffusers loop, in one run.

    python tests/benchmarks/bench_training.py [--short]

Both train the same LoRA (model, layers, rank) with the same batch on the same pictures, 512 × 512.
The plain loop does what diffusers' train_text_to_image_lora.py does at each step: image through the
autoencoder, caption through the text encoder, noise, UNet, AdamW. Ours reads latents and text
embeddings out of the dataset's shards. Their steps are run in turn.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as cli.py does, before torch comes in

from riffkit.imports import prepare  # noqa: E402

prepare()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from diffusers import DDPMScheduler  # noqa: E402
from torch.nn import functional  # noqa: E402

from riffkit.dataset.latent_cache import cache_for  # noqa: E402
from riffkit.models.lora_file import FILE  # noqa: E402
from riffkit.models.pipeline import load_pipeline  # noqa: E402
from riffkit.spectrogram.params import FULL_BAND  # noqa: E402
from riffkit.training.adapters import add_lora  # noqa: E402
from riffkit.training.settings import LORA_TARGETS, LoraSettings  # noqa: E402
from riffkit.training.tuning_run import tune  # noqa: E402
from tests.dataset.small_dataset import small_dataset  # noqa: E402

RANK = 16


def pictures(n: int, width: int) -> Iterator[tuple[np.ndarray, str]]:
    """Noisy bars of different gray; what they show doesn't change the time."""
    for index in range(n):
        rng = np.random.default_rng(index)
        gray = rng.integers(100, 256, (512, 1, 1)) * np.ones((1, width, 3))
        yield gray.astype(np.uint8), f"metal, guitars and drums, take {index}"


def plain_steps(batch: int, width: int) -> Iterator[float]:
    """The seconds of each step of the plain loop."""
    torch.manual_seed(0)
    base = load_pipeline("mini", device="cpu")
    scheduler = DDPMScheduler.from_config(base.scheduler.config)
    add_lora(base.unet, rank=RANK, alpha=RANK, targets=LORA_TARGETS)
    base.unet.train()
    trained = [p for p in base.unet.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    items = list(pictures(batch, width))
    pixels = torch.stack([torch.from_numpy(x).permute(2, 0, 1) for x, _ in items]) / 127.5 - 1
    tokens = base.tokenizer(
        [text for _, text in items], padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    while True:
        started = time.perf_counter()
        with torch.no_grad():
            latents = base.vae.encode(pixels).latent_dist.sample()
            latents = latents * base.vae.config["scaling_factor"]
            text = base.text_encoder(tokens).last_hidden_state
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, 1000, (batch,))
        output = base.unet(scheduler.add_noise(latents, noise, timesteps), timesteps, text).sample
        loss = functional.mse_loss(output, scheduler.get_velocity(latents, noise, timesteps))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield time.perf_counter() - started


def our_steps(folder: Path, n_steps: int, batch: int, width: int) -> Iterator[float]:
    """The seconds of each step of a run, logging and all."""
    data = small_dataset(
        folder / "data", n_train=2 * batch, n_test=0, params=FULL_BAND, width=width, bpm=120.0
    )
    for _ in cache_for(data, load_pipeline("mini", device="cpu")):
        pass
    asked = LoraSettings(
        images=n_steps * batch,
        batch_size=batch,
        rank=RANK,
        device="cpu",
        prior_images=0,
        sample_images=0,
        log_images=batch,
    )
    lines = tune(data, folder / "run", asked)
    started = time.perf_counter()
    for line in lines:
        if "loss" in line:
            yield time.perf_counter() - started
        started = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few steps of two narrow pictures")
    n_steps, batch, width = (3, 2, 256) if parser.parse_args().short else (20, 8, 512)
    with tempfile.TemporaryDirectory() as folder:  # in turn, as the machine may be busy
        pairs = list(
            zip(
                our_steps(Path(folder), n_steps, batch, width),
                plain_steps(batch, width),
                strict=False,
            )
        )
        size = (Path(folder) / "run" / FILE).stat().st_size
    ours, plain = (batch / float(np.median(seconds[1:])) for seconds in zip(*pairs, strict=True))
    print(f"LoRA of mini, rank {RANK}, batch {batch}, {torch.get_num_threads()} threads")
    print(f"riff train lora: {ours:.2f} images/s, file {size / 1e6:.2f} MB")
    print(f"plain diffusers loop on images: {plain:.2f} images/s")
    print(f"ratio to the plain loop: {ours / plain:.2f}")


if __name__ == "__main__":
    main()
