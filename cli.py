"""The command line `riff`: parse, one call into riffkit, one printed line.

Importing this module imports neither torch nor diffusers, so that `riff --help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from riffkit.errors import ParameterError, RiffkitError
from riffkit.memory import keep_freed_memory
from train.commands import app as train_app

app = typer.Typer(
    name="riff",
    help="Music by spectrogram-image diffusion, offline on a laptop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="Show the models at hand.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(train_app, name="train")

Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")]
Seed = Annotated[int | None, typer.Option(help="Same seed, same result; default: a new one.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print one machine-readable line.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar, no notes.")]
Model = Annotated[str, typer.Option(help="Bundled name, folder, or hub id.")]
Vocoder = Annotated[str, typer.Option(help="How images become sound; see `riff models list`.")]
# the same words as riffkit.vocoder.base.QUALITIES, which would bring torch in here
QualityName = Literal["preview", "default", "high"]
Quality = Annotated[QualityName, typer.Option(help="Speed against fidelity of the vocoder.")]
Preset = Annotated[str | None, typer.Option(help="riffusion-v1 or full-band.")]
Bpm = Annotated[float | None, typer.Option(help="Tempo in beats a minute.")]


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="The music in words: 'lo-fi piano, rainy'.")],
    output: Output = None,
    negative_prompt: Annotated[str, typer.Option(help="What to keep away from.")] = "",
    bars: Annotated[int | None, typer.Option(help="Length in bars.  [default: 2]")] = None,
    bpm: Annotated[float | None, typer.Option(help="Default: the prompt's or style's.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, instead of --bars.")] = None,
    key: Annotated[str | None, typer.Option(help="'A minor'; default: the prompt's.")] = None,
    beats_per_bar: Annotated[int, typer.Option(help="4 for 4/4, 3 for a waltz.")] = 4,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; default: model's.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Prompt's pull; default: model's.")] = None,
    count: Annotated[int, typer.Option(help="How many clips, each with the next seed.")] = 1,
    loop: Annotated[bool, typer.Option("--loop", help="Plays round without a seam.")] = False,
    model: Model = "mini",
    vocoder: Vocoder = "griffin-lim",
    quality: Quality = "default",
    seed: Seed = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make music from a prompt: an audio file, and its PNG."""
    if count < 1:
        raise ParameterError(f"count={count}: must be at least 1")
    paths = _output_paths(output, prompt, count)
    from riffkit.atomic import check_output_path
    from riffkit.audio.encoding import format_of

    for path in paths:
        format_of(path)
        check_output_path(path)
        check_output_path(path.with_suffix(".png"))
    from riffkit.music.generate import GenerateRequest, plan_for
    from riffkit.music.generate import generate as generate_clip
    from riffkit.music.riff import random_seed

    first_seed = random_seed() if seed is None else seed
    requests = [
        GenerateRequest(
            prompt, negative_prompt=negative_prompt, bars=bars, bpm=bpm, duration=duration,
            key=key, beats_per_bar=beats_per_bar, steps=steps, guidance=guidance,
            seed=first_seed + index, loop=loop, vocoder=vocoder, quality=quality,
        )
        for index in range(count)
    ]  # fmt: skip
    from riffkit.diffusion.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(model, device=device)
    n_steps = sum(plan_for(request, checkpoint).steps for request in requests)
    with _progress("painting", n_steps, quiet=quiet) as advance:
        for path, request in zip(paths, requests, strict=True):
            clip = generate_clip(checkpoint, request, on_step=lambda done, total: advance())
            _save_pair(clip, path)
            _notes(clip.notes, quiet=quiet)
            grid = clip.image.grid
            facts = {
                "audio": str(path),
                "image": str(path.with_suffix(".png")),
                "seconds": round(clip.seconds, 3),
                "bpm": grid.bpm if grid else None,
                "key": clip.recipe.arguments["key"],
                "beats": grid.n_beats if grid else None,
                "seed": request.seed,
                "model": checkpoint.name,
            }
            text = f"{path} and {path.with_suffix('.png').name}: {clip.seconds:.2f} s"
            text += f", {grid.bpm:g} BPM" if grid else ""
            text += f", {facts['key']}" if facts["key"] else ""
            _say(facts, f"{text}, seed {request.seed}", as_json=as_json)


@app.command()
def encode(
    audio: Annotated[Path, typer.Argument(help="WAV, FLAC, OGG or MP3 file.")],
    png: Annotated[Path, typer.Argument(help="Image to write.")],
    preset: Annotated[str, typer.Option(help="riffusion-v1 or full-band.")] = "riffusion-v1",
    bpm: Annotated[float | None, typer.Option(help="Lay it out in beats of this tempo.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn audio into a spectrogram image."""
    from riffkit.atomic import check_output_path

    _check_png_name(png)
    check_output_path(png)
    from riffkit.music.codec import encode_file

    with _progress("encoding", None, quiet=quiet):
        image = encode_file(audio, preset=preset, bpm=bpm)
        image.save(png)
    facts = {"image": str(png), "width": image.n_frames, "samples": image.n_samples}
    _say(facts, f"{png}: {image.n_frames} × {image.params.n_mels} px", as_json=as_json)


@app.command()
def decode(
    png: Annotated[Path, typer.Argument(help="Spectrogram image.")],
    audio: Annotated[Path, typer.Argument(help="WAV, FLAC, OGG or MP3 file to write.")],
    vocoder: Vocoder = "griffin-lim",
    quality: Quality = "default",
    bpm: Annotated[float | None, typer.Option(help="Play it at this tempo.")] = None,
    transpose: Annotated[float, typer.Option(help="Semitones higher, at the same tempo.")] = 0.0,
    preset: Preset = None,
    seed: Annotated[int, typer.Option(help="Same seed, same samples.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn a spectrogram image into audio."""
    from riffkit.atomic import check_output_path
    from riffkit.audio.encoding import format_of

    format_of(audio)
    check_output_path(audio)
    from riffkit.music.codec import decode_file

    with _progress("decoding", None, quiet=quiet):
        clip = decode_file(
            png, vocoder=vocoder, quality=quality, bpm=bpm, transpose=transpose, preset=preset,
            seed=seed, device=device,
        )  # fmt: skip
        clip.save(audio)
    _notes(clip.notes, quiet=quiet)
    facts = {"audio": str(audio), "seconds": clip.seconds, "samples": clip.waveform.shape[-1]}
    _say(facts, f"{audio}: {clip.seconds:.2f} s", as_json=as_json)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Audio file or spectrogram image.")],
    preset: Preset = None,
    as_json: Json = False,
) -> None:
    """Show a file's recipe, parameters, tempo, key and loudness."""
    from riffkit.music.inspect import inspect_file

    facts = inspect_file(file, preset=preset)
    _say(facts, "\n".join(_lines(facts)), as_json=as_json)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Audio file or image made by riffkit.")],
    output: Output = None,
    model: Annotated[str | None, typer.Option(help="Where its model is, if not bundled.")] = None,
    source: Annotated[Path | None, typer.Option(help="The encoded or decoded input.")] = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a file again from its recipe, and compare."""
    from riffkit.atomic import check_output_path
    from riffkit.music.replay import replay as replay_file

    path = output or file.with_name(f"{file.stem}-replay{file.suffix}")
    check_output_path(path)
    with _progress("replaying", None, quiet=quiet):
        result = replay_file(file, path, model=model, source=source, device=device)
    facts = {
        "file": str(path),
        "same": result.same,
        "compared": result.compared,
        "differences": list(result.differences),
    }
    verdict = f"the same {result.compared}" if result.same else f"not the same {result.compared}"
    reasons = f" ({'; '.join(result.differences)})" if result.differences else ""
    _say(facts, f"{path}: {verdict}{reasons}", as_json=as_json)


@app.command("eval")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder for the clips and the report.")],
    model: Model = "mini",
    prompts: Annotated[int, typer.Option(help="How many of the 200 fixed prompts.")] = 200,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; default: model's.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Prompt's pull; default: model's.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Folder of audio to be like; default: unseen renders.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first clip.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a model on fixed prompts: loops, and a report of how well they follow."""
    from riffkit.diffusion.checkpoint import load_checkpoint
    from riffkit.evaluation.judge import judge
    from riffkit.evaluation.reference import load_reference
    from riffkit.evaluation.report import summary, write_report
    from riffkit.evaluation.run import Evaluation, make_clips, read_clips, sounds_of

    evaluation = Evaluation(prompts, seed=seed, steps=steps, guidance=guidance)
    measure = load_reference()
    sounds = None if reference is None else sounds_of(reference)
    checkpoint = load_checkpoint(model, device=device)
    audio, readings = [], []
    with _progress("making and judging", 2 * prompts, quiet=quiet) as advance:
        for path in make_clips(checkpoint, evaluation, folder):
            audio.append(path)
            advance()
        for reading in read_clips(evaluation, folder):
            readings.append(reading)
            advance()
    scores = judge(readings, measure, sounds=sounds)
    asked = [prompt for prompt, _ in evaluation.requests()]
    title = f"{checkpoint.name}: {prompts} prompts"
    report = write_report(folder, title, scores, asked, readings, audio)
    facts = {"report": str(report), "scores": {s.name: asdict(s) for s in scores}}
    _say(facts, "\n".join((*summary(scores), str(report))), as_json=as_json)


@models_app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models and vocoders that are at hand."""
    from riffkit.music.models import list_models as at_hand

    facts = at_hand()
    _say({"models": facts}, "\n".join(f"{m['name']}  {m['about']}" for m in facts), as_json=as_json)


@models_app.command("show")
def show_model(
    model: Annotated[str, typer.Argument(help="Bundled name, folder, or hub id.")],
    as_json: Json = False,
) -> None:
    """Show a model's parts, its spectrograms and its defaults."""
    from riffkit.music.models import describe_model

    facts = describe_model(model)
    _say(facts, "\n".join(_lines(facts)), as_json=as_json)


def main() -> None:
    """Entry point: a user's mistake exits 2 with one line, Ctrl-C 130, other failures 1."""
    # Threads that wait should sleep, not spin: beside another busy program spinning makes a
    # generation ten times slower, and alone sleeping costs about a tenth.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    try:
        code = app(standalone_mode=False)
    except RiffkitError as error:
        _fail(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        if hasattr(error, "format_message"):  # an unknown option, a missing argument
            _fail(error.format_message(), 2)
        _fail(f"{type(error).__name__}: {error}", 1)
    if code == 130:  # typer's code for Ctrl-C
        _fail("stopped", 130)
    sys.exit(code)


def _fail(message: str, code: int) -> NoReturn:
    several_lines = "\n" in message.strip()  # the help, for a command without arguments
    print(message if several_lines else f"riff: {message}", file=sys.stderr)
    sys.exit(code)


def _output_paths(output: Path | None, prompt: str, count: int) -> list[Path]:
    """One path a clip; without --output a name from the prompt that no file has yet."""
    if output is not None:
        if count == 1:
            return [output]
        return [output.with_stem(f"{output.stem}-{n}") for n in range(1, count + 1)]
    words = "".join(letter if letter.isalnum() else " " for letter in prompt.lower()).split()
    stem = "-".join(words)[:40].strip("-") or "riff"
    names = (Path(f"{stem}-{n}.wav" if n > 1 else f"{stem}.wav") for n in range(1, 10**6))
    free = (path for path in names if not path.exists() and not path.with_suffix(".png").exists())
    return [next(free) for _ in range(count)]


def _check_png_name(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise ParameterError(f"image={path.name!r}: must end in .png")


def _save_pair(clip: Any, path: Path) -> None:
    """The audio file and the PNG beside it: both, or neither."""
    image_path = path.with_suffix(".png")
    clip.image.save(image_path)
    try:
        clip.save(path)
    except BaseException:
        image_path.unlink(missing_ok=True)
        raise


@contextmanager
def _progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar on stderr that vanishes when done; yields the call that advances it."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _notes(notes: tuple[str, ...], *, quiet: bool) -> None:
    for note in () if quiet else notes:
        print(f"note: {note}", file=sys.stderr)


def _say(facts: dict[str, Any], text: str, *, as_json: bool) -> None:
    print(json.dumps(facts, ensure_ascii=False) if as_json else text)


def _lines(facts: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Nested values as indented "name: value" lines."""
    for name, value in facts.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif value not in (None, {}, [], ""):
            yield (
                f"{indent}{name}: {value:g}"
                if isinstance(value, float)
                else (f"{indent}{name}: {value}")
            )


if __name__ == "__main__":
    main()
