"""Everything of a clip in one place: a ZIP, or a folder."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from riffkit.atomic import atomic_path, check_output_path
from riffkit.audio.encoding import Bits, Storage
from riffkit.errors import RiffkitError
from riffkit.export.exporter import FOLDER, Exported, Exporter
from riffkit.export.folders import ZIP_COMMENT, make_folder, zip_folder
from riffkit.export.naming import clip_name
from riffkit.provenance.recipe import Recipe

if TYPE_CHECKING:
    from riffkit.export.source import Source
    from riffkit.music.clip import Clip

_STEMS = "stems"


def export_pack(clip: Clip | str | Path, output: str | Path, *, bits: Bits | None = 24) -> Exported:
    """Write all of a clip: sound, stems, MIDI, spectrogram and recipe, in a ZIP or a folder.

    Files are named after its title, tempo, key and length: "lo-fi piano_80bpm_Am_2bars.wav". What
    a clip doesn't have is left out.

    Args:
        clip: a clip, or any audio file.
        output: ZIP or folder to write; what ends in .zip is a ZIP.
        bits: bits of a sample of its sounds: 16, 24 or float.

    Returns:
        What was written; its facts are the "files" by name.

    Raises:
        AudioFileError, ImageFileError: the clip can't be read.
        OutputError: it can't be written there.

    Example:
        riffkit.export_pack("song.wav", "song.zip")
    """
    from riffkit.export.source import open_source

    output = Path(output)
    EXPORTER.check_name(output)
    is_zip = output.suffix.lower() == ".zip"
    if is_zip:
        check_output_path(output)
    source = open_source(clip)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _fill(folder, source, Storage(bits))
        names = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        if is_zip:
            zip_folder(folder, output)
        else:
            _copy(folder, names, output)
    summary = f"{len(names)} file{'s' * (len(names) != 1)}"
    return Exported(output, summary, {"files": names}, source.notes)


def _wrote(path: Path) -> bool:
    """Whether it is a pack's ZIP, or the recipe in its folder."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.comment == ZIP_COMMENT
    if path.suffix != ".json":
        return False
    try:
        Recipe.from_json(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, RiffkitError):
        return False
    return True


EXPORTER = Exporter("pack", export_pack, (".zip", FOLDER), _wrote)


def _fill(folder: Path, source: Source, storage: Storage) -> None:
    from riffkit.score.midi import write_midi

    def named(suffix: str, part: str = "") -> str:
        sound = source.sound
        beats, key = sound.beats, sound.facts.key
        bars = None if beats is None else beats // sound.facts.beats_per_bar
        return clip_name(
            sound.title,
            suffix,
            bpm=sound.bpm,
            key=None if key is None else key.name,
            bars=bars or None,
            part=part,
        )

    source.sound.save(folder / named(".wav"), storage)
    if source.stems:
        (folder / _STEMS).mkdir()
        for number, (name, sound) in enumerate(source.parts.items(), 1):
            sound.save(folder / _STEMS / named(".wav", f"{number:02} {name}"), storage)
    if source.score is not None:
        write_midi(folder / named(".mid"), source.score, title=source.sound.title)
    if isinstance(source.image, Path):
        shutil.copyfile(source.image, folder / named(".png"))
    elif source.image is not None:
        source.image.save(folder / named(".png"))
    if source.recipe is not None:
        text = source.recipe.to_json() + "\n"
        (folder / named(".json")).write_text(text, encoding="utf-8")


def _copy(folder: Path, names: list[str], output: Path) -> None:
    for name in names:
        make_folder((output / name).parent)
        with atomic_path(output / name) as temporary:
            shutil.copyfile(folder / name, temporary)
