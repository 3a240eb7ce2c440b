"""A prompt's weights on the words that a model reads in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from riffkit.diffusion.emphasis import Emphasis


def emphasised(read: str, asked: Sequence[Emphasis], as_read: Callable[[str], str]) -> Emphasis:
    """`read` with the weights that its words have in the prompts `asked`.

    Where the model reads a prompt as it was written, and perhaps more behind it, each word has its
    place; else what a weighted part is read as by itself (`as_read`) is looked for, thing by thing.
    """
    weights = [1.0] * len(read)
    for prompt in asked:
        end = 0
        if read.startswith(prompt.text):
            for words, weight in prompt.parts:
                weights[end : end + len(words)] = [weight] * len(words)
                end += len(words)
            continue
        for words, weight in prompt.weights:
            for thing in filter(None, as_read(words).strip(" ,").split(", ")):
                pattern = re.compile(rf"(?<!\w){re.escape(thing)}(?!\w)", re.I)
                found = pattern.search(read, end) or pattern.search(read)
                if found is not None:
                    begin, end = found.span()
                    weights[begin:end] = [weight] * (end - begin)
    return Emphasis.of(zip(read, weights, strict=True))
