"""Music by image diffusion: prompts become spectrogram images, images become sound.

    import riffkit
    riff = riffkit.load()
    clip = riff.generate("lo-fi piano, rainy", bars=4, bpm=84, seed=7)
    clip.save("piano.wav")
    clip.image.save("piano.png")

The public names are in `__all__`. Importing is light: torch and diffusers are imported with the
first name that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riffkit.errors import (
    AudioFileError,
    ImageFileError,
    ModelError,
    OutputError,
    ParameterError,
    RiffkitError,
    WorkerError,
)
from riffkit.imports import prepare as _prepare

if TYPE_CHECKING:
    from riffkit.dataset.build import Built, build_dataset
    from riffkit.dataset.check import check_dataset
    from riffkit.dataset.resolve import BuildRequest
    from riffkit.export.dawproject import export_dawproject
    from riffkit.export.exporter import Exported, Exporter
    from riffkit.export.midi import export_midi
    from riffkit.export.pack import export_pack
    from riffkit.export.reaper import export_reaper
    from riffkit.export.stems import export_stems
    from riffkit.export.video import export_video
    from riffkit.export.wav import export_wav
    from riffkit.genre.train import Genre, train_genre
    from riffkit.models.catalogue import describe_model, list_models
    from riffkit.music.batch import Made
    from riffkit.music.clip import Clip
    from riffkit.music.codec import decode, encode
    from riffkit.music.composing import Composition
    from riffkit.music.inspect import inspect
    from riffkit.music.methods import compose
    from riffkit.music.registry import register
    from riffkit.music.replay import Replay, replay
    from riffkit.music.riff import Riff, load
    from riffkit.music.task import Input, Task
    from riffkit.provenance.recipe import Recipe
    from riffkit.spectrogram.beat_grid import BeatGrid
    from riffkit.spectrogram.image import SpectrogramImage
    from riffkit.spectrogram.params import SpectrogramParams
    from riffkit.training.settings import FullSettings, LoraSettings
    from riffkit.training.tuning_run import tune
    from riffkit.vocoder.base import InpaintingVocoder, Vocoder

__version__ = "0.2.0.dev0"

_prepare()

__all__ = [
    "AudioFileError",
    "BeatGrid",
    "BuildRequest",
    "Built",
    "Clip",
    "Composition",
    "Exported",
    "Exporter",
    "FullSettings",
    "Genre",
    "ImageFileError",
    "InpaintingVocoder",
    "Input",
    "LoraSettings",
    "Made",
    "ModelError",
    "OutputError",
    "ParameterError",
    "Recipe",
    "Replay",
    "Riff",
    "RiffkitError",
    "SpectrogramImage",
    "SpectrogramParams",
    "Task",
    "Vocoder",
    "WorkerError",
    "__version__",
    "build_dataset",
    "check_dataset",
    "compose",
    "decode",
    "describe_model",
    "encode",
    "export_dawproject",
    "export_midi",
    "export_pack",
    "export_reaper",
    "export_stems",
    "export_video",
    "export_wav",
    "inspect",
    "list_models",
    "load",
    "register",
    "replay",
    "train_genre",
    "tune",
]

_HOMES = {
    "riffkit.dataset.build": ("Built", "build_dataset"),
    "riffkit.dataset.check": ("check_dataset",),
    "riffkit.dataset.resolve": ("BuildRequest",),
    "riffkit.export.exporter": ("Exported", "Exporter"),
    "riffkit.export.dawproject": ("export_dawproject",),
    "riffkit.export.midi": ("export_midi",),
    "riffkit.export.pack": ("export_pack",),
    "riffkit.export.reaper": ("export_reaper",),
    "riffkit.export.stems": ("export_stems",),
    "riffkit.export.video": ("export_video",),
    "riffkit.export.wav": ("export_wav",),
    "riffkit.genre.train": ("Genre", "train_genre"),
    "riffkit.models.catalogue": ("describe_model", "list_models"),
    "riffkit.music.batch": ("Made",),
    "riffkit.music.clip": ("Clip",),
    "riffkit.music.codec": ("decode", "encode"),
    "riffkit.music.composing": ("Composition",),
    "riffkit.music.inspect": ("inspect",),
    "riffkit.music.methods": ("compose",),
    "riffkit.music.registry": ("register",),
    "riffkit.music.replay": ("Replay", "replay"),
    "riffkit.music.riff": ("Riff", "load"),
    "riffkit.music.task": ("Input", "Task"),
    "riffkit.provenance.recipe": ("Recipe",),
    "riffkit.spectrogram.beat_grid": ("BeatGrid",),
    "riffkit.spectrogram.image": ("SpectrogramImage",),
    "riffkit.spectrogram.params": ("SpectrogramParams",),
    "riffkit.training.settings": ("FullSettings", "LoraSettings"),
    "riffkit.training.tuning_run": ("tune",),
    "riffkit.vocoder.base": ("InpaintingVocoder", "Vocoder"),
}


def __getattr__(name: str) -> Any:
    """A public name, imported on first access (PEP 562)."""
    import importlib

    for module, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
