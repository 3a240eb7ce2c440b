"""How fast denoisers of several shapes train, beside riff-mini 1's shape.

    python tests/benchmarks/bench_denoiser.py [--short]

Forward and backward with a batch of 16 pictures of two bars, on one thread, by the processor's
time, in bfloat16 where it has it. Prints weights, pictures a second, and the ratio.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from riffkit.imports import prepare

prepare()

import torch  # noqa: E402

from riffkit.device import has_bfloat16  # noqa: E402
from riffkit.diffusion.circular import circular_in_time  # noqa: E402
from train.denoiser.network import COLUMNS, HIDDEN_SIZE, MAX_TOKENS, DenoiserConfig, new_unet  # noqa: E402

_BATCH = 16
MINI_1 = DenoiserConfig(channels=(64, 128, 160), layers=(1, 1, 1), attention=(0, 1, 1))
SHAPES = (
    MINI_1,
    DenoiserConfig(channels=(64, 128, 176), layers=(1, 1, 1), attention=(0, 0, 1)),
    DenoiserConfig(channels=(96, 128, 160), layers=(1, 1, 1), attention=(0, 0, 1)),
    DenoiserConfig(channels=(64, 160, 160), layers=(0, 1, 1), attention=(0, 0, 1)),
    DenoiserConfig(),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="two shapes, once")
    short = parser.parse_args().short
    torch.set_num_threads(1)
    usual = None
    for config in (MINI_1, SHAPES[-1]) if short else SHAPES:
        n_weights, seconds = measure(config, 1 if short else 5)
        usual = usual or seconds
        said = ", ".join(
            "/".join(map(str, part)) for part in (config.channels, config.layers, config.attention)
        )
        print(
            f"channels, layers, attention {said}: {n_weights / 1e6:.1f} M weights, "
            f"{_BATCH / seconds:.1f} pictures/s, {usual / seconds:.2f} x riff-mini 1's",
            flush=True,
        )


def measure(config: DenoiserConfig, n_times: int) -> tuple[int, float]:
    """Weights, and the least seconds of a step without the optimizer."""
    unet = new_unet(config).train()
    shape = (_BATCH, 2 * config.latent_channels, COLUMNS, COLUMNS)
    noisy, text = torch.randn(shape), torch.randn(_BATCH, MAX_TOKENS, HIDDEN_SIZE)
    timesteps = torch.randint(1000, (_BATCH,))
    times = []
    for _ in range(n_times + 1):  # the first one prepares the kernels
        begun = time.process_time()
        enabled = has_bfloat16(torch.device("cpu"))
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled), circular_in_time(unet):
            unet(noisy, timesteps, text).sample.float().square().mean().backward()
        times.append(time.process_time() - begun)
    return sum(p.numel() for p in unet.parameters()), min(times[1:])


if __name__ == "__main__":
    main()
