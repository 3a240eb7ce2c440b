"""The main object of the Python API: a loaded model with a method for each task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

from riffkit.audio.encoding import Bits, Storage
from riffkit.diffusion.denoise import OnStep
from riffkit.errors import ParameterError
from riffkit.models.compute import Compute
from riffkit.models.pipeline import LoraSpec, Pipeline, load_pipeline
from riffkit.music.batch import Made, list_calls, make_all
from riffkit.music.batch_list import entries_of
from riffkit.music.clip import Clip
from riffkit.music.fields import about_of
from riffkit.music.methods import TaskMethods
from riffkit.music.registry import task, tasks
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.signatures import request_parameters, typed_parameter
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
        offload: keep idle networks in CPU RAM, to save GPU memory.

    Returns:
        The model, with a method for each task.

    Raises:
        ModelError: the model or a LoRA is missing, incomplete or incompatible.
        ParameterError: the device or dtype isn't available.

    Example:
        riff = riffkit.load("mini", device="cpu")
    """
    compute = Compute(dtype=dtype, compile=compile, offload=offload)
    return Riff(load_pipeline(model, device=device, loras=loras, compute=compute))


@dataclass(frozen=True)
class Riff(TaskMethods):
    """A loaded model; `riffkit.load` makes one.

    Each task is a method of its name, with the task's inputs and its request's fields as keywords.
    Without a seed, each call gives different music; `clip.recipe` has the seed drawn. Where a
    prompt or a file is accepted, a `Path` is a file, and so is text that names a sound or image.
    """

    pipeline: Pipeline

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of a task that was registered."""
        if name.startswith("_") or name not in tasks():
            raise AttributeError(f"Riff has no {name!r}; tasks: {', '.join(tasks())}")
        added = task(name)

        def method(*given: Any, **values: Any) -> Clip | list[Clip]:
            return self._perform(name, given, values)

        method.__name__ = method.__qualname__ = name
        method.__doc__ = f"{added.summary}\n\n{added.request.__doc__}"
        method.__signature__ = signature_of(added)  # type: ignore[attr-defined]
        return method

    def __repr__(self) -> str:
        return f"<Riff {self.pipeline.name} on {self.pipeline.device}>"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *tasks()]

    def _perform(
        self, name: str, given: Sequence[Any], values: Mapping[str, Any]
    ) -> Clip | list[Clip]:
        """Run a task; a single clip is returned as is, several as a list."""
        parameters = signature_of(task(name)).parameters.values()
        positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        if len(given) > len(positional):
            raise ParameterError(
                f"{name}: takes {len(positional)} positional values "
                f"({', '.join(positional)}); pass the others as name=value"
            )
        first = dict(zip(positional, given, strict=False))
        if twice := sorted(first.keys() & values.keys()):
            raise ParameterError(f"{name}: {twice[0]} is given twice")
        clips = self.run(name, **first, **values)
        return clips[0] if task(name).count is None else clips

    def run(
        self, name: str, *, seed: int | None = None, on_step: OnStep | None = None, **values: Any
    ) -> list[Clip]:
        """Run a task by its name.

        Args:
            name: the task's name, such as "generate".
            seed: same seed, same result; None draws one.
            on_step: called with the steps done and all steps after each denoising step.
            values: the task's inputs and its request's fields.

        Returns:
            The clips; one for most tasks.

        Raises:
            ParameterError: an unknown name (the message suggests the nearest) or an invalid value.
            AudioFileError, ImageFileError: a file that can't be read.

        Example:
            (clip,) = riff.run("generate", prompt="lo-fi piano", bars=4)
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
        bits: Bits | None = None,
        sample_rate: int | None = None,
        force: bool = False,
        **options: Any,
    ) -> Iterator[Made]:
        """Write a clip for each entry as FOLDER/NNN-<its words>.wav, with its PNG beside it.

        An existing clip with the same recipe is kept; without `seed`, whatever its seed.

        Args:
            entries: prompts, or mappings of a task's inputs and fields, optionally with a `task`.
            folder: folder for the clips; created if missing.
            task: the task of entries that don't name one.
            seed: seed of the first clip; it counts up by one per clip. None draws one.
            engine: "local" (one worker per core, or one in all on a GPU) or "ray" (one per GPU of
                this machine or a cluster); each worker loads the model.
            workers: how many.
            bits: 16 (the default), 24 or "float", as for `Clip.save`.
            sample_rate: the rate of the files in Hz, as for `Clip.save`.
            force: replace files there that aren't riffkit's own.
            options: inputs and fields for entries that don't set them.

        Returns:
            An iterator of `Made`, in order, as clips are done. A failed clip has a non-empty
            `error` and doesn't stop the others.

        Raises:
            ParameterError: an invalid entry, given by number, before anything is made.
            OutputError: the folder can't be written, or holds a file of that name that isn't
                riffkit's own.
            WorkerError: a worker died, or the cluster can't be reached.

        Example:
            for made in riff.batch(["lo-fi piano", "techno"], "clips", bars=4):
                print(made.path, made.error or "done")
        """
        if isinstance(entries, str | Path):
            raise ParameterError(
                f"entries={str(entries)!r}: must be a list of prompts or mappings; "
                "`riff batch` reads them from a file"
            )
        calls = list_calls(
            entries_of(entries, task=task),
            Path(folder),
            seed=random_seed() if seed is None else seed,
            any_seed=seed is None,
            defaults=options,
        )
        return make_all(
            calls,
            self.pipeline.loading,
            pipeline=self.pipeline,
            engine=engine,
            workers=workers,
            force=force,
            storage=Storage(bits, sample_rate),
        )

    def generate_many(
        self, prompts: Sequence[str | Mapping[str, Any]], folder: str | Path, **options: Any
    ) -> Iterator[Made]:
        """Make a clip for each prompt; the same as `batch` with task "generate".

        Args:
            prompts: prompts, or mappings of `generate`'s inputs and fields.
            folder: folder for the clips.
            options: as for `batch`.

        Returns:
            An iterator of `Made`.

        Raises:
            ParameterError: as for `batch`.

        Example:
            clips = list(riff.generate_many(["lo-fi piano", "techno"], "clips"))
        """
        return self.batch(prompts, folder, **options)


def signature_of(of: Task[Any]) -> Signature:
    """A task's inputs and fields as parameters; those that are positional on the command line are
    positional here too.
    """
    about = about_of(of.request)
    has_script = any(one.expand is not None for one in of.inputs)  # whose values may be all
    or_prompt = {one.name for one in of.inputs if one.or_prompt}
    first: list[Parameter] = []
    rest: list[Parameter] = []
    for one in of.inputs:
        if one.name not in about:
            kind = Parameter.POSITIONAL_OR_KEYWORD if one.positional else Parameter.KEYWORD_ONLY
            is_open = one.required and one.expand is None
            parameter = typed_parameter(
                one.name, kind, Parameter.empty if is_open else None, "str | Path"
            )
            (first if one.positional else rest).append(parameter)
    for parameter in request_parameters(of.request, or_prompt=or_prompt, all_open=has_script):
        (rest if parameter.kind is Parameter.KEYWORD_ONLY else first).append(parameter)
    rest.append(typed_parameter("on_step", Parameter.KEYWORD_ONLY, None, "OnStep"))
    return Signature([*first, *rest])
