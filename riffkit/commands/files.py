"""Files: encode, decode, play, inspect, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.options import (
    Bits,
    Device,
    Force,
    Json,
    Preset,
    Quality,
    Quiet,
    Rate,
    Vocoder,
    check_png_name,
    storage_of,
)
from riffkit.commands.printing import loading, progress, say, show_notes
from riffkit.commands.shown import file_lines
from riffkit.limits import Quality as QualityName

app = typer.Typer()


@app.command()
def encode(
    audio: Annotated[Path, typer.Argument(help="WAV, FLAC, OGG or MP3 file.")],
    png: Annotated[Path, typer.Argument(help="Image to write.")],
    preset: Annotated[
        str | None, typer.Option(help="riffusion-v1, full-band or crisp.  [default: riffusion-v1]")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Make the image that this model edits, to paint masks over.")
    ] = None,
    bpm: Annotated[
        float | None, typer.Option(help="Align the image to beats of this tempo.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="With --model: as for the edit.")] = None,
    beats_per_bar: Annotated[
        int | None, typer.Option(help="With --model: as for the edit.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn audio into a spectrogram image."""
    from riffkit.music.outputs import check_target

    check_png_name(png)
    check_target(png, inputs=[audio], force=force)
    from riffkit.music.codec import encode as encode_file

    with progress("encoding", None, quiet=quiet):
        image = encode_file(
            audio, preset=preset, bpm=bpm, model=model, key=key, beats_per_bar=beats_per_bar
        )
        image.save(png)
    facts = {"image": str(png), "width": image.n_frames, "samples": image.n_samples}
    say(facts, f"{png}: {image.n_frames} × {image.params.n_mels} px", as_json=as_json)


@app.command()
def decode(
    png: Annotated[Path, typer.Argument(help="Spectrogram image.")],
    audio: Annotated[Path, typer.Argument(help="WAV, FLAC, OGG or MP3 file to write.")],
    vocoder: Vocoder = "griffin-lim",
    quality: Quality = "default",
    bpm: Annotated[float | None, typer.Option(help="Play at this tempo.")] = None,
    transpose: Annotated[
        float, typer.Option(help="Semitones to raise the pitch by, at the same tempo.")
    ] = 0.0,
    preset: Preset = None,
    loudness: Annotated[
        str | None,
        typer.Option(
            metavar="LUFS|peak", help="LUFS, such as -14, or peak. Default: the image's, or -16."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same result.")] = 0,
    device: Device = "auto",
    bits: Bits = None,
    sample_rate: Rate = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn a spectrogram image into audio."""
    from riffkit.limits import check_device, check_loudness
    from riffkit.music.outputs import check_target
    from riffkit.music.values import number_or_word

    level = None if loudness is None else number_or_word("loudness", loudness, ("peak",))
    check_loudness(level)
    storage = storage_of(bits, sample_rate, audio)
    check_target(audio, inputs=[png], force=force)
    check_device(device)
    from riffkit.audio.reader import describe
    from riffkit.music.codec import decode as decode_file

    with progress("decoding", None, quiet=quiet):
        clip = decode_file(
            png,
            vocoder=vocoder,
            quality=quality,
            bpm=bpm,
            transpose=transpose,
            preset=preset,
            loudness=level,
            seed=seed,
            device=device,
        )
        clip.save(audio, bits=storage.bits, sample_rate=storage.sample_rate)
    show_notes(clip.notes, quiet=quiet)
    facts = {"audio": str(audio), "seconds": clip.seconds, "samples": describe(audio).n_samples}
    say(facts, f"{audio}: {clip.seconds:.2f} s", as_json=as_json)


@app.command()
def play(
    file: Annotated[Path, typer.Argument(help="Audio file or spectrogram image.")],
    loop: Annotated[bool, typer.Option("--loop", help="Play on until Ctrl-C.")] = False,
    quality: Annotated[
        QualityName | None, typer.Option(help="For images: the vocoder's speed or fidelity.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="For images: riffusion-v1, full-band or crisp.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Play a file, or the sound of an image. Ctrl-C stops it."""
    from riffkit.audio import playing
    from riffkit.audio.reader import describe
    from riffkit.errors import ParameterError
    from riffkit.kinds import check_image, is_image

    if is_image(file):
        check_image(file)
    else:
        describe(file)
        for name, value in (("quality", quality), ("preset", preset)):
            if value is not None:
                raise ParameterError(f"{name}={value!r}: is for images alone; leave it out")
    playing.sound_device()
    with progress("decoding", None, quiet=quiet):
        waveform, rate, notes = _sound_of(file, quality or "default", preset)
    show_notes(notes, quiet=quiet)
    total = None if loop else playing.n_blocks(waveform.shape[-1], rate)
    with progress("playing", total, quiet=quiet) as advance:
        playing.play(waveform.T.numpy(), rate, loop=loop, on_block=advance)


def _sound_of(
    file: Path, quality: QualityName, preset: str | None
) -> tuple[Any, int, tuple[str, ...]]:
    """The sound, its rate, and notes for the user."""
    from riffkit.kinds import is_image
    from riffkit.music.codec import decode as decode_file

    if is_image(file):
        clip = decode_file(file, quality=quality, preset=preset)
        return clip.waveform, clip.sample_rate, clip.notes
    from riffkit.audio.files import load

    return *load(file, allow_silence=True), ()


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Audio file, spectrogram image, or MIDI.")],
    preset: Preset = None,
    as_json: Json = False,
) -> None:
    """Show a file's recipe, tempo, key, loudness, tags, chords and tracks."""
    from riffkit.music.inspect import inspect as inspect_file

    with progress("listening", None, quiet=as_json):
        facts = inspect_file(file, preset=preset)
    show_notes(tuple(facts.get("remarks", ())), quiet=as_json)
    say(facts, "\n".join(file_lines(facts)), as_json=as_json)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Audio file, image or MIDI made by riffkit.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write. Default: NAME-replay, beside it."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's location, if not bundled.")] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(metavar="<path>", help="A source file or its folder; repeatable."),
    ] = None,
    lora: Annotated[
        list[Path] | None, typer.Option(metavar="<path>", help="A LoRA, or its folder; repeatable.")
    ] = None,
    device: Device = "auto",
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Regenerate a file from its recipe and compare the two.

    Its sources and LoRAs are found beside it, or where --source and --lora say.
    """
    from riffkit.music.clip import recorded_recipe
    from riffkit.music.outputs import check_target

    recorded_recipe(file)  # before torch is imported
    path = output or file.with_name(f"{file.stem}-replay{file.suffix}")
    check_target(path, inputs=[file, *(source or ()), *(lora or ())], force=force)
    with loading(quiet=quiet):
        from riffkit.music.replay import replay as replay_file
    with progress("replaying", None, quiet=quiet):
        result = replay_file(
            file, path, model=model, sources=source or (), loras=lora or (), device=device
        )
    facts = {
        "file": str(path),
        "same": result.same,
        "compared": result.compared,
        "differences": list(result.differences),
    }
    verdict = f"identical {result.compared}" if result.same else f"different {result.compared}"
    reasons = f" ({'; '.join(result.differences)})" if result.differences else ""
    say(facts, f"{path}: {verdict}{reasons}", as_json=as_json)
