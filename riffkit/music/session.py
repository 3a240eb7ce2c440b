"""One running call: the loaded model, the parsed prompts, and notes for the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.diffusion.conditioning import encode_weighted, n_chunks
from riffkit.diffusion.denoise import Inpainting, OnLatents, OnStep
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.models.pipeline import Pipeline
from riffkit.music.canvas import Canvas, Conditioning, PromptSchedule
from riffkit.music.plan import Plan, Texts
from riffkit.music.request import PaintRequest
from riffkit.prompt.emphasis import Emphasis
from riffkit.prompt.prompt import Prompt, choose_metre, not_known, read_prompt
from riffkit.provenance.recipe import Recipe


class Session:
    """The state of one call of a task.

    `on_step` is called with (steps done, total steps), and may end the painting by raising;
    `on_latents` with the picture so far (riffkit/music/preview.py) too. `recorded` is the recipe of
    a replay. `stems_folder` may hold players that were painted before.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        on_step: OnStep | None = None,
        on_latents: OnLatents | None = None,
        recorded: Recipe | None = None,
        stems_folder: Path | None = None,
    ) -> None:
        self.stems_folder = stems_folder
        self.pipeline = pipeline
        self.on_step = on_step
        self.on_latents = on_latents
        self.recorded = recorded
        self._prompts: dict[str, Prompt] = {}
        self._conditionings: dict[tuple[Emphasis, Emphasis], Conditioning] = {}
        self._remarks: list[str] = []

    def remark(self, note: str) -> None:
        """Tell the user of something at the end."""
        self._remarks.append(note)

    def read(self, prompt: str) -> Prompt:
        """A prompt as the model understands it; results are cached."""
        if prompt not in self._prompts:
            self._prompts[prompt] = read_prompt(prompt, self.pipeline.traits)
        return self._prompts[prompt]

    def metre(self, request: PaintRequest) -> int:
        """Beats per bar as the request gives them, else its prompt, else 4."""
        prompt = self.read(request.leading_prompt)
        return choose_metre(prompt, beats_per_bar=request.beats_per_bar)

    def conditionings(self, plan: Plan) -> list[Conditioning]:
        """The embeddings of a plan's prompts, in order."""
        return [self._conditioning(texts) for texts in plan.texts]

    def _conditioning(self, texts: Texts) -> Conditioning:
        pair = texts.prompt, texts.negative_prompt
        if pair not in self._conditionings:
            text, negative_text = encode_weighted(self.pipeline, pair)
            self._conditionings[pair] = Conditioning(text, negative_text)
        return self._conditionings[pair]

    def canvas(self, plan: Plan, *, loop: bool) -> Canvas:
        """The canvas of a plan; with `loop`, it is circular."""
        return Canvas(plan.grid, plan.beats_per_bar, loop, self.pipeline)

    def noise(self, canvas: Canvas, seed: int) -> Float[Tensor, "1 channel latent_row column"]:
        """Unit noise for a canvas."""
        return draw_noise(self.pipeline, n_columns=canvas.n_columns, seed=seed)

    def paint(
        self,
        plan: Plan,
        canvas: Canvas,
        schedules: Sequence[PromptSchedule],
        noise: Float[Tensor, "batch channel row column"],
        *,
        seed: int | Sequence[int],
        inpainting: Inpainting | None = None,
        guide: Float[Tensor, "#batch channel row column"] | None = None,
        strength: float = 1.0,
        steps: int | None = None,
        silent: bool = False,
    ) -> Float[Tensor, "batch channel row column"]:
        """Latents of the canvas, as `Canvas.paint` says.

        `steps` replaces the plan's; with `silent`, nothing is called.
        """
        config = replace(
            plan.denoising,
            strength=strength,
            steps=plan.denoising.steps if steps is None else steps,
            on_remark=None if silent else self.remark,
        )
        return canvas.paint(
            schedules,
            noise,
            config,
            inpainting=inpainting,
            guide=guide,
            seed=seed,
            on_step=None if silent else self.on_step,
            on_latents=None if silent else self.on_latents,
        )

    def picture(
        self,
        plan: Plan,
        canvas: Canvas,
        *,
        seed: int,
        inpainting: Inpainting | None = None,
        guide: Float[Tensor, "1 channel latent_row column"] | None = None,
        strength: float = 1.0,
    ) -> UInt8[np.ndarray, "row frame 3"]:
        """The picture for one prompt along the whole canvas, from the noise of a seed."""
        (asked,) = self.conditionings(plan)
        latents = self.paint(
            plan,
            canvas,
            [lambda bar: asked],
            self.noise(canvas, seed),
            inpainting=inpainting,
            guide=guide,
            seed=seed,
            strength=strength,
        )
        return self.pixels(canvas, latents)

    def pixels(
        self, canvas: Canvas, latents: Float[Tensor, "1 channel latent_row column"]
    ) -> UInt8[np.ndarray, "row frame 3"]:
        """The canvas's picture, as wide as its beats."""
        pixels = latents_to_pixels(self.pipeline, latents, circular=canvas.circular)
        return pixels[:, : canvas.grid.n_frames]

    def notes(self, plan: Plan) -> tuple[str, ...]:
        """Notes on how the model read the prompts, and on the painting."""
        notes: list[str] = []
        avoided: list[str] = []
        for name, prompt in plan.read:
            if prompt.text != prompt.words:
                without = f", without {', '.join(prompt.unwanted)}" if prompt.unwanted else ""
                notes.append(f"{name}: read as {prompt.text!r}{without}")
            if (n_parts := n_chunks(self.pipeline, prompt.text)) > 1:
                notes.append(f"{name}: too long for one pass; encoded in {n_parts} parts")
            if prompt.unclosed:
                notes.append(
                    f"{name}: the bracket of {prompt.unclosed!r} isn't closed, so it is text; "
                    rf"close it, or write \{prompt.unclosed[0]}"
                )
            is_negative = name.endswith("negative_prompt")
            if not is_negative and not self.pipeline.loras:  # which know words of their own
                notes += not_known(name, prompt)
            avoided += [prompt.words] if is_negative else prompt.unwanted
        if plan.denoising.guidance == 1 and any(avoided):
            notes.append(
                f"negative_prompt: {', '.join(filter(None, avoided))!r} has no effect at guidance "
                "1; set more, or leave `guidance` out"
            )
        return (*notes, *plan.notes, *self._remarks)
