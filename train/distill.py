"""Few steps: a LoRA with which the denoiser does in four unguided steps what it did in many.

The student's step from one noise level to the next is to end where the guided model gets in
several (progressive distillation, Salimans and Ho 2022, arXiv:2202.00512, of guided models, Meng
et al. 2023, arXiv:2210.03142). Half of the steps begin at noised music, half where the student
itself has come to from noise, so that it learns to mend its own faults.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from riffkit.diffusion.circular import circular_in_time
from riffkit.diffusion.denoise import iterate
from riffkit.diffusion.inpainting import Inpainting, keep_known
from riffkit.models.distilled import FOLDER, first_order
from riffkit.models.pipeline import load_pipeline
from riffkit.training.adapters import add_lora, lora_layers, strongest
from riffkit.training.rows import Rows
from riffkit.training.settings import LORA_TARGETS
from riffkit.training.state import load_ema

N_STEPS = 4
TEACHER_STEPS = 4  # for each of the student's
RANK = 16
MAX_BYTES = 690_000  # of the LoRA as a file: all bundled weights must fit in 40 MB
SHARE_OWN = 0.5
# the first step errs most: there the guidance decides what there will be at all
_SHARES = torch.tensor((2.0, *(N_STEPS - 1) * (1.0,)))
_N_EVALUATED = 16


@dataclass(frozen=True)
class Music(Rows):
    """Clean latents (bar cue included), their captions' tokens, and their guides.

    Guides have no channels where the model has no input for them.
    """

    latents: Float[Tensor, "batch channel row column"]
    tokens: Int[Tensor, "batch token"]
    guide: Float[Tensor, "batch guide row column"]


@runtime_checkable
class Source(Protocol):
    """Where music comes from, and that which training never sees."""

    n_items: int

    def draw(self, items: Int[Tensor, " item"], generator: torch.Generator) -> Music:
        """Of one width."""
        ...

    def held_out(self, size: int) -> Iterator[Music]:
        """All of it, in batches of at most `size`."""
        ...


@dataclass(frozen=True)
class StepBatch(Music):
    """Music and noise for one of the student's steps, the same in all rows.

    `own`: the step begins where the student itself has come to.
    """

    noise: Float[Tensor, "batch channel row column"]
    step: Int[Tensor, " batch"]
    own: Bool[Tensor, " batch"]


class DistillTask:
    """The LoRA of a model folder's UNet. Text encoder and teacher stay as they are."""

    def __init__(self, model: Path, source: Source) -> None:
        pipeline = load_pipeline(str(model), device="cpu", to_train=True)
        self._guidance = pipeline.traits.default_guidance
        self._teacher: UNet2DConditionModel = pipeline.unet.float()
        self._text_encoder: CLIPTextModel = pipeline.text_encoder
        self._config = pipeline.scheduler.config
        self._empty = _empty_tokens(pipeline.tokenizer)
        self.network: nn.Module = _with_lora(model)
        self._source, self.n_items = source, source.n_items

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [{"params": trained, "lr": learning_rate, "weight_decay": 0.0}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> StepBatch:
        music = self._source.draw(items, generator)
        step = torch.multinomial(_SHARES, 1, generator=generator)
        own = torch.rand(1, generator=generator) < SHARE_OWN
        return self._with_noise(music, int(step), bool(own), generator)

    def loss(self, batch: StepBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        error = self._error(self.network, batch)
        return error, {f"step_{int(batch.step[0])}": float(error.detach())}

    @staticmethod
    def _with_noise(music: Music, step: int, own: bool, generator: torch.Generator) -> StepBatch:
        noise, n = torch.randn(music.latents.shape, generator=generator), len(music)
        steps, owns = torch.full((n,), step), torch.full((n,), own)
        return StepBatch(music.latents, music.tokens, music.guide, noise, steps, owns)

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """The student's error on music that training never sees, beside the bare model's."""
        errors: dict[str, list[float]] = {"held_out_error": [], "undistilled_error": []}
        for music in self._source.held_out(_N_EVALUATED):
            for name, student in zip(errors, (network, self._teacher), strict=True):
                for step in range(N_STEPS):
                    generator = torch.Generator().manual_seed(step)
                    noisy = self._with_noise(music, step, False, generator)
                    errors[name].append(float(self._error(student, noisy)))
        return {name: sum(values) / len(values) for name, values in errors.items()}

    def _error(self, student: nn.Module, batch: StepBatch) -> Float[Tensor, ""]:
        """Squared difference of the velocities that lead to the student's and teacher's ends."""
        device = next(student.parameters()).device
        step, own = int(batch.step[0]), bool(batch.own[0])
        self._teacher.to(device)
        self._text_encoder.to(device)
        with torch.no_grad():
            noise, latents = batch.noise.to(device), batch.latents.to(device)
            guide = batch.guide.to(device)
            cue = _bar_cue(latents)
            text = self._text_encoder(batch.tokens.to(device)).last_hidden_state
            none = self._text_encoder(self._empty.to(device)).last_hidden_state
            scheduler = _few_steps(self._config, N_STEPS, device)
            if own:  # where the student itself gets from noise
                seen = _Seen(text, guide)
                begin = _walk(student, scheduler, scheduler.timesteps[:step], noise, seen, cue)
                scheduler = _few_steps(self._config, N_STEPS, device)
            else:
                begin = scheduler.add_noise(latents, noise, scheduler.timesteps[step : step + 1])
            both = _Seen(torch.cat((none.expand_as(text), text)), torch.cat((guide, guide)))
            end = self._teach(begin, both, cue, noise, step)
            timestep = scheduler.timesteps[step]
            begin = keep_known(scheduler, begin, noise, cue, timestep, 0.0)
        with circular_in_time(student):
            velocity = _Seen(text, guide).predicted(student, begin, timestep)
        return (velocity - _velocity(scheduler, step, begin, end))[:, :-1].square().mean()

    def _teach(
        self, begin: Tensor, both: _Seen, cue: Inpainting, noise: Tensor, step: int
    ) -> Tensor:
        """Where the guided teacher gets in one of the student's steps."""
        scheduler = DPMSolverMultistepScheduler.from_config(self._config)
        scheduler.set_timesteps(N_STEPS * TEACHER_STEPS, device=begin.device)
        first = step * TEACHER_STEPS
        scheduler.set_begin_index(first)

        def guided(latents: Tensor, timestep: Tensor, index: int) -> Tensor:
            output = both.predicted(self._teacher, torch.cat((latents, latents)), timestep)
            without, with_text = output.chunk(2)
            return without + self._guidance * (with_text - without)

        timesteps = scheduler.timesteps[first : first + TEACHER_STEPS]
        with circular_in_time(self._teacher):
            return iterate(scheduler, timesteps, begin, guided, noise=noise, inpainting=cue)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a network sees beside noisy latents."""

    text: Float[Tensor, "batch token feature"]
    guide: Float[Tensor, "batch guide row column"]

    def predicted(self, network: nn.Module, latents: Tensor, timestep: Tensor) -> Tensor:
        output: Tensor = network(
            torch.cat((latents, self.guide), dim=1), timestep, self.text
        ).sample
        return output.float()


def _walk(
    student: nn.Module,
    scheduler: Any,
    timesteps: Tensor,
    noise: Tensor,
    seen: _Seen,
    cue: Inpainting,
) -> Tensor:
    """Where the student gets from noise without guidance."""

    def velocity(latents: Tensor, timestep: Tensor, index: int) -> Tensor:
        return seen.predicted(student, latents, timestep)

    with circular_in_time(student):
        return iterate(scheduler, timesteps, noise, velocity, noise=noise, inpainting=cue)


def _bar_cue(latents: Float[Tensor, "batch channel row column"]) -> Inpainting:
    """The last channel is kept: it marks the bars."""
    mask = torch.ones(1, latents.shape[1], 1, 1, device=latents.device)
    mask[:, -1] = 0
    return Inpainting(latents, mask)


def _velocity(scheduler: Any, step: int, begin: Tensor, end: Tensor) -> Tensor:
    """The v with which one step leads from `begin` to `end`.

    z_s = cos(φ_s - φ_t) z_t - sin(φ_t - φ_s) v, where α = cos φ and σ = sin φ (Salimans and Ho
    2022, appendix D).
    """
    angle, next_angle = (math.atan(float(sigma)) for sigma in scheduler.sigmas[step : step + 2])
    turn = next_angle - angle
    return (end - math.cos(turn) * begin) / math.sin(turn)


def _few_steps(config: Any, n_steps: int, device: torch.device) -> Any:
    """The scheduler that few steps are sampled with, its timesteps set."""
    scheduler = DPMSolverMultistepScheduler.from_config(first_order(config))
    scheduler.set_timesteps(n_steps, device=device)
    return scheduler


def _with_lora(model: Path) -> UNet2DConditionModel:
    """The model's UNet with a LoRA that changes nothing yet, and is all there is to train."""
    unet = UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32)
    add_lora(unet, rank=RANK, alpha=float(RANK), targets=LORA_TARGETS)
    return unet


def export_lora(model: Path, state: Path, folder: Path) -> None:
    """Write the averaged LoRA of a run into a model folder, as diffusers writes LoRAs."""
    unet = _with_lora(model)
    load_ema(unet, state)
    layers = strongest(lora_layers(unet), max_bytes=MAX_BYTES)
    StableDiffusionPipeline.save_lora_weights(folder / FOLDER, unet_lora_layers=layers)


def _empty_tokens(tokenizer: CLIPTokenizer) -> Int[Tensor, "1 token"]:
    return tokenizer("", padding="max_length", return_tensors="pt").input_ids
