"""Text embeddings: weights, and prompts longer than the text encoder reads."""

from __future__ import annotations

import pytest
import torch

from riffkit.diffusion.conditioning import (
    encode_prompts,
    encode_weighted,
    n_chunks,
    with_equal_tokens,
)
from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.prompt.emphasis import check_prompt, parse_emphasis


def encoded(pipeline: Pipeline, *prompts: str) -> list[torch.Tensor]:
    return encode_weighted(pipeline, [parse_emphasis(prompt) for prompt in prompts])


def test_short_prompts_are_encoded_as_ever(tiny: Pipeline) -> None:
    prompts = ["lo-fi piano, rainy", "", "piano " * 75]
    assert torch.equal(torch.cat(encoded(tiny, *prompts)), encode_prompts(tiny, prompts))


def test_a_weight_moves_its_own_tokens_away_from_nothing(tiny: Pipeline) -> None:
    """Compel's and ComfyUI's way: z0 + w (z - z0), where z0 is the empty prompt's."""
    plain, empty = encode_prompts(tiny, ["deep piano and drums", ""])
    for weight in (0.0, 0.5, 1.6):
        (text,) = encoded(tiny, f"deep (piano:{weight}) and drums")
        torch.testing.assert_close(text[0, 2], empty[2] + weight * (plain[2] - empty[2]))
        others = [0, 1, *range(3, 77)]
        assert torch.equal(text[0, others], plain[others])
    assert torch.equal(encoded(tiny, "deep (piano:1.0) and drums")[0][0], plain)


def test_long_prompts_are_read_to_their_end(tiny: Pipeline) -> None:
    words = [f"w{n}" for n in range(60)]  # two tokens each
    long = " ".join(words)
    (text,) = encoded(tiny, long)
    n = n_chunks(tiny, long)
    assert n >= 2
    assert text.shape[1] == 77 * n
    (other,) = encoded(tiny, long[:-1] + "x")
    assert torch.equal(text[:, : 77 * (n - 1)], other[:, : 77 * (n - 1)])
    assert not torch.equal(text[:, -77:], other[:, -77:])


def test_a_chunk_is_a_prompt_of_its_own_and_ends_at_a_comma(tiny: Pipeline) -> None:
    first, second = "piano " * 64 + "drums,", "loud " * 20
    (text,) = encoded(tiny, f"{first} {second}")
    alone = torch.cat([encode_prompts(tiny, [first]), encode_prompts(tiny, [second])], dim=1)
    torch.testing.assert_close(text, alone)
    far = "piano, " + "drums " * 80  # no comma near: 75 tokens
    (text,) = encoded(tiny, far)
    torch.testing.assert_close(
        text[:, 77:], encode_prompts(tiny, ["drums " * (82 - 75)]), atol=1e-6, rtol=0
    )


def test_prompts_of_all_lengths_work_together(tiny: Pipeline) -> None:
    """In one batch and one call each is painted as alone: repeating tokens changes nothing."""
    one, two, three, none = encoded(tiny, "piano", "drums, " * 60, "choir, " * 100, "")
    assert [t.shape[1] // 77 for t in (one, two, three)] == [1, 2, 3]
    assert {t.shape[1] for t in with_equal_tokens([one, two, three])} == {6 * 77}
    noise = torch.randn((1, 4, 32, 64), generator=torch.Generator().manual_seed(0))
    config = SamplerConfig(3, 4.0)
    both = denoise(tiny, noise, [Window(0, 32, two, none), Window(32, 32, three, one)], config)
    for begin, text, negative in ((0, two, none), (32, three, one)):
        part = noise[..., begin : begin + 32]
        alone = denoise(tiny, part, [Window(0, 32, text, negative)], config)
        torch.testing.assert_close(both[..., begin : begin + 32], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("prompt", ["", "  ", "()", "( :1.3)"])
def test_prompts_that_say_nothing_are_refused(prompt: str) -> None:
    with pytest.raises(ParameterError, match="must not be empty"):
        check_prompt(prompt)
