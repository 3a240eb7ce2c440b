"""Fine-tuning of a checkpoint on a dataset's clips: a LoRA, or all of its weights.

Each step is drawn as numbers only (clips, captions, noise levels, seeds of the noise), so that a
process makes no more of it than its share. Prior pictures, if there are any, follow the clips, and
are to be denoised as the base model does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as compute_again
from transformers import CLIPTextModel

from riffkit.diffusion.circular import circular_in_time
from riffkit.training.clips import TrainingClips
from riffkit.training.objective import Objective, stratified_timesteps
from riffkit.training.rows import Rows
from riffkit.training.settings import TuningSettings

_N_EVALUATED = 64
_MOST_SEEDS = 2**62


class Denoiser(nn.Module):
    """The UNet, and the text encoder if it is trained too; `texts` are then tokens.

    Where the UNet has channels for a guide they are blank: a user's songs have no score.
    """

    def __init__(self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel | None) -> None:
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder

    def forward(
        self,
        noisy: Float[Tensor, "batch channel row column"],
        timesteps: Int[Tensor, " batch"],
        texts: Float[Tensor, "batch token feature"] | Int[Tensor, "batch token"],
    ) -> Float[Tensor, "batch channel row column"]:
        if self.text_encoder is not None:
            texts = self.text_encoder(texts).last_hidden_state
        dtype = self.unet.dtype
        n_blank = int(self.unet.config["in_channels"]) - noisy.shape[1]
        noisy = nn.functional.pad(noisy, (0, 0, 0, 0, 0, n_blank))
        output: Tensor = self.unet(noisy.to(dtype), timesteps, texts.to(dtype)).sample
        return output.float()


@dataclass(frozen=True)
class TuningBatch(Rows):
    """A batch: clip and caption indices, noise levels and seeds; the mean of `weights` is 1."""

    clips: Int[Tensor, " batch"]
    captions: Int[Tensor, " batch"]
    seeds: Int[Tensor, " batch"]
    timesteps: Int[Tensor, " batch"]
    weights: Float[Tensor, " batch"]


class TuningTask:
    """A `Denoiser` whose trainable parameters are what learns.

    The last `n_prior` of the clips are the base model's pictures; `base` gives the network as it
    was before it learned. `on_show` is called with the network at the sampling interval.
    """

    def __init__(
        self,
        network: Denoiser,
        scheduler_config: object,
        settings: TuningSettings,
        clips: TrainingClips,
        *,
        held_out: TrainingClips | None = None,
        n_prior: int = 0,
        base: Callable[[], AbstractContextManager[nn.Module]] | None = None,
        circular: bool = False,
        on_show: Callable[[Denoiser, int], None] | None = None,
    ) -> None:
        self.network: nn.Module = network
        self.n_items = len(clips) - n_prior
        self._n_prior, self._base = n_prior, base
        self._clips, self._held_out = clips, held_out
        self._settings = settings
        self._objective = Objective(scheduler_config, min_snr_gamma=settings.min_snr_gamma)
        self._circular = circular
        self._on_show = on_show
        if settings.gradient_checkpointing:
            network.unet.enable_gradient_checkpointing(
                partial(compute_again, use_reentrant=False, context_fn=self._again)
            )

    def _again(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """What is computed again for the gradients must be circular too, then outside of `loss`."""
        return nullcontext(), self._wrapping(self.network)

    @contextmanager
    def _wrapping(self, network: nn.Module) -> Iterator[None]:
        assert isinstance(network, Denoiser)
        with circular_in_time(network.unet, enabled=self._circular):
            yield

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [{"params": trained, "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> TuningBatch:
        clips = self._drawn(self._clips, items, generator)
        dropped = torch.rand(len(items), generator=generator) < self._settings.caption_dropout
        clips.captions[dropped] = 0
        if not self._n_prior:
            return clips
        n = max(1, round(self._settings.prior_share * len(items)))
        chosen = self.n_items + torch.randint(self._n_prior, (n,), generator=generator)
        prior = self._drawn(self._clips, chosen, generator)
        share = torch.full((n,), self._settings.prior_weight * len(items) / n)
        whole = (len(items) + n) / len(items)  # the mean over all rows is then the sum of both
        return TuningBatch(
            clips=torch.cat((clips.clips, prior.clips)),
            captions=torch.cat((clips.captions, prior.captions)),
            seeds=torch.cat((clips.seeds, prior.seeds)),
            timesteps=torch.cat((clips.timesteps, prior.timesteps)),
            weights=whole * torch.cat((clips.weights, share)),
        )

    def _drawn(
        self, clips: TrainingClips, chosen: Int[Tensor, " row"], generator: torch.Generator
    ) -> TuningBatch:
        n = len(chosen)
        places = torch.rand(n, generator=generator)
        rows = [clips.captions[int(item)] for item in chosen]
        captions = [row[int(x * len(row))] for row, x in zip(rows, places.tolist(), strict=True)]
        n_timesteps = self._objective.n_timesteps
        return TuningBatch(
            clips=chosen,
            captions=torch.stack(captions),
            seeds=torch.randint(_MOST_SEEDS, (n,), generator=generator),
            timesteps=stratified_timesteps(n, generator, n_timesteps=n_timesteps),
            weights=torch.ones(n),
        )

    def loss(self, batch: TuningBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        errors = self._errors(self.network, self._clips, batch)
        errors = batch.weights.to(errors) * errors
        loss = errors.mean()
        if not self._n_prior:
            return loss, {}
        is_prior = (batch.clips >= self.n_items).to(errors.device)
        of_prior = errors.detach()[is_prior].sum() / len(errors)
        return loss, {"prior": float(of_prior), "denoising": float(loss.detach() - of_prior)}

    def _errors(
        self, network: nn.Module, clips: TrainingClips, batch: TuningBatch
    ) -> Float[Tensor, " batch"]:
        """The weighted error of each item; clips of one width go through the network together."""
        device = next(network.parameters()).device
        widths = torch.tensor([clips.latents[int(clip)].shape[-1] for clip in batch.clips])
        parts, order = [], []
        for width in widths.unique():
            rows = (widths == width).nonzero()[:, 0]
            clean = torch.stack([clips.latents[int(c)].float() for c in batch.clips[rows]])
            noise = torch.stack([_noise(clean[0].shape, int(s)) for s in batch.seeds[rows]])
            timesteps = batch.timesteps[rows]
            noisy, target = self._objective.noised(clean, noise, timesteps)
            texts = clips.texts[batch.captions[rows]].to(device)
            seen = (noisy.to(device), timesteps.to(device), texts)
            if clips is self._clips and self._base is not None:
                target = self._as_before(seen, target.to(device), batch.clips[rows] >= self.n_items)
            with self._wrapping(network):
                output = network(*seen)
            parts.append(self._objective.errors(output, target, timesteps))
            order.append(rows)
        return torch.cat(parts)[torch.cat(order).argsort().to(device)]

    @torch.no_grad()
    def _as_before(
        self, seen: tuple[Tensor, ...], target: Tensor, prior: Bool[Tensor, " batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """The target, with what the base model predicts of prior pictures."""
        assert self._base is not None
        rows = prior.to(target.device)
        if rows.any():
            with self._base() as base, self._wrapping(base):
                target[rows] = base(*(part[rows] for part in seen))
        return target

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """The loss on tracks that training never sees, always with the same noise."""
        if self._held_out is None:
            return {}
        n = min(len(self._held_out), _N_EVALUATED)
        batch = self._drawn(self._held_out, torch.arange(n), torch.Generator().manual_seed(0))
        size = self._settings.batch_size
        parts = [batch[slice(start, start + size)] for start in range(0, n, size)]
        errors = torch.cat([self._errors(network, self._held_out, part).cpu() for part in parts])
        return {"held_out_loss": float(errors.mean())}

    def show(self, network: nn.Module, images_seen: int) -> None:
        assert isinstance(network, Denoiser)
        if self._on_show is not None:
            self._on_show(network, images_seen)


def _noise(shape: torch.Size, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
