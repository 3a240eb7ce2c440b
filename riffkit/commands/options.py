"""Options that commands share, and how they write files.

The command line imports torch and diffusers only inside the commands that need them, so that
`riff --help` answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from riffkit.commands.printing import say
from riffkit.errors import ParameterError
from riffkit.limits import Quality as QualityName
from riffkit.limits import bpm_text

if TYPE_CHECKING:
    from riffkit.audio.encoding import Storage

Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="File to write: .wav, .flac, .ogg or .mp3; for a list, a folder."
    ),
]
BitsName = Literal["16", "24", "float"]
Bits = Annotated[
    BitsName | None, typer.Option(help="Bits of a sample, in WAV and FLAC.  [default: 16]")
]
Rate = Annotated[
    int | None,
    typer.Option("--rate", metavar="HZ", help="Sample rate of the file. Default: the clip's."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that aren't riffkit's own.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Hide the progress bar and notes.")]
Model = Annotated[str, typer.Option(help="Bundled name, folder, file, or hub id.")]
Lora = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH[:WEIGHT]", help="LoRA file or run to add; repeatable."),
]
Vocoder = Annotated[str, typer.Option(help="Turns images into sound; see `riff models list`.")]
Quality = Annotated[QualityName, typer.Option(help="The vocoder's speed or fidelity.")]
Preset = Annotated[str | None, typer.Option(help="riffusion-v1, full-band or crisp.")]


def output_paths(output: Path | None, prompt: str, count: int) -> list[Path]:
    """One path per clip; without --output, an unused name made from the prompt."""
    from riffkit.music.outputs import unused
    from riffkit.music.task import numbered

    if output is not None:
        return numbered(output, count)
    free = unused(prompt, ".wav")
    return [next(free) for _ in range(count)]


def storage_of(bits: BitsName | None, sample_rate: int | None, *paths: Path) -> Storage:
    """How files of these names store their samples, checked for each."""
    from riffkit.audio.encoding import Storage

    names: dict[str | None, Any] = {None: None, "float": "float", "16": 16, "24": 24}
    storage = Storage(names[bits], sample_rate)
    for path in paths:
        storage.check(path)
    return storage


def explicit(ctx: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values given on the command line (click's context `ctx`), without defaults."""
    given = {
        name
        for name in values
        if (source := ctx.get_parameter_source(name)) is None or source.name == "COMMANDLINE"
    }
    return {name: value for name, value in values.items() if name in given and value is not None}


def put(clip: Any, target: Any, storage: Storage, *, as_json: bool) -> None:
    """Write a clip, its PNG and its stems, if they are asked for; print a line about it."""
    from riffkit.music.outputs import write_clip

    with_stems = write_clip(clip, target, storage)
    facts, text = described(target.audio, target.image, clip.seconds, clip.image.grid, clip.recipe)
    if with_stems:
        facts["stems"] = str(target.stems)
        text += f"; stems in {target.stems}"
    say(facts, text, as_json=as_json)


def described(
    path: Path, image: Path, seconds: float, grid: Any, recipe: Any
) -> tuple[dict[str, Any], str]:
    """A clip's description as JSON facts and as a line of text."""
    facts = {
        "audio": str(path),
        "image": str(image),
        "seconds": round(seconds, 3),
        "bpm": grid.bpm if grid else None,
        "key": recipe.arguments["key"],
        "beats": grid.n_beats if grid else None,
        "seed": recipe.arguments["seed"],
        "model": recipe.model["name"],
    }
    text = f"{path} and {image.name}: {seconds:.2f} s"
    text += f", {bpm_text(grid.bpm)} BPM" if grid else ""
    text += f", {facts['key']}" if facts["key"] else ""
    return facts, f"{text}, seed {facts['seed']}"


def check_png_name(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise ParameterError(f"image={path.name!r}: must end in .png")
