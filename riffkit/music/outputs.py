"""Where a clip's sound and image are written: nothing is replaced but riffkit's own. Light."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL.PngImagePlugin import PngImageFile

from riffkit.atomic import atomic_path, check_output_folder, check_output_path, output_error
from riffkit.audio.encoding import Storage, format_of
from riffkit.audio.reader import read_fields
from riffkit.audio.tags import fields_to_tags
from riffkit.errors import OutputError
from riffkit.kinds import SOUND_SUFFIXES
from riffkit.music.task import slug
from riffkit.provenance.recipe import TAG
from riffkit.score.midi import recipe_in
from riffkit.spectrogram.png import PARAMS_KEYWORD, RECIPE_KEYWORD, SOFTWARE, write_contents

if TYPE_CHECKING:
    from riffkit.music.clip import Clip


@dataclass(frozen=True)
class Target:
    """A clip's two files. `notes` say why the image has another name than its sound."""

    audio: Path
    image: Path
    notes: tuple[str, ...] = ()

    @property
    def stems(self) -> Path:
        """The folder of its stems, if it has any: NAME-stems, or NAME.mp3-stems."""
        is_wav = self.audio.suffix.lower() == ".wav"
        return self.audio.with_name(f"{self.audio.stem if is_wav else self.audio.name}-stems")


def targets_of(
    paths: Sequence[Path], *, inputs: Collection[Path] = (), force: bool = False
) -> list[Target]:
    """Clips that will be written as these audio files, and their images.

    The image is NAME.png. Where that is an input, another program's, or the image of another sound
    (a.mp3 beside a.wav), it is NAME.wav.png. Raises OutputError as `check_target`.
    """
    return [_target(path, inputs, force) for path in paths]


def unused(prompt: str, suffix: str) -> Iterator[Path]:
    """Names made from a prompt that no file has, nor an image beside it."""
    stem = slug(prompt)
    for n in count(1):
        path = Path(f"{stem}-{n}{suffix}" if n > 1 else f"{stem}{suffix}")
        if not path.exists() and not path.with_suffix(".png").exists():
            yield path


def is_riffkits(path: Path) -> bool:
    """Whether riffkit wrote an audio, PNG or MIDI file."""
    return stored_recipe(path) is not None


def check_target(
    path: Path,
    *,
    inputs: Collection[Path] = (),
    force: bool = False,
    is_own: Callable[[Path], bool] = is_riffkits,
) -> None:
    """Raise OutputError if a file can't be written, is one of the inputs, or exists and isn't
    riffkit's own; `force` replaces that too.
    """
    check_output_path(path)
    if _is_any_of(path, inputs):
        raise OutputError(f"{str(path)!r} is what the command reads; choose another name for it")
    if not force and path.exists() and not is_own(path):
        raise OutputError(
            f"{str(path)!r} exists and isn't riffkit's own; choose another name, or set `force` to "
            "replace it"
        )


def check_stems(
    folder: Path,
    *,
    inputs: Collection[Path] = (),
    force: bool = False,
    is_own: Callable[[Path], bool] = is_riffkits,
) -> None:
    """Raise OutputError if files can't be written into a folder, or it holds one of the inputs or
    what isn't riffkit's; `force` leaves that there.
    """
    check_output_folder(folder)
    if not folder.is_dir():
        return
    for path in inputs:
        if path.exists() and path.resolve().parent == folder.resolve():
            raise OutputError(
                f"{str(path)!r} is what the command reads; choose another name for what it writes"
            )
    if force:
        return
    for path in _files_in(folder):
        if not is_own(path):
            name = path.relative_to(folder).as_posix()
            raise OutputError(
                f"{str(folder)!r} holds {name!r}, which isn't riffkit's own; choose another "
                "name, or set `force` to write beside it"
            )


def _files_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _files_in(path)
        else:
            yield path


def write_clip(clip: Clip, target: Target, storage: Storage) -> bool:
    """Write a clip's sound and image, both or neither, and before them its stems, if they are asked
    for; whether it has stems.
    """
    with_stems = bool(clip.recipe.arguments.get("stems") and clip.stems)
    if with_stems:
        write_stems(target.stems, clip.stem_files(target.audio.suffix, storage))
    with atomic_path(target.image) as image:
        write_contents(image, clip.image.contents())
        clip.save(target.audio, bits=storage.bits, sample_rate=storage.sample_rate)
    return with_stems


def write_stems(folder: Path, stems: Mapping[str, bytes]) -> None:
    """Write the files of `Clip.save_stems` into a folder, in the place of an earlier clip's.

    Other files stay, and so do stems under another name than their own.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    for name, content in stems.items():
        with atomic_path(folder / name) as path:
            path.write_bytes(content)
    for path in folder.iterdir():
        if path.is_file() and path.name not in stems and _is_stem(path):
            path.unlink(missing_ok=True)


def _is_stem(path: Path) -> bool:
    """Whether a file is a stem under the name that it was written as."""
    number, _, name = path.stem.partition("-")
    stem = (stored_recipe(path) or {}).get("arguments", {}).get("stem")
    return number.isdecimal() and isinstance(stem, str) and slug(stem) == name


def stored_recipe(path: Path) -> Mapping[str, Any] | None:
    """What riffkit wrote into an audio, PNG or MIDI file: its recipe's values, or nothing where it
    wrote none; None if the file isn't its own.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            if head.startswith(b"\x89PNG"):
                file.seek(0)
                return _recipe_in_png(PngImageFile(file).info)
        text = recipe_in(path) if head == b"MThd" else _recipe_in_sound(path)
        return None if text is None else json.loads(text or "{}")
    except Exception:  # whatever it is, it is not what riffkit wrote
        return None


def _recipe_in_sound(path: Path) -> str | None:
    fields = read_fields(path)
    is_own = fields.get("software", "").startswith(f"{SOFTWARE} ")
    return fields_to_tags(fields).get(TAG, "" if is_own else None)


def _recipe_in_png(info: Mapping[Any, Any]) -> Mapping[str, Any] | None:
    if RECIPE_KEYWORD in info:
        return dict(json.loads(info[RECIPE_KEYWORD]))
    return {} if PARAMS_KEYWORD in info or info.get("Software") == SOFTWARE else None


def _target(audio: Path, inputs: Collection[Path], force: bool) -> Target:
    format_of(audio)
    check_target(audio, inputs=inputs, force=force)
    plain = audio.with_suffix(".png")
    reason = _taken(plain, audio, inputs, force)
    if not reason:
        check_output_path(plain)
        return Target(audio, plain)
    image = next(path for path in _other_names(audio) if not _taken(path, audio, inputs, force))
    check_output_path(image)
    return Target(audio, image, (f"{plain.name} {reason}; the image is {image.name}",))


def _other_names(audio: Path) -> Iterable[Path]:
    yield audio.with_name(f"{audio.name}.png")
    for n in count(2):
        yield audio.with_name(f"{audio.name}-{n}.png")


def _taken(image: Path, audio: Path, inputs: Collection[Path], force: bool) -> str:
    """Why an image can't be written there; "" if it can."""
    try:
        if not image.exists():
            return ""
    except OSError as error:  # a name that is too long
        raise output_error(image, error) from error
    if _is_any_of(image, inputs):
        return "is what the command reads"
    drawn = stored_recipe(image)
    if drawn is None:
        return "" if force else "isn't riffkit's own"
    for suffix in SOUND_SUFFIXES:
        other = audio.with_suffix(suffix)
        if other != audio and drawn and drawn == stored_recipe(other) != stored_recipe(audio):
            return f"belongs to {other.name}"
    return ""


def _is_any_of(path: Path, others: Iterable[Path]) -> bool:
    return path.exists() and any(other.exists() and path.samefile(other) for other in others)
