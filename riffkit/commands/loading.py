"""Options for choosing the model, and how it is loaded and run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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

    def check(self) -> list[Path]:
        """The files that will be read, known to be there; answered before torch is imported."""
        from riffkit.limits import check_device
        from riffkit.models.locate import local_model
        from riffkit.models.lora_file import lora_file, parse_lora

        check_device(self.device)
        model = local_model(self.model)
        loras = [lora_file(parse_lora(text)[0]) for text in self.lora or ()]
        return [*loras, *([model] if model is not None else [])]

    def pipeline(self, *, quiet: bool) -> Any:
        """Load the model and print its notes."""
        from riffkit.commands.models import fetch_missing

        fetch_missing(self.model, quiet=quiet)
        with loading(quiet=quiet):
            from riffkit.models.pipeline import load_pipeline

            pipeline = load_pipeline(**self.arguments)
        show_notes(pipeline.notes, quiet=quiet)
        return pipeline
