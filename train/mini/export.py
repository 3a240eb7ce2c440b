"""The bundled model as a pipeline folder that diffusers alone can load."""

from __future__ import annotations

import shutil
from pathlib import Path

from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from transformers import CLIPTokenizer

from riffkit.spectrogram.params import FULL_BAND
from riffkit.training.export import replacing, write_json, write_pipeline
from riffkit.training.state import load_ema
from train.mini.full import SCHEDULE, TextToLatents, new_unet
from train.mini.render import NATIVE_TONICS
from train.mini.text import new_text_encoder
from train.traits import music_traits

DEFAULT_STEPS = 20
DEFAULT_GUIDANCE = 3.0
DEFAULT_BPM = 100.0


def export_pipeline(run: Path, folder: Path) -> None:
    """Write the averaged weights of `run` to `folder` in float16; an older folder is replaced."""
    network = TextToLatents(new_unet(), new_text_encoder())
    load_ema(network, run / "full" / "state.pt")
    exported = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(run / "vae"),
        text_encoder=network.text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(str(run / "tokenizer")),
        unet=network.unet,
        scheduler=DPMSolverMultistepScheduler(
            **SCHEDULE,
            algorithm_type="dpmsolver++",
            solver_order=2,
            timestep_spacing="trailing",
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with replacing(folder) as temporary:
        write_pipeline(exported, temporary, tokenizer=run / "tokenizer")
        write_json(temporary / "spectrogram.json", FULL_BAND.to_dict())
        write_json(temporary / "riffkit.json", _traits())
        if (folder / "README.md").exists():  # the model card is written by hand
            shutil.copy2(folder / "README.md", temporary / "README.md")


def _traits() -> dict[str, object]:
    return {
        **music_traits(),
        "default_steps": DEFAULT_STEPS,
        "default_guidance": DEFAULT_GUIDANCE,
        "default_bpm": DEFAULT_BPM,
        "native_tonics": list(NATIVE_TONICS),
    }
