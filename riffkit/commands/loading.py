"""Options that say which model paints, and how it is held and run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from riffkit.commands.options import Device, Lora, Model, show_notes

DtypeName = Literal["auto", "float32", "float16", "bfloat16"]
_Dtype = Annotated[DtypeName, typer.Option(help="Numbers that networks are held in.")]
_Compile = Annotated[bool, typer.Option("--compile", help="Compile the network: pays for many.")]
_Offload = Annotated[bool, typer.Option("--offload", help="Networks wait in main memory.")]


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
        """What `load_pipeline` takes."""
        from riffkit.models.compute import Compute

        compute = Compute(dtype=self.dtype, compile=self.compile, offload=self.offload)
        return {
            "model": self.model,
            "device": self.device,
            "loras": self.lora or (),
            "compute": compute,
        }

    def pipeline(self, *, quiet: bool) -> Any:
        """The loaded model, and its notes shown."""
        from riffkit.commands.models import fetch_missing
        from riffkit.models.pipeline import load_pipeline

        fetch_missing(self.model, quiet=quiet)
        pipeline = load_pipeline(**self.arguments)
        show_notes(pipeline.notes, quiet=quiet)
        return pipeline
