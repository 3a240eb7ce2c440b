"""A morph from one end to the other, in perceptually even steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.diffusion.denoise import Inpainting
from riffkit.diffusion.latents import slerp
from riffkit.music.canvas import Conditioning, PromptSchedule
from riffkit.music.plan import Plan
from riffkit.music.session import Session
from riffkit.music.source import Source

_PILOT_PART = 4  # the pilot pass, which measures how even a morph is, takes 1 / 4 of the steps
_LEAST_STEP = 0.05  # of the mean: what hardly changes is passed quickly, not skipped


class Morphing:
    """A morph between two ends, each a clip or the music of the plan's prompt.

    `seeds` are the ends'; `strength` is how much is regenerated at the midpoint between clips.
    """

    def __init__(
        self,
        session: Session,
        plan: Plan,
        ends: tuple[Source | None, Source | None],
        *,
        seeds: tuple[int, int],
        strength: float,
    ) -> None:
        self._session, self._plan, self._ends, self._seeds = session, plan, ends, seeds
        self._canvas = session.canvas(plan, loop=True)
        self._asked = session.conditionings(plan)
        self._noises = [session.noise(self._canvas, seed) for seed in seeds]
        self._between = self._images_between(strength)

    def frames(self, n_frames: int) -> list[UInt8[np.ndarray, "row frame 3"]]:
        """The pictures from the first end to the last."""
        denoising = self._plan.denoising
        n_draft = max(1 if denoising.skip_kept else 2, denoising.steps // _PILOT_PART)
        even = torch.linspace(0, 1, n_frames)
        latents = self._painted(_evened(even, self._painted(even, steps=n_draft)))
        own = [self._ends[0], *[None] * (n_frames - 2), self._ends[1]]
        n_pixels = self._plan.grid.n_frames
        return [
            self._session.pixels(self._canvas, item)
            if end is None
            else end.image.pixels[:, :n_pixels]
            for item, end in zip(
                latents.to(self._session.pipeline.device).split(1), own, strict=True
            )
        ]

    def _painted(
        self, shares: Float[Tensor, " frame"], *, steps: int | None = None
    ) -> Float[Tensor, "frame channel row column"]:
        """The frames at these positions (0 to 1); a clip's own frames aren't painted."""
        inpainting = None if self._between is None else self._between(shares)
        first = int(self._ends[0] is not None)
        here = slice(first, len(shares) - (self._ends[1] is not None))
        latents = (
            torch.cat([self._noises[0]] * len(shares)) if inpainting is None else inpainting.latents
        )
        latents = self._canvas.cued(latents)
        if len(shares[here]):
            (one, other), (near, far) = self._asked, self._noises
            latents[here] = self._session.paint(
                self._plan,
                self._canvas,
                [_still(one.lerp(other, float(share))) for share in shares[here]],
                torch.cat([slerp(near, far, share) for share in shares[here]]),
                inpainting=None
                if inpainting is None
                else Inpainting(inpainting.latents[here], inpainting.mask[here]),
                seed=self._seeds[0],
                steps=steps,
                silent=steps is not None,
            ).cpu()
        return latents

    def _images_between(
        self, strength: float
    ) -> Callable[[Float[Tensor, " frame"]], Inpainting] | None:
        """If an end is a clip: inpaint images between the ends, more freely far from both."""
        if all(end is None for end in self._ends):
            return None
        first, last = (self._end(k, end).cpu() for k, end in enumerate(self._ends))

        def between(shares: Float[Tensor, " frame"]) -> Inpainting:
            mask = 4 * strength * shares * (1 - shares)
            images = torch.cat([slerp(first, last, share) for share in shares])
            return Inpainting(latents=images, mask=mask[:, None, None, None])

        return between

    def _end(self, k: int, end: Source | None) -> Float[Tensor, "1 channel row column"]:
        if end is not None:
            return end.latents(self._session.pipeline)
        return self._session.paint(
            self._plan,
            self._canvas,
            [_still(self._asked[k])],
            self._noises[k],
            seed=self._seeds[0],
            silent=True,
        )


def _still(asked: Conditioning) -> PromptSchedule:
    return lambda bar: asked


def _evened(
    shares: Float[Tensor, " frame"], pilot: Float[Tensor, "frame channel row column"]
) -> Float[Tensor, " frame"]:
    """Positions whose images are equally far apart, estimated from evenly spaced ones.

    Between two prompts, a model's output changes mostly within a small part of the way.
    """
    steps = (pilot[1:] - pilot[:-1]).flatten(1).norm(dim=1).double().cpu().numpy()
    way = np.concatenate(([0.0], np.cumsum(steps + _LEAST_STEP * steps.mean() + 1e-9)))
    wanted = np.linspace(0, way[-1], len(way))
    return torch.from_numpy(np.interp(wanted, way, shares.double().numpy())).float()
