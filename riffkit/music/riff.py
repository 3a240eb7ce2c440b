"""The Python API's one object: a loaded model, and what it can do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import Parameter
from pathlib import Path
from typing import Any

from riffkit.diffusion.denoise import OnStep
from riffkit.errors import ParameterError
from riffkit.models.compute import Compute
from riffkit.models.pipeline import LoraSpec, Pipeline, load_pipeline
from riffkit.music.batch import Made, list_calls, make_all
from riffkit.music.batch_list import entries_of
from riffkit.music.clip import Clip
from riffkit.music.fields import about_of
from riffkit.music.registry import task, tasks
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.task import Task
from riffkit.music.values import call_of, random_seed


def load(
    model: str = "mini",
    *,
    device: str = "auto",
    loras: Sequence[LoraSpec] = (),
    dtype: str = "auto",
    compile: bool = False,  # noqa: A002 (torch.compile)
    offload: bool = False,
) -> Riff:
    """Load a model, ready to play.

    Args:
        model: a bundled name, a folder, a single file, or a hub id ("owner/name").
        device: "auto", "cpu", "cuda" or "mps".
        loras: LoRAs to add, each a file or the folder of a training run, as "PATH[:WEIGHT]" or
            (path, weight).
        dtype: precision of the weights: "auto", "float32", "float16" or "bfloat16".
        compile: compile the UNet at its first use (torch.compile).
        offload: keep idle networks in main memory, to save the GPU's.

    Returns:
        The model, with a method for each task.

    Raises:
        ModelError: the model or a LoRA is missing, incomplete, or doesn't fit.
        ParameterError: the device or the dtype isn't there.

    Example:
        riff = riffkit.load("mini", device="cpu")
    """
    compute = Compute(dtype=dtype, compile=compile, offload=offload)
    return Riff(load_pipeline(model, device=device, loras=loras, compute=compute))


@dataclass(frozen=True)
class Riff:
    """A loaded model; `riffkit.load` makes one.

    Each task is a method of its name, with the task's inputs and its request's fields as keywords:
    `riff.generate("lo-fi piano", bars=4)`, `riff.restyle("song.mp3", "harpsichord")`. Without a
    seed each call gives other music; `clip.recipe` says which was drawn. Where a prompt or a file
    may stand, a `Path` or a name that ends as an audio file or PNG does is a file.
    """

    pipeline: Pipeline

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of a task."""
        if name.startswith("_") or name not in tasks():
            raise AttributeError(f"Riff has no {name!r}; tasks: {', '.join(tasks())}")
        return _method(self, task(name))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *tasks()]

    def run(
        self, name: str, *, seed: int | None = None, on_step: OnStep | None = None, **values: Any
    ) -> list[Clip]:
        """The clips of a task by its name; `values` are its inputs and its request's fields.

        `on_step` is called with (steps done, steps in all). Raises ParameterError for a name or a
        value that can't be, with the nearest name that can.
        """
        call = call_of(task(name), {**values, "seed": seed}, seed=random_seed())
        session = Session(self.pipeline, on_step=on_step)
        return perform(session, prepare(session, call))

    def batch(
        self,
        entries: Sequence[str | Mapping[str, Any]],
        folder: str | Path,
        *,
        task: str = "generate",
        seed: int | None = None,
        engine: str = "local",
        workers: int | None = None,
        **options: Any,
    ) -> Iterator[Made]:
        """A clip of each entry as FOLDER/NNN-<its words>.wav, each with its PNG, as they are done.

        An entry is a prompt, or a mapping of a task's inputs and fields, perhaps with its own
        `task`; `options` are meant for all. A clip that lies there with the same recipe is kept;
        without a seed, whatever its seed. Workers that aren't this process load the model again:
        by `engine="local"` one a core, by "ray" those of a cluster. A `Made` whose `error` isn't
        empty couldn't be made.
        """
        calls = list_calls(
            entries_of(entries, task=task),
            Path(folder),
            seed=random_seed() if seed is None else seed,
            any_seed=seed is None,
            defaults=options,
        )
        return make_all(
            calls, self.pipeline.loading, pipeline=self.pipeline, engine=engine, workers=workers
        )

    def generate_many(
        self, prompts: Sequence[str | Mapping[str, Any]], folder: str | Path, **options: Any
    ) -> Iterator[Made]:
        """`batch` of the task `generate`."""
        return self.batch(prompts, folder, **options)


def _method(riff: Riff, of: Task[Any]) -> Callable[..., Any]:
    """A task as a function: of one clip that clip, of several a list."""
    signature = signature_of(of)
    positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]

    def method(*given: Any, **values: Any) -> Clip | list[Clip]:
        if len(given) > len(positional):
            raise ParameterError(
                f"{of.name}: takes {len(positional)} values without a name "
                f"({', '.join(positional)}); give the others as name=value"
            )
        first = dict(zip(positional, given, strict=False))
        if twice := sorted(first.keys() & values.keys()):
            raise ParameterError(f"{of.name}: {twice[0]} is given twice")
        clips = riff.run(of.name, **first, **values)
        return clips[0] if of.count is None else clips

    method.__name__ = method.__qualname__ = of.name
    method.__doc__ = f"{of.summary}\n\n{of.request.__doc__}"
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def signature_of(of: Task[Any]) -> inspect.Signature:
    """A task's inputs and fields as parameters; those that are positional on the command line are
    here too."""
    about = about_of(of.request)
    first: list[Parameter] = []
    rest: list[Parameter] = []
    for one in of.inputs:
        if one.name not in about:
            kind = Parameter.POSITIONAL_OR_KEYWORD if one.positional else Parameter.KEYWORD_ONLY
            is_open = Parameter.empty if one.required else None
            parameter = Parameter(one.name, kind, default=is_open, annotation="str | Path")
            (first if one.positional else rest).append(parameter)
    for field in fields(of.request):
        is_first = about[field.name].positional
        kind = Parameter.POSITIONAL_OR_KEYWORD if is_first else Parameter.KEYWORD_ONLY
        default: Any = None if field.name == "seed" else field.default
        if default is field.default and not isinstance(default, str | int | float | None):
            default = Parameter.empty
        parameter = Parameter(field.name, kind, default=default, annotation=str(field.type))
        (first if is_first else rest).append(parameter)
    rest.append(Parameter("on_step", Parameter.KEYWORD_ONLY, default=None, annotation="OnStep"))
    return inspect.Signature([*first, *rest])
