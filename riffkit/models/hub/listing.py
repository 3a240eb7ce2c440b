"""Selects the files of a hub repository that make up the model, by their names."""

from __future__ import annotations

import re
from collections.abc import Collection

from riffkit.errors import ModelError
from riffkit.models.hub.hub_id import SINGLE_FILES, HubId
from riffkit.models.weights.weight_names import FULL_PRECISION, NETWORKS, choose_weights, weights_in

INDEX = "model_index.json"
TRAITS = "riffkit.json"
_OURS = ("spectrogram.json", TRAITS)
_SMALL = re.compile(
    r"model_index\.json|spectrogram\.json|riffkit\.json|tokenizer/[^/]+\.(?:json|txt)"
    r"|scheduler/[^/]+\.json|(?:text_encoder|vae|unet)/config\.json|(?:few_steps|grain)/[^/]+\.safetensors"
)


def model_files(names: Collection[str], hub_id: HubId) -> list[str]:
    """The files to have, small ones first; `names` are all, with "/" between folders.

    A folder's are its configurations and, for each network, its weights once; a single
    file's are itself and what says its spectrograms. Safety checkers, traced networks, copies in
    another format or precision are none of them. ModelError where the names make no model, or
    several.
    """
    if hub_id.file is None and INDEX in names:
        small = filter(_SMALL.fullmatch, names)
        return [
            *sorted(small, key=lambda n: (n.endswith(".safetensors"), n)),
            *_weights(names, hub_id),
        ]
    file = hub_id.file or _only_file(names, hub_id)
    if file not in names:
        raise ModelError(f"model={str(hub_id)!r}: {hub_id.repo} has no file {file}")
    if hub_id.variant:
        raise ModelError(
            f"model={str(hub_id)!r}: a single file has no variants; remove :{hub_id.variant}"
        )
    stem, folder = file.rpartition(".")[0], file[: file.rfind("/") + 1]
    beside = (f"{start}{name}" for name in _OURS for start in (f"{stem}.", folder))
    return [*(name for name in beside if name in names), file]


def _weights(names: Collection[str], hub_id: HubId) -> list[str]:
    chosen, variants = [], set()
    for part in NETWORKS:
        inside = [n.removeprefix(f"{part}/") for n in names if n.startswith(f"{part}/")]
        weights = choose_weights(part, inside, hub_id.variant or FULL_PRECISION)
        if weights is None:
            raise ModelError(
                f"model={str(hub_id)!r}: {hub_id.repo} has no complete weights for {part} "
                "(.safetensors or .bin); it is not a complete Stable Diffusion v1 model"
            )
        index = [weights.index] if weights.index in inside else []
        chosen += [f"{part}/{name}" for name in (*index, *weights.files)]
        variants |= {weights.variant for weights in weights_in(part, inside)}
    if hub_id.variant and hub_id.variant not in variants:
        raise ModelError(
            f"model={str(hub_id)!r}: {hub_id.repo} has no variant {hub_id.variant!r}; "
            f"it has {', '.join(sorted(variants))}"
        )
    return chosen


def _only_file(names: Collection[str], hub_id: HubId) -> str:
    """The one model in the repository's top folder; of the same in both formats the safe one."""
    top = sorted(name for name in names if "/" not in name and name.endswith(SINGLE_FILES))
    safe, pickled = SINGLE_FILES
    files = [n for n in top if n.endswith(safe) or n.removesuffix(pickled) + safe not in top]
    if not files:
        raise ModelError(
            f"model={str(hub_id)!r}: {hub_id.repo} has no {INDEX} and no .safetensors or "
            ".ckpt file; it is not a Stable Diffusion model"
        )
    if len(files) > 1:
        raise ModelError(
            f"model={str(hub_id)!r}: {hub_id.repo} contains {len(files)} models; choose one as "
            f"{hub_id.repo}/FILE: {', '.join(files)}"
        )
    return files[0]
