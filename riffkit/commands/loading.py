"""Options for choosing the model, and how it is loaded and run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from riffkit.commands.options import Device, Lora, Model
from riffkit.commands.printing import loading, show_notes

DtypeName = Literal["auto", "float32", "float16", "bfloat16"]
_Dtype = Annotated[DtypeName, typer.Option(help="Precision of the network weights.")]
_Compile = Annotated[
    bool, typer.Option("--compile", help="Use torch.compile; pays off for many clips.")
]
_Offload = Annotated[bool, typer.Option("--offload", help="Keep idle networks in CPU RAM.")]


@dataclass(frozen=True)
class Loading:
    """Which model to use, and how to load and run it."""

    model: Model = "mini"
    lora: Lora = None
    device: Device = "auto"
    dtype: _Dtype = "auto"
    compile: _Compile = False
    offload: _Offload = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `load_pipeline`."""
        from riffkit.models.compute import Compute

        compute = Compute(dtype=self.dtype, compile=self.compile, offload=self.offload)
        return {
            "model": self.model,
            "device": self.device,
            "loras": self.lora or (),
            "compute": compute,
        }

    def pipeline(self, *, quiet: bool) -> Any:
        """Load the model and print its notes."""
        from riffkit.commands.models import fetch_missing

        fetch_missing(self.model, quiet=quiet)
        with loading(quiet=quiet):
            from riffkit.models.pipeline import load_pipeline

            pipeline = load_pipeline(**self.arguments)
        show_notes(pipeline.notes, quiet=quiet)
        return pipeline
