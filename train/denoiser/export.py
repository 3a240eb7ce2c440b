"""A run's averaged weights, or a snapshot's, as a guided model folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    StableDiffusionInstructPix2PixPipeline,
)

from riffkit.errors import ParameterError
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.training.export import replacing, write_json, write_pipeline
from riffkit.training.state import load_ema
from train.denoiser import folded_pipeline
from train.denoiser.fingerprint import fingerprint_of
from train.denoiser.network import TOKENIZER, DenoiserConfig, GuidedDenoiser, read_tokenizer
from train.denoiser.run import new_network, read_config
from train.denoiser.task import SCHEDULE
from train.snapshot import load_snapshot
from train.traits import music_traits

DEFAULT_STEPS = 20
DEFAULT_GUIDANCE = 2.0
DEFAULT_BPM = 100.0
_README = """# A riff-mini 2

A guided model of `riff train denoiser`: the UNet's further input channels are for the latents of a
guide image (riffkit/score/guide.py). riffkit loads the folder as it is.

The autoencoder works on pixels that are folded into channels, 4 × 4 × 3 at a time, and diffusers'
own pipelines don't fold. `pipeline.py` does:

    DiffusionPipeline.from_pretrained(FOLDER, custom_pipeline=FOLDER, trust_remote_code=True)
"""


def export(
    run: Path, vae: Path, folder: Path, params: SpectrogramParams, *, ema_decay: float | None = None
) -> None:
    """Write the averaged weights of `run` to `folder` in float16; an older folder is replaced.

    `run` may be a snapshot. `vae` is the frozen autoencoder's folder. ParameterError where the
    weights are of another one.
    """
    network = _network(run, vae, ema_decay)
    exported = StableDiffusionInstructPix2PixPipeline(
        vae=AutoencoderKL.from_pretrained(vae),
        text_encoder=network.text_encoder,
        tokenizer=read_tokenizer(),
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
        write_pipeline(exported, temporary, tokenizer=TOKENIZER)
        write_json(temporary / "spectrogram.json", params.to_dict())
        write_json(temporary / "riffkit.json", _traits())
        shutil.copy2(folded_pipeline.__file__, temporary / "pipeline.py")
        (temporary / "README.md").write_text(_README, encoding="utf-8")
        if (folder / "README.md").exists():  # the model card is written by hand
            shutil.copy2(folder / "README.md", temporary / "README.md")


def _traits() -> dict[str, object]:
    return {
        **music_traits(),
        "default_steps": DEFAULT_STEPS,
        "default_guidance": DEFAULT_GUIDANCE,
        "default_bpm": DEFAULT_BPM,
        "guided": True,
    }


def _network(run: Path, vae: Path, ema_decay: float | None) -> GuidedDenoiser:
    snapshot = load_snapshot(run) if run.is_file() else None
    said = read_config(run) if snapshot is None else snapshot.config
    if said["autoencoder"] != (wanted := fingerprint_of(vae)):
        raise ParameterError(
            f"run={str(run)!r}: was trained with the autoencoder {said['autoencoder']}, not "
            f"{wanted}; give --vae that one"
        )
    network = new_network(DenoiserConfig.from_dict(said["network"]), len(said["facts"]))
    if snapshot is not None:
        snapshot.load_into(network)
    else:
        load_ema(network, run / "state.pt", decay=ema_decay)
    return network
