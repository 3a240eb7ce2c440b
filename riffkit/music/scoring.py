"""The score that a call paints after: the user's own, or one composed over what the user brought.

Light: no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from riffkit.errors import ParameterError, unknown
from riffkit.limits import bpm_text
from riffkit.music.brought import Brought
from riffkit.music.composing import Asked, written
from riffkit.music.midi_score import read_score
from riffkit.music.understanding import brief_of_prompt, reading_of
from riffkit.prompt.key import parse_key
from riffkit.prompt.prompt import Prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.provenance.recipe import sha256
from riffkit.score.brief import Brief
from riffkit.score.humanize import humanize
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Score
from riffkit.score.orchestration import arranged, kept_of, transposed
from riffkit.score.stems import numbers_of, stems_of
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

if TYPE_CHECKING:
    from riffkit.models.pipeline import Pipeline


@dataclass(frozen=True)
class OwnScore:
    """The user's MIDI file; `identity` is what a recipe keeps of it."""

    score: Score
    identity: Mapping[str, str]
    remarks: tuple[str, ...] = ()


def open_score(path: Path) -> OwnScore:
    """A MIDI file as a score; ParameterError if it can't be read or has no notes."""
    read = read_score(path)
    score, remarks, bpm = read.score, read.notes, read.score.bpm
    if not MIN_BPM <= bpm <= MAX_BPM:
        score = _at_tempo(score, min(max(bpm, MIN_BPM), MAX_BPM))
        remarks += (
            f"{path.name}: {bpm_text(bpm)} BPM is too {'slow' if bpm < MIN_BPM else 'fast'}; it "
            f"plays at {bpm_text(score.bpm)} (set `bpm` for another tempo)",
        )
    return OwnScore(score, {"name": path.name, "sha256": sha256(path)}, remarks)


def composes(pipeline: Pipeline, free: bool | None, prompts: Sequence[Prompt]) -> bool:
    """Whether a score is composed for prompts that nothing but words is given with.

    Args:
        pipeline: the model.
        free: whether to paint from words alone; None leaves it to the model and the prompts.
        prompts: as the model reads them; a style that one of them names is enough.

    Raises:
        ParameterError: `free` is False, and the model can't follow a score.
    """
    if free is not None:
        if not free and not pipeline.guide_channels:
            raise ParameterError(
                f"free=False: model {pipeline.name!r} paints from words alone; leave `free` out, "
                "or choose a guided model"
            )
        return not free
    if not pipeline.guide_channels or not pipeline.is_bundled:
        return False
    return any(reading_of(prompt).brief.style for prompt in prompts)


def why_free(pipeline: Pipeline, free: bool | None) -> tuple[str, ...]:
    """A note for who might have expected a score: of the bundled model, when words name no style.

    Args:
        pipeline: the model, for which `composes` has said no.
        free: what the user said of it.
    """
    if free is not None or not pipeline.guide_channels or not pipeline.is_bundled:
        return ()
    return (
        "no style is named, so the picture follows the words alone and no notes; name one, such as "
        "'jazz', or set `free` to false",
    )


def score_for(
    read: Prompt,
    request: Asked,
    traits: ModelTraits,
    *,
    own: OwnScore | None,
    brought: Mapping[str, Brought],
    tracks: Sequence[str],
    replaced: Sequence[str],
    bars: int,
) -> tuple[Score, tuple[str, ...]]:
    """The score of a call, and notes for the user.

    Args:
        read: its prompt.
        request: what it says of tempo, key, metre, length and chords.
        traits: the model's.
        own: the user's score, whose notes are kept.
        brought: a "melody" and "drums" to compose over.
        tracks: instruments by the number of the track, such as "2=violin".
        replaced: instruments by the player's name, such as "bass=upright bass".
        bars: a composed score's length, if nothing says it.

    Returns:
        The score as it is painted.

    Raises:
        ParameterError: a track or an instrument that there isn't.
    """
    instruments = {_track_number(number): name for number, name in _pairs("track", tracks)}
    if own is None:
        score, notes = written(read, request, traits, brought, bars=bars)
    else:
        brief = brief_of_prompt(
            read, traits, bpm=request.bpm, key=request.key, beats_per_bar=request.beats_per_bar
        )
        score = _in_key(arranged(own.score, brief, instruments), request.key)
        metre_of = "prompt" if request.beats_per_bar is None else "beats_per_bar"
        notes = (*kept_of(score, brief, metre_of=metre_of), *_mode_kept(score, request.key))
        score = humanize(_at_tempo(score, request.bpm), request.humanize, request.seed)
    if replaced:
        score = _with_players(score, replaced)
    return score, notes


def _with_players(score: Score, replaced: Sequence[str]) -> Score:
    """With other instruments for some players; all else stays as it is."""
    stems, instruments = stems_of(score), dict[int, str]()
    for who, instrument in _pairs("replace", replaced):
        if instrument not in INSTRUMENTS:
            raise ParameterError(f"replace={who!r}: {unknown(instrument, INSTRUMENTS)}")
        for number in numbers_of(who, stems, option="replace"):
            if score.tracks[number - 1].is_drums:
                raise ParameterError(f"replace={who!r}: is of drums, which no instrument can play")
            instruments[number] = instrument
    other = arranged(score, Brief(style=score.facts.style or None), instruments)
    tracks = tuple(
        other.tracks[number - 1] if number in instruments else track
        for number, track in enumerate(score.tracks, 1)
    )
    names = tuple(dict.fromkeys(track.instrument for track in tracks if not track.is_drums))
    return replace(score, facts=replace(score.facts, instruments=names), tracks=tracks)


def _in_key(score: Score, name: str | None) -> Score:
    """A score brought to the tonic of a key by the nearest way; its mode stays."""
    if name is None or score.facts.key is None:
        return score
    own = parse_key(f"{score.facts.key} {score.facts.mode}")
    return transposed(score, (parse_key(name).tonic - own.tonic + 6) % 12 - 6)


def _mode_kept(score: Score, name: str | None) -> Iterator[str]:
    """A note where a key that is asked for has another mode than the score, or the score none."""
    if name is None:
        return
    if score.facts.key is None:
        yield f"key: {name!r} isn't used; the score has no pitches"
    elif parse_key(name).mode != score.facts.mode:
        yield f"key: the score stays {score.facts.mode}; it plays in its {score.facts.key}"


def _at_tempo(score: Score, bpm: float | None) -> Score:
    return score if bpm is None else replace(score, facts=replace(score.facts, bpm=float(bpm)))


def _pairs(option: str, given: Collection[str]) -> list[tuple[str, str]]:
    pairs = []
    for one in given:
        name, sign, instrument = one.partition("=")
        if not sign or not name.strip() or not instrument.strip():
            raise ParameterError(f"{option}={one!r}: must be NAME=INSTRUMENT, such as 2=violin")
        pairs.append((name.strip(), " ".join(instrument.lower().split())))
    return pairs


def _track_number(text: str) -> int:
    if not text.isdecimal():
        raise ParameterError(f"track={text!r}: must be a number, as `riff inspect` shows it")
    return int(text)
