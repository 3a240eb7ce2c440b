"""Prompts as the networks take them: tokens, then text embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.errors import ParameterError


def check_prompt(prompt: str) -> None:
    """Raise ParameterError for a prompt that says nothing."""
    if not prompt.strip():
        raise ParameterError("prompt='': must not be empty; describe the music, e.g. 'lo-fi piano'")


def n_tokens_cut(checkpoint: Checkpoint, prompt: str) -> int:
    """How many tokens of `prompt` the model does not see, because it reads 75 words or so."""
    ids = checkpoint.tokenizer(prompt, truncation=False, verbose=False).input_ids
    return max(0, len(ids) - _max_tokens(checkpoint))


@torch.inference_mode()
def encode_prompts(
    checkpoint: Checkpoint, prompts: Sequence[str]
) -> Float[Tensor, "prompt token feature"]:
    """The text encoder's last hidden states; a long prompt is cut at its token limit."""
    tokens = checkpoint.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=_max_tokens(checkpoint),
        truncation=True,
        return_tensors="pt",
    )
    return checkpoint.text_encoder(tokens.input_ids.to(checkpoint.device)).last_hidden_state


def _max_tokens(checkpoint: Checkpoint) -> int:
    return int(checkpoint.text_encoder.config.max_position_embeddings)
