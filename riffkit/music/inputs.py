"""The kinds of input files of tasks. Light: the code that opens them is imported when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.kinds import check_image, is_image
from riffkit.music.task import Input, Opened

if TYPE_CHECKING:
    from riffkit.music.session import Session


def clip_input(name: str, help: str, *, or_prompt: bool = False) -> Input:  # noqa: A002
    """An audio file or riffkit PNG, opened as a `Source` on its own beat grid."""
    return Input(
        name,
        help,
        _open_clip,
        required=not or_prompt,
        positional=not or_prompt,
        or_prompt=or_prompt,
        check=_check_clip,
    )


def _check_clip(path: Path) -> None:
    if is_image(path):
        check_image(path)
        return
    from riffkit.audio.reader import describe

    describe(path)


def _open_clip(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.source import Source, open_source

    for other in opened.values():  # the last end of a morph is in bars like the first's
        if isinstance(other, Source):
            request = replace(request, beats_per_bar=other.beats_per_bar)
    return open_source(
        session.pipeline,
        Path(given),
        request,
        beats_per_bar=session.metre(request),
        recorded=session.recorded,
    )


CLIP = clip_input("clip", "WAV, FLAC, OGG or MP3 file, or a PNG made by riffkit.")


def _open_melody(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.melody import read_melody

    named = session.read(request.leading_prompt).metre
    return read_melody(
        Path(given),
        bpm=request.bpm,
        beats_per_bar=request.beats_per_bar,
        named_beats=None if named is None else named.beats,
    )


def _check_melody(path: Path) -> None:
    from riffkit.audio.reader import describe
    from riffkit.music.brought import read_lead
    from riffkit.music.midi import is_midi

    if is_midi(path):
        read_lead(path)
    else:
        describe(path)


MELODY = Input(
    "melody",
    "Audio or MIDI file with a melody: it leads, and is accompanied.",
    _open_melody,
    check=_check_melody,
    kinds=("audio", "midi"),
)


def _open_drums(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.brought import read_drums

    beats = request.beats_per_bar
    if beats is None and "melody" in opened:
        beats = opened["melody"].beats_per_bar
    return read_drums(Path(given), beats_per_bar=beats)


def _check_drums(path: Path) -> None:
    from riffkit.music.brought import read_drums

    read_drums(path)


DRUMS = Input(
    "drums",
    "MIDI file with drums, repeated to the length.",
    _open_drums,
    check=_check_drums,
    kinds=("midi",),
)


def _open_score(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.scoring import open_score

    return open_score(Path(given))


def _check_score(path: Path) -> None:
    from riffkit.music.scoring import open_score

    open_score(path)


SCORE = Input(
    "score",
    "MIDI file to play, each track by its instrument.",
    _open_score,
    check=_check_score,
    kinds=("midi",),
)


def _open_theme(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.theme import open_theme

    return open_theme(
        session.pipeline,
        given,
        request,
        beats_per_bar=session.metre(request),
        recorded=session.recorded,
    )


def _seed_names() -> Sequence[str]:
    from riffkit.music.seeds import seed_names

    return tuple(seed_names())


THEME = Input(
    "theme",
    "Audio file, PNG or bundled seed to stay close to.",
    _open_theme,
    names=_seed_names,
    check=_check_clip,
)


def _open_mask(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.mask import read_mask

    return read_mask(Path(given), opened["clip"])


def _check_mask(path: Path) -> None:
    if not is_image(path):
        raise ParameterError(f"mask={path.name!r}: can't be read as an image")


MASK = Input(
    "mask",
    "PNG painted over the clip's image: white is regenerated, black kept.",
    _open_mask,
    check=_check_mask,
    kinds=("image",),
)


def script_input(help: str, expand: Callable[[Path], Any]) -> Input:  # noqa: A002
    """A file with the request's values."""
    return Input("script", help, required=True, positional=True, expand=expand)
