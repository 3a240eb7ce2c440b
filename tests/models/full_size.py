"""Our networks and diffusers' pipelines of full size, each in a process of its own.

So their memory is measured apart, and they take turns in one run.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from riffkit.imports import prepare

prepare()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from riffkit.diffusion.conditioning import encode_prompts  # noqa: E402
from riffkit.diffusion.denoise import Inpainting, SamplerConfig, Window, denoise  # noqa: E402
from riffkit.diffusion.samplers import new_scheduler  # noqa: E402
from riffkit.memory import keep_freed_memory  # noqa: E402
from riffkit.models.compute import Compute  # noqa: E402
from riffkit.models.pipeline import load_pipeline  # noqa: E402
from tests.models.layouts import full_v1, write_layout  # noqa: E402

ROWS = 64
GUIDANCE = 7.0
SAMPLER = "dpm++2m"
_LAYOUT = "folder-fp16"
PROMPT = "solo piano, rainy"
BPM = 93.75
"""Two bars are 5.12 s."""


def write_full_size(folder: Path) -> Path:
    """A model folder of float16 weights; another process makes it, so its memory isn't held."""
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 0
    return folder / _LAYOUT


def _write(folder: Path) -> None:
    write_layout(full_v1(), _LAYOUT, folder)


class Ours:
    """`options` are those of `Compute`."""

    def __init__(self, model: Path, **options: Any) -> None:
        self._loaded = load_pipeline(str(model), device="cpu", compute=Compute(**options))

    @property
    def networks(self) -> list[torch.nn.Module]:
        return [self._loaded.unet, self._loaded.vae, self._loaded.text_encoder]

    def text_to_latents(self, *, columns: int, steps: int, **options: Any) -> np.ndarray:
        how = SamplerConfig(steps, GUIDANCE, sampler=SAMPLER, **options)
        return denoise(self._loaded, noise(0, columns), self._windows(columns), how).numpy()

    def latents_to_latents(
        self, *, columns: int, steps: int, strength: float, **options: Any
    ) -> np.ndarray:
        how = SamplerConfig(steps, GUIDANCE, sampler=SAMPLER, strength=strength, **options)
        known = Inpainting(start(columns), torch.ones(1, 1, 1, 1))
        windows = self._windows(columns)
        return denoise(self._loaded, noise(0, columns), windows, how, inpainting=known).numpy()

    def morph(self, ends: list[str], *, frames: int, steps: int, strength: float) -> int:
        """How many samples of sound the command makes."""
        from riffkit.music.riff import Riff

        first, last = map(Path, ends)
        clip = Riff(self._loaded).morph(
            first,
            last,
            frames=frames,
            steps=steps,
            strength=strength,
            guidance=GUIDANCE,
            sampler=SAMPLER,
            seed=1,
            key="C major",
            bpm=BPM,
        )
        return int(clip.waveform.shape[-1])

    def _windows(self, columns: int) -> list[Window]:
        text, negative = encode_prompts(self._loaded, [PROMPT, ""]).split(1)
        return [Window(0, columns, text, negative)]


class Theirs:
    """StableDiffusionPipeline and StableDiffusionImg2ImgPipeline with the same networks."""

    def __init__(self, model: Path, *, dtype: str) -> None:
        from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

        parts = {"safety_checker": None, "feature_extractor": None}
        options = {**parts, "requires_safety_checker": False, "dtype": getattr(torch, dtype)}
        self._text = StableDiffusionPipeline.from_pretrained(model, **options)
        self._text.scheduler = new_scheduler(self._text.scheduler, SAMPLER)
        self._image = StableDiffusionImg2ImgPipeline(
            **{**self._text.components, **parts}, requires_safety_checker=False
        )
        for pipeline in (self._text, self._image):
            pipeline.set_progress_bar_config(disable=True)

    @property
    def networks(self) -> list[torch.nn.Module]:
        return [self._text.unet, self._text.vae, self._text.text_encoder]

    def text_to_latents(self, *, columns: int, steps: int) -> np.ndarray:
        latents = self._text(
            PROMPT,
            latents=noise(0, columns).to(self._text.unet.dtype),
            height=8 * ROWS,
            width=8 * columns,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            output_type="latent",
        ).images
        return latents.float().numpy()

    def latents_to_latents(self, *, columns: int, steps: int, strength: float) -> np.ndarray:
        latents = self._image(
            PROMPT,
            start(columns),
            generator=torch.Generator().manual_seed(0),
            strength=strength,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            output_type="latent",
        ).images
        return latents.float().numpy()

    def images(self, pixels: list[np.ndarray], *, steps: int, strength: float) -> None:
        """Each by a call of its own, as a morph from one to another is made with it."""
        for one in pixels:
            image = torch.from_numpy(one.copy()).permute(2, 0, 1)[None] / 255
            self._image(
                PROMPT,
                image,
                generator=torch.Generator().manual_seed(0),
                strength=strength,
                num_inference_steps=steps,
                guidance_scale=GUIDANCE,
                output_type="np",
            )


def noise(seed: int, columns: int) -> Tensor:
    """Unit noise for one image."""
    return torch.randn((1, 4, ROWS, columns), generator=torch.Generator().manual_seed(seed))


def start(columns: int) -> Tensor:
    """Latents to start from."""
    return noise(1, columns) / 2


class Side:
    """`Ours` or `Theirs` in a process of its own, which answers what it is asked for."""

    def __init__(self, kind: type[Ours | Theirs], model: Path, **options: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, its_end = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(its_end, kind, model, options, torch.get_num_threads())
        )
        self._process.start()
        its_end.close()
        self.load_seconds, self.load_gb, self.size_gb = self._answer()

    def __call__(self, wanted: str, **options: Any) -> tuple[float, Any]:
        """The seconds it took, and what was wanted."""
        self._pipe.send((wanted, options))
        seconds, value = self._answer()
        return float(seconds), value

    def _answer(self) -> Any:
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            self.close()
            raise answer
        return answer

    @cached_property
    def peak_gb(self) -> float:
        """The process's greatest resident memory so far; it ends."""
        self._pipe.send(("", {}))
        peak = float(self._answer())
        self._process.join()
        return peak

    def close(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def opened(kind: type[Ours | Theirs], model: Path, **options: Any) -> Iterator[Side]:
    """A `Side` that ends with the context."""
    side = Side(kind, model, **options)
    try:
        yield side
    finally:
        side.close()


def _serve(
    pipe: Any, kind: type[Ours | Theirs], model: Path, options: dict[str, Any], n_threads: int
) -> None:
    torch.set_num_threads(n_threads)
    if kind is Ours:
        keep_freed_memory()
    try:
        _import_networks()
        before, started = resident_gb()[0], time.perf_counter()
        side = kind(model, **options)
        seconds = time.perf_counter() - started
        size = sum(p.nbytes for network in side.networks for p in network.parameters()) / 1e9
        pipe.send((seconds, resident_gb()[1] - before, size))
        while (asked := pipe.recv())[0]:
            started = time.perf_counter()
            value = getattr(side, asked[0])(**asked[1])
            pipe.send((time.perf_counter() - started, value))
        pipe.send(resident_gb()[1])
    except Exception as error:
        pipe.send(error)


def _import_networks() -> None:
    """Imports that either's first loading would wait for."""
    from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    assert AutoencoderKL and StableDiffusionPipeline and UNet2DConditionModel and CLIPTextModel


def resident_gb() -> tuple[float, float]:
    """This process's resident memory, now and at most, in gigabytes (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    said = dict(line.split(":", 1) for line in lines)
    now, most = (int(said[key].split()[0]) * 1024 / 1e9 for key in ("VmRSS", "VmHWM"))
    return now, most
