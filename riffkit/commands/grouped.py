"""Options that all painting commands share, each said once.

A command takes a group of them as one parameter; `with_groups` shows its fields as options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any, Literal, get_type_hints

import typer

from riffkit.commands.options import (
    BeatsPerBar,
    Device,
    Guidance,
    Lora,
    Model,
    NegativePrompt,
    Quality,
    Seed,
    Steps,
    Vocoder,
    chosen_seed,
    show_notes,
)

_Sampler = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="dpm++2m, unipc, euler-a, lcm …; default: model's."),
]
_Interval = Annotated[
    str | None,
    typer.Option(metavar="A:B", help="Guide only from A to B of the steps: 0:0.6 saves time."),
]
_DeepCache = Annotated[
    int, typer.Option(metavar="N", help="Deep features anew every N steps: faster, less exact.")
]
DtypeName = Literal["auto", "float32", "float16", "bfloat16"]
_Dtype = Annotated[DtypeName, typer.Option(help="Numbers that networks are held in.")]
_Compile = Annotated[bool, typer.Option("--compile", help="Compile the network: pays for many.")]
_Offload = Annotated[bool, typer.Option("--offload", help="Networks wait in main memory.")]


@dataclass(frozen=True)
class Painting:
    """How it is painted: fields of every request."""

    negative_prompt: NegativePrompt = ""
    beats_per_bar: BeatsPerBar = 4
    steps: Steps = None
    guidance: Guidance = None
    guidance_interval: _Interval = None
    sampler: _Sampler = None
    deep_cache: _DeepCache = 1
    vocoder: Vocoder = "griffin-lim"
    quality: Quality = "default"
    seed: Seed = None

    @property
    def options(self) -> dict[str, Any]:
        """All but the seed."""
        return {name: value for name, value in asdict(self).items() if name != "seed"}

    @property
    def seeded(self) -> dict[str, Any]:
        """With a new seed if none was given."""
        return {**self.options, "seed": chosen_seed(self.seed)}


@dataclass(frozen=True)
class Loading:
    """Which model, and how it is held and run."""

    model: Model = "mini"
    lora: Lora = None
    device: Device = "auto"
    dtype: _Dtype = "auto"
    compile: _Compile = False
    offload: _Offload = False

    @property
    def arguments(self) -> dict[str, Any]:
        """What `load_checkpoint` takes."""
        from riffkit.diffusion.compute import Compute

        compute = Compute(dtype=self.dtype, compile=self.compile, offload=self.offload)
        return {
            "model": self.model,
            "device": self.device,
            "loras": self.lora or (),
            "compute": compute,
        }

    def checkpoint(self, *, quiet: bool) -> Any:
        """The loaded model, and its notes shown."""
        from riffkit.commands.models import fetch_missing
        from riffkit.diffusion.checkpoint import load_checkpoint

        fetch_missing(self.model, quiet=quiet)
        checkpoint = load_checkpoint(**self.arguments)
        show_notes(checkpoint.notes, quiet=quiet)
        return checkpoint


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of the dataclasses that it takes."""
    groups: dict[str, type[Any]] = {}
    parameters: list[Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if not is_dataclass(kind):
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=kind))
            continue
        assert isinstance(kind, type)
        groups[name] = kind
        kinds = get_type_hints(kind, include_extras=True)
        parameters += [
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=kinds[field.name],
            )
            for field in fields(kind)
        ]

    @wraps(command)
    def run(**values: Any) -> None:
        grouped = {
            name: kind(**{field.name: values.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        command(**values, **grouped)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__wrapped__
    return run
