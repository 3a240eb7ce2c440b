"""The bundled model's text encoder: the CLIP tokenizer, and token vectors with a meaning.

The table of token vectors starts from a sentence encoder (all-MiniLM-L6-v2, Apache-2.0): each
token's text is embedded by it, and the 384 numbers are reduced to 128 by principal components.
Words that no caption holds thus lie near those that captions do hold.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, CLIPTextConfig, CLIPTextModel

from riffkit.atomic import atomic_path

HIDDEN_SIZE = 128
MAX_TOKENS = 77
_N_MERGES = 49_152 - 256 - 2
_BATCH = 512
_TOKENIZER_CONFIG = {
    "add_prefix_space": False,
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>",
    "do_lower_case": True,
    "errors": "replace",
    "model_max_length": MAX_TOKENS,
    "tokenizer_class": "CLIPTokenizer",
}


def write_tokenizer(bpe: Path, folder: Path) -> None:
    """Write the CLIP tokenizer's files from `bpe_simple_vocab_16e6.txt.gz` (open-clip, MIT)."""
    with gzip.open(bpe, "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1 : _N_MERGES + 1]
    letters = byte_letters()
    tokens = letters + [f"{letter}</w>" for letter in letters]
    tokens += [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    ids = {token: index for index, token in enumerate(tokens)}
    _write(folder / "vocab.json", json.dumps(ids, ensure_ascii=False))
    _write(folder / "merges.txt", "#version: 0.2\n" + "\n".join(merges) + "\n")
    _write(folder / "tokenizer_config.json", json.dumps(_TOKENIZER_CONFIG, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def byte_order() -> list[int]:
    """All bytes in CLIP's order of tokens (GPT-2's): the printable ones of Latin-1 first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return printable + [byte for byte in range(256) if byte not in printable]


def byte_letters() -> list[str]:
    """The printable letter that stands for each byte of `byte_order`."""
    order = byte_order()
    n_printable = order.index(0)
    others = (chr(256 + n) for n in range(256 - n_printable))
    return [*map(chr, order[:n_printable]), *others]


def new_text_encoder() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=49_408,
        hidden_size=HIDDEN_SIZE,
        intermediate_size=4 * HIDDEN_SIZE,
        projection_dim=HIDDEN_SIZE,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=MAX_TOKENS,
        hidden_act="quick_gelu",
        bos_token_id=49_406,
        eos_token_id=49_407,
        pad_token_id=49_407,
    )
    return CLIPTextModel(config)


def token_vectors(vocab: dict[str, int], encoder: Path) -> Float[Tensor, "token feature"]:
    """A vector a token, of mean 0 and mean square 1 over the table, from a sentence encoder."""
    words = _token_words(vocab)
    tokenizer = AutoTokenizer.from_pretrained(str(encoder))
    model = AutoModel.from_pretrained(str(encoder)).eval()
    rows = []
    with torch.no_grad():
        for start in range(0, len(words), _BATCH):
            batch = tokenizer(words[start : start + _BATCH], padding=True, return_tensors="pt")
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            rows.append((hidden * mask).sum(dim=1) / mask.sum(dim=1))
    return principal_components(torch.nn.functional.normalize(torch.cat(rows)), HIDDEN_SIZE)


def _token_words(vocab: dict[str, int]) -> list[str]:
    byte_of_letter = dict(zip(byte_letters(), byte_order(), strict=True))
    words = []
    for token in sorted(vocab, key=vocab.__getitem__):
        letters = token.removesuffix("</w>")
        data = bytes(byte_of_letter.get(letter, 32) for letter in letters)
        words.append(data.decode("utf-8", errors="ignore").strip() or letters)
    return words


def principal_components(
    rows: Float[Tensor, "row feature"], n_components: int
) -> Float[Tensor, "row component"]:
    """`rows` on their first principal axes, scaled to a mean square of 1."""
    centred = rows - rows.mean(dim=0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    reduced = centred @ vectors[:, -n_components:]
    return reduced / reduced.square().mean().sqrt()


@torch.no_grad()
def with_token_vectors(
    encoder: CLIPTextModel, vectors: Float[Tensor, "token feature"]
) -> CLIPTextModel:
    """`encoder` with this table, and position vectors small beside it."""
    embeddings = encoder.get_input_embeddings()
    embeddings.weight.copy_(vectors)
    for name, parameter in encoder.named_parameters():
        if "position_embedding" in name:
            parameter.mul_(0.1 / parameter.std())
    return encoder
