"""Diffusion training of the bundled model: UNet and text encoder together, on cached latents.

The network predicts v (Salimans & Ho 2022, arXiv:2202.00512) on a cosine schedule, its loss
weighted by min-SNR-γ (Hang et al. 2023, arXiv:2303.09556), circular in time, with the bar cue
in the last latent channel. The text encoder also learns to tell the facts (instruments, key, …)
from the caption, because few of a picture's pixels depend on its key. Imports no audio library.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModel

from riffkit.diffusion.seam import circular_in_time
from riffkit.errors import ParameterError
from train.autoencoder import LATENT_CHANNELS
from train.batches import LoopBatches
from train.latents import CachedClips
from train.text import HIDDEN_SIZE

CAPTION_DROPOUT = 0.1
MIN_SNR_GAMMA = 5.0
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
        raise ParameterError(f"model={folder.name!r}: its unet is not one of this size")
    text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    return TextToLatents(unet, text_encoder, n_facts=n_facts)


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
        self._scheduler = DDPMScheduler(**SCHEDULE)
        self._weights = min_snr_weights(self._scheduler.alphas_cumprod)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        table: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in self.network.named_parameters():
            (table if "token_embedding" in name else others).append(parameter)
        return [
            {"params": others, "lr": learning_rate},
            {"params": table, "lr": TABLE_LR_FACTOR * learning_rate, "weight_decay": 0.0},
        ]

    def loss(
        self, items: Int[Tensor, " batch"], generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        batch = self._batches.draw(items, generator)
        dropped = torch.rand(len(batch.tokens), generator=generator) < CAPTION_DROPOUT
        tokens = torch.where(dropped[:, None], self._empty_tokens, batch.tokens)
        denoising, logits = self._denoise(self.network, batch.latents, tokens, generator)
        facts = _facts_loss(logits, batch.facts, counted=~dropped)
        figures = {"denoising": float(denoising.detach()), "facts": float(facts.detach())}
        return denoising + FACTS_WEIGHT * facts, figures

    def _denoise(
        self,
        network: nn.Module,
        latents: Float[Tensor, "batch channel row column"],
        tokens: Int[Tensor, "batch token"],
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "batch fact"]]:
        """The weighted loss at random noise levels, and the facts' logits."""
        device = next(network.parameters()).device
        noise = torch.randn(latents.shape, generator=generator)
        # stratified timesteps: the loss varies far more with t than with anything else
        n = len(latents)
        drawn = (torch.arange(n) + torch.rand(n, generator=generator)) / n
        timesteps = (drawn * self._scheduler.config["num_train_timesteps"]).long()
        noisy = self._scheduler.add_noise(latents, noise, timesteps)
        velocity = self._scheduler.get_velocity(latents, noise, timesteps)
        output, logits = network(noisy.to(device), timesteps.to(device), tokens.to(device))
        error = (output - velocity.to(device)).square().mean(dim=(1, 2, 3))
        return (self._weights[timesteps].to(device) * error).mean(), logits

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Both losses on clips that training never sees, the denoiser's without captions too."""
        losses: dict[str, list[float]] = {"held_out_loss": [], "held_out_loss_uncaptioned": []}
        facts = []
        for seed, batch in enumerate(self._batches.held_out(_N_EVALUATED)):
            empty = self._empty_tokens.expand_as(batch.tokens)
            for name, tokens in zip(losses, (batch.tokens, empty), strict=True):
                noise = torch.Generator().manual_seed(seed)
                loss, logits = self._denoise(network, batch.latents, tokens, noise)
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


def min_snr_weights(alphas_cumprod: Float[Tensor, " timestep"]) -> Float[Tensor, " timestep"]:
    """min(SNR + 1, γ) / (SNR + 1), min-SNR for v-prediction with a terminal SNR of zero.

    The paper's min(SNR, γ) / (SNR + 1) vanishes at high noise, where the caption is all there is
    to go by.
    """
    snr = alphas_cumprod / (1 - alphas_cumprod)
    return (snr + 1).clamp(max=MIN_SNR_GAMMA) / (snr + 1)
