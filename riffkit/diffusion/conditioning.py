"""Prompts for the networks: tokens, then text embeddings.

Weights act on the embeddings as in compel (above 1) and ComfyUI: a token's is moved away from what
an empty prompt has in its place, or towards it. A1111's way, to multiply and then restore the mean,
divides by a mean that other text encoders than CLIP-L needn't have: the bundled model's is 0.004.

Prompts longer than the text encoder reads are cut into chunks, as A1111 does: each has its own
beginning and end, ends at a comma if one is near, and the UNet attends to all of their tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.models.pipeline import Pipeline
from riffkit.prompt.emphasis import Emphasis

_COMMA_REACH = 20  # a chunk may end at a comma within this many tokens of its limit


def n_chunks(pipeline: Pipeline, words: str) -> int:
    """The number of chunks that the text encoder needs for a prompt's plain words."""
    return len(_chunks(pipeline, Emphasis(((words, 1.0),))))


@torch.inference_mode()
def encode_prompts(
    pipeline: Pipeline, prompts: Sequence[str]
) -> Float[Tensor, "prompt token feature"]:
    """The text encoder's last hidden states of plain texts, truncated at its token limit."""
    tokens = pipeline.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=_max_tokens(pipeline),
        truncation=True,
        return_tensors="pt",
    )
    return _hidden(pipeline, tokens.input_ids)


@torch.inference_mode()
def encode_weighted(
    pipeline: Pipeline, prompts: Sequence[Emphasis]
) -> list[Float[Tensor, "1 token feature"]]:
    """The weighted embeddings of prompts of any length; long prompts have more tokens.

    Short prompts without weights give the same as `encode_prompts`.
    """
    chunks = [_chunks(pipeline, prompt) for prompt in prompts]
    if all(len(some) == 1 for some in chunks) and all(prompt.is_plain for prompt in prompts):
        return list(encode_prompts(pipeline, [prompt.text for prompt in prompts]).split(1))
    rows = [_padded(pipeline, chunk) for some in chunks for chunk in some]
    ids, weights = (torch.tensor(values) for values in zip(*rows, strict=True))
    hidden = _hidden(pipeline, ids)
    if (weights != 1).any():
        empty = encode_prompts(pipeline, [""])
        moved = empty + weights[..., None].to(hidden) * (hidden - empty)
        hidden = torch.where(weights[..., None].to(hidden) == 1, hidden, moved)
    return [part.flatten(0, 1)[None] for part in hidden.split([len(some) for some in chunks])]


def with_equal_tokens(
    texts: Sequence[Float[Tensor, "batch _ feature"]],
) -> list[Float[Tensor, "batch token feature"]]:
    """Repeat the chunks of texts until all have the same number of tokens.

    To attend to a set of tokens several times over is to attend to it once: nothing changes. (But
    the bundled model also adds the tokens' pooled mean to the time step, which moves a little.)
    """
    n_tokens = math.lcm(*(text.shape[1] for text in texts))
    return [
        text if text.shape[1] == n_tokens else text.repeat(1, n_tokens // text.shape[1], 1)
        for text in texts
    ]


def _hidden(
    pipeline: Pipeline, ids: Int[Tensor, "chunk token"]
) -> Float[Tensor, "chunk token feature"]:
    return pipeline.text_encoder(ids.to(pipeline.device)).last_hidden_state


_Token = tuple[int, float]


def _chunks(pipeline: Pipeline, prompt: Emphasis) -> list[list[_Token]]:
    """The prompt's tokens with their weights, in chunks that the text encoder can read."""
    tokens = [
        (token, weight) for text, weight in prompt.parts for token in _token_ids(pipeline, text)
    ]
    size, comma = _max_tokens(pipeline) - 2, _token_ids(pipeline, ",")
    chunks = []
    while len(tokens) > size:
        commas = [n for n in range(size - _COMMA_REACH, size) if [tokens[n][0]] == comma]
        end = commas[-1] + 1 if commas else size
        chunks.append(tokens[:end])
        tokens = tokens[end:]
    return [*chunks, tokens] if tokens or not chunks else chunks


def _token_ids(pipeline: Pipeline, text: str) -> list[int]:
    return list(pipeline.tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


def _padded(pipeline: Pipeline, chunk: list[_Token]) -> tuple[list[int], list[float]]:
    """A chunk's tokens and weights, with the beginning, the end and what fills it up."""
    tokenizer, n_tokens = pipeline.tokenizer, _max_tokens(pipeline)
    ids = [tokenizer.bos_token_id, *(token for token, _ in chunk), tokenizer.eos_token_id]
    weights = [1.0, *(weight for _, weight in chunk), 1.0]
    n_missing = n_tokens - len(ids)
    return ids + [tokenizer.pad_token_id] * n_missing, weights + [1.0] * n_missing


def _max_tokens(pipeline: Pipeline) -> int:
    return int(pipeline.text_encoder.config.max_position_embeddings)
