"""The denoiser of riff-mini 2: diffusers' UNet2DConditionModel, and the text encoder before it.

The UNet sees the noisy latents and the guide's beside them, as InstructPix2Pix's does
(arXiv:2211.09800). Pooled text also joins the timestep's embedding: style and key are facts of
every pixel. Text encoder and tokenizer start from riff-mini 1's, and its token table stays as it
is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextModel, CLIPTokenizer

from riffkit.diffusion.circular import circular_in_time
from riffkit.errors import ParameterError
from riffkit.models.locate import BUNDLED_DEFAULT, WEIGHTS
from train.snapshot import FROZEN

TEXT_ENCODER = WEIGHTS / BUNDLED_DEFAULT / "text_encoder"
TOKENIZER = WEIGHTS / BUNDLED_DEFAULT / "tokenizer"
COLUMNS = 32
MAX_TOKENS, HIDDEN_SIZE = 77, 128  # the text encoder's
_RARE = -3.0


@dataclass(frozen=True)
class DenoiserConfig:
    """`channels` from the latents' resolution down, each level half the one before.

    Of each level: `layers`, its blocks (0: it only folds, by a strided convolution), and whether it
    attends to itself and to the text. `head_width` is the channels of one attention head.
    """

    sound_channels: int = 16
    channels: tuple[int, ...] = (128, 96, 128, 144)
    layers: tuple[int, ...] = (1, 1, 1, 1)
    attention: tuple[int, ...] = (0, 0, 1, 1)
    head_width: int = 32
    groups: int = 16

    def __post_init__(self) -> None:
        sizes = {len(self.channels), len(self.layers), len(self.attention)}
        if len(sizes) > 1:
            raise ParameterError(
                f"channels={_listed(self.channels)}, layers={_listed(self.layers)}, "
                f"attention={_listed(self.attention)}: must be as many numbers each, one per level"
            )
        if any(width % self.groups for width in self.channels):
            raise ParameterError(
                f"channels={_listed(self.channels)}: must be multiples of {self.groups}"
            )
        if not any(self.attention):
            raise ParameterError("attention: the text needs one level at least; use 1 for the last")

    @property
    def latent_channels(self) -> int:
        """With the bar cue's."""
        return self.sound_channels + 1

    def to_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DenoiserConfig:
        """The inverse of `to_dict`."""
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**given)


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def new_unet(config: DenoiserConfig) -> UNet2DConditionModel:
    """What the pooled text adds to the timestep's embedding is nothing until it is trained."""
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in config.attention]
    unet = UNet2DConditionModel(
        sample_size=COLUMNS,
        in_channels=2 * config.latent_channels,
        out_channels=config.latent_channels,
        block_out_channels=config.channels,
        layers_per_block=config.layers,
        down_block_types=tuple(down),
        up_block_types=tuple(name.replace("Down", "Up") for name in reversed(down)),
        cross_attention_dim=HIDDEN_SIZE,
        attention_head_dim=tuple(max(1, width // config.head_width) for width in config.channels),
        norm_num_groups=config.groups,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )
    assert unet.add_embedding is not None
    nn.init.zeros_(unet.add_embedding.norm2.weight)
    return unet


def read_text_encoder() -> CLIPTextModel:
    """riff-mini 1's; its token table is frozen."""
    encoder = CLIPTextModel.from_pretrained(TEXT_ENCODER, dtype=torch.float32)
    table = encoder.get_input_embeddings()
    table.requires_grad_(False)
    setattr(table, FROZEN, True)
    return encoder


def read_tokenizer() -> CLIPTokenizer:
    """riff-mini 1's."""
    return CLIPTokenizer.from_pretrained(str(TOKENIZER))


class GuidedDenoiser(nn.Module):
    """The networks that are trained together.

    `n_facts` facts are told from the caption by a layer that training needs and a model doesn't.
    """

    def __init__(
        self, config: DenoiserConfig, text_encoder: CLIPTextModel, *, n_facts: int = 0
    ) -> None:
        super().__init__()
        self.config = config
        self.unet = new_unet(config)
        self.text_encoder = text_encoder
        self.fact_head = nn.Linear(HIDDEN_SIZE, n_facts) if n_facts else None
        if self.fact_head is not None:  # most facts are false of most clips
            nn.init.constant_(self.fact_head.bias, _RARE)

    def forward(
        self,
        noisy: Float[Tensor, "batch channel row column"],
        guide: Float[Tensor, "batch channel row column"],
        timestep: Int[Tensor, " batch"],
        tokens: Int[Tensor, "batch token"],
    ) -> tuple[Float[Tensor, "batch channel row column"], Float[Tensor, "batch fact"]]:
        """The velocity, and the facts' logits."""
        # so few pixels and tokens attend that the CPU's flash kernel goes backwards slower than
        # plain products do
        plain = sdpa_kernel(SDPBackend.MATH)
        with plain, circular_in_time(self.unet):
            text = self.text_encoder(tokens).last_hidden_state
            seen = torch.cat((noisy, guide), dim=1)
            velocity = self.unet(seen, timestep, text).sample.float()
        if self.fact_head is None:
            return velocity, velocity.new_zeros(len(velocity), 0)
        return velocity, self.fact_head(text.mean(dim=1)).float()
