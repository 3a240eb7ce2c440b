"""The transcriber's file, of the runs of its two networks."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from riffkit.analysis.transcription.network import Transcriber
from riffkit.atomic import atomic_path
from riffkit.training.state import load_ema, read_state


def export_transcriber(pitches: Path, drums: Path, path: Path) -> None:
    """Write the averaged weights of two states as one safetensors file in half precision."""
    network = Transcriber()
    load_ema(network.pitches, pitches)
    load_ema(network.drums, drums)
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    seen = {"pitches": pitches, "drums": drums}
    facts = {"images_seen": {part: read_state(file)["images_seen"] for part, file in seen.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file(weights, temporary, metadata={"facts": json.dumps(facts)})
