"""Diffusion training of the bundled model: UNet and text encoder together, on cached latents.

The network predicts v (Salimans & Ho 2022, arXiv:2202.00512) on a cosine schedule, its loss
weighted by min-SNR-γ (Hang et al. 2023, arXiv:2303.09556), circular in time, with the bar cue
in the last latent channel. The text encoder also learns to tell the facts (instruments, key, …)
from the caption, because few of a picture's pixels depend on its key. Imports no audio library.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModel

from riffkit.diffusion.circular import circular_in_time
from riffkit.errors import ParameterError
from riffkit.training.objective import Objective, stratified_timesteps
from riffkit.training.rows import Rows
from train.mini.autoencoder import LATENT_CHANNELS
from train.mini.batches import Batch, LoopBatches
from train.mini.latents import CachedClips
from train.mini.text import HIDDEN_SIZE

CAPTION_DROPOUT = 0.1
FACTS_WEIGHT = 0.01  # of the facts' summed loss, beside the denoiser's mean
TABLE_LR_FACTOR = 0.2  # the token table starts with a meaning; words never seen must keep it
_N_EVALUATED = 64  # at a time

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
}


def new_unet() -> UNet2DConditionModel:
    """The denoiser; the pooled text also joins the timestep's embedding.

    Key and mode are facts of every pixel: through the embedding they reach each layer as the
    noise level does. That path adds nothing until it has been trained.
    """
    unet = UNet2DConditionModel(
        sample_size=32,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=HIDDEN_SIZE,
        attention_head_dim=4,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )
    assert unet.add_embedding is not None
    nn.init.zeros_(unet.add_embedding.norm2.weight)
    return unet


class TextToLatents(nn.Module):
    """The two networks that are trained together.

    `n_facts` facts are told from the caption by a layer that training needs and a model doesn't.
    """

    def __init__(
        self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel, *, n_facts: int = 0
    ) -> None:
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder
        self.fact_head = nn.Linear(HIDDEN_SIZE, n_facts) if n_facts else None

    def forward(
        self,
        noisy: Float[Tensor, "batch channel row column"],
        timestep: Int[Tensor, " batch"],
        tokens: Int[Tensor, "batch token"],
    ) -> tuple[Float[Tensor, "batch channel row column"], Float[Tensor, "batch fact"]]:
        """The velocity, and the facts' logits."""
        text = self.text_encoder(tokens).last_hidden_state
        with circular_in_time(self.unet):
            velocity = self.unet(noisy, timestep, text).sample.float()
        if self.fact_head is None:
            return velocity, velocity.new_zeros(len(velocity), 0)
        return velocity, self.fact_head(text.mean(dim=1)).float()


def load_networks(folder: Path, *, n_facts: int = 0) -> TextToLatents:
    """The two networks of a model folder, in float32; a part that it lacks starts anew."""
    unet = new_unet()
    trained = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    missing, unexpected = unet.load_state_dict(trained.state_dict(), strict=False)
    if unexpected or any(not name.startswith("add_embedding.") for name in missing):
        raise ParameterError(f"model={folder.name!r}: its UNet has another size")
    text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    return TextToLatents(unet, text_encoder, n_facts=n_facts)


@dataclass(frozen=True)
class NoisyBatch(Rows):
    """Noised latents, what is to be predicted, and the captions, of which some were dropped."""

    noisy: Float[Tensor, "batch channel row column"]
    target: Float[Tensor, "batch channel row column"]
    timesteps: Int[Tensor, " batch"]
    tokens: Int[Tensor, "batch token"]
    facts: Bool[Tensor, "batch fact"]
    dropped: Bool[Tensor, " batch"]


class DiffusionTask:
    """Denoising of cached loops. Every item of a step has the width of the step's first item."""

    def __init__(
        self,
        network: TextToLatents,
        clips: dict[int, CachedClips],
        *,
        empty_tokens: Int[Tensor, " token"],
    ) -> None:
        self.network: nn.Module = network
        self._batches = LoopBatches(clips)
        self._empty_tokens = empty_tokens
        self.n_items = self._batches.n_items
        self._objective = Objective(SCHEDULE)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        table: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in self.network.named_parameters():
            (table if "token_embedding" in name else others).append(parameter)
        return [
            {"params": others, "lr": learning_rate},
            {"params": table, "lr": TABLE_LR_FACTOR * learning_rate, "weight_decay": 0.0},
        ]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> NoisyBatch:
        batch = self._batches.draw(items, generator)
        dropped = torch.rand(len(batch.tokens), generator=generator) < CAPTION_DROPOUT
        tokens = torch.where(dropped[:, None], self._empty_tokens, batch.tokens)
        return self._noised(replace(batch, tokens=tokens), generator, dropped=dropped)

    def loss(self, batch: NoisyBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        denoising, logits = self._denoise(self.network, batch)
        facts = _facts_loss(logits, batch.facts, counted=~batch.dropped)
        figures = {"denoising": float(denoising.detach()), "facts": float(facts.detach())}
        return denoising + FACTS_WEIGHT * facts, figures

    def _noised(
        self, batch: Batch, generator: torch.Generator, *, dropped: Bool[Tensor, " batch"]
    ) -> NoisyBatch:
        """With random noise at random levels."""
        noise = torch.randn(batch.latents.shape, generator=generator)
        timesteps = stratified_timesteps(len(batch), generator)
        noisy, target = self._objective.noised(batch.latents, noise, timesteps)
        return NoisyBatch(noisy, target, timesteps, batch.tokens, batch.facts, dropped)

    def _denoise(
        self, network: nn.Module, batch: NoisyBatch
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "batch fact"]]:
        """The weighted loss, and the facts' logits."""
        device = next(network.parameters()).device
        noisy, timesteps = batch.noisy.to(device), batch.timesteps.to(device)
        output, logits = network(noisy, timesteps, batch.tokens.to(device))
        return self._objective.errors(output, batch.target, batch.timesteps).mean(), logits

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Both losses on clips that training never sees, the denoiser's without captions too."""
        losses: dict[str, list[float]] = {"held_out_loss": [], "held_out_loss_uncaptioned": []}
        facts = []
        for seed, batch in enumerate(self._batches.held_out(_N_EVALUATED)):
            empty = self._empty_tokens.expand_as(batch.tokens)
            for name, tokens in zip(losses, (batch.tokens, empty), strict=True):
                noise = torch.Generator().manual_seed(seed)
                none = torch.zeros(len(tokens), dtype=torch.bool)
                noisy = self._noised(replace(batch, tokens=tokens), noise, dropped=none)
                loss, logits = self._denoise(network, noisy)
                losses[name].append(float(loss))
                if tokens is batch.tokens:
                    counted = torch.ones(len(tokens), dtype=torch.bool)
                    facts.append(float(_facts_loss(logits, batch.facts, counted=counted)))
        means = {name: sum(values) / len(values) for name, values in losses.items()}
        return {**means, "held_out_facts": sum(facts) / len(facts)}


def _facts_loss(
    logits: Float[Tensor, "batch fact"],
    facts: Bool[Tensor, "batch fact"],
    *,
    counted: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy, summed over the facts, of the clips that kept their caption."""
    chosen = counted.to(logits.device)[:, None].float()
    losses = functional.binary_cross_entropy_with_logits(logits, facts.to(logits), reduction="none")
    return (chosen * losses).sum(dim=1).mean()
