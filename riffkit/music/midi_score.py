"""MIDI files as scores: whose notes play on which instruments, how loud, and in which key.

A file of `write_midi` gives exactly the score that was written, as long as nobody has changed it.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from riffkit.errors import ParameterError
from riffkit.limits import bpm_text
from riffkit.music.midi import first_metre, open_midi, signed_key, usual_bpm
from riffkit.prompt.key import MusicalKey
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.score.chord_finding import chords_of
from riffkit.score.drums import SECTIONS
from riffkit.score.facts import PROMINENCE, measured_density
from riffkit.score.general_midi import drum_section_of, instrument_of, kit_of
from riffkit.score.harmony import Chord
from riffkit.score.instruments import INSTRUMENTS, KITS
from riffkit.score.keys import key_of_song
from riffkit.score.midi import LOUDEST_DB, MAX_PLAYERS, SCORE_HEAD, midi_bytes
from riffkit.score.midi_file import MidiFile, parse_midi
from riffkit.score.midi_player import Played
from riffkit.score.notes import Mix, Note, Score, ScoreFacts, Section, Track
from riffkit.score.roles import roles_of
from riffkit.spectrogram.beat_grid import MAX_BARS

_SLACK_BEATS = 0.125  # a note that ends so late still ends with the bar
_MOST_PADDING = 4  # bars of silence at the end that the file itself counts
_USUAL_VOLUME, _USUAL_EXPRESSION, _USUAL_PAN = 100, 127, 64
_USUAL_VELOCITY = 100
_QUIETEST_DB = -40.0
_DRUM_SEND, _DRUM_BANK = 0.12, 128


@dataclass(frozen=True)
class ReadScore:
    """A file's score and its title, and notes for the user on what is not as in the file."""

    score: Score
    title: str = ""
    notes: tuple[str, ...] = ()


def read_score(path: Path, *, option: str = "score") -> ReadScore:
    """The score of a MIDI file.

    Each channel of each track is a track, one for each program that it plays; the drums are one for
    each part of the kit. Beats are the file's: where its tempo changes, they last as most do. What
    is longer than 512 bars is cut; of more than 15 tracks those with most notes play.

    Args:
        path: a MIDI file of any format.
        option: what a message calls the file.

    Returns:
        The score, with chords that are found in its notes, its title, and notes for the user.

    Raises:
        ParameterError: it can't be read, or has no notes.

    Example:
        score = read_score(Path("song.mid")).score
    """
    file = open_midi(path, option=option)
    title = file.names.get(0, "")
    own = _own_score(file)
    if own is not None:
        return ReadScore(own, title)
    score, notes = score_of_file(file)
    return ReadScore(score, title, tuple(f"{path.name}: {note}" for note in notes))


def _own_score(file: MidiFile) -> Score | None:
    """The score that `write_midi` put beside the notes, if the notes are still its own."""
    for text in file.texts:
        if text.startswith(SCORE_HEAD):
            try:
                score = Score.from_dict(json.loads(text.removeprefix(SCORE_HEAD)))
                written = parse_midi(midi_bytes(score))
            except (
                ParameterError,
                ArithmeticError,
                LookupError,
                TypeError,
                ValueError,
                struct.error,
            ):
                return None  # damaged
            assert written is not None
            same = replace(file, names=written.names, texts=written.texts) == written
            return score if same else None
    return None


def score_of_file(file: MidiFile, *, n_beats: int | None = None) -> tuple[Score, list[str]]:
    """The score of a file that has notes, and what is not as in the file.

    `n_beats` is its length in the place of the one that its notes and its end say.
    """
    bpm, metre = usual_bpm(file), first_metre(file)
    beats_per_bar = DEFAULT_BEATS if metre is None else metre.beats
    ticks = file.ticks_per_beat(bpm)
    remarks = [metre.remark] if metre is not None and metre.halved else []
    if file.in_sequence:
        remarks.append("its tracks play one after another")
    if len(dict(file.tempi)) > 1:  # of two at one tick the last counts
        remarks.append(f"its tempo changes; it plays at {bpm_text(bpm)} BPM throughout")
    if metre is not None and len({signature[1:] for signature in file.signatures}) > 1:
        remarks.append(f"its metre changes; bars have {beats_per_bar} beats throughout")
    n_beats = n_beats or _length(file, ticks, beats_per_bar)
    if n_beats > MAX_BARS * beats_per_bar:
        n_bars, n_beats = n_beats // beats_per_bar, MAX_BARS * beats_per_bar
        remarks.append(f"has {n_bars} bars; the first {MAX_BARS} are read")
    heard = [note for note in file.notes if note.start < n_beats * ticks]
    players = _players([note for note in heard if not note.is_drum])
    if len(players) > MAX_PLAYERS:
        players, n_more = _busiest(players), len(players) - MAX_PLAYERS
        remarks.append(
            f"has {len(players) + n_more} tracks; the {MAX_PLAYERS} with most notes play"
        )
    tracks = [_track(notes, file, ticks, n_beats) for notes in players]
    roles = roles_of(tracks)
    tracks = [replace(track, role=role) for track, role in zip(tracks, roles, strict=True)]
    remarks += _stand_ins(players)
    drums = [note for note in heard if note.is_drum]
    kit = kit_of(Counter(note.program for note in drums).most_common(1)[0][0]) if drums else ""
    everyone = (*tracks, *_drums(drums, kit, ticks, n_beats))
    chords = chords_of(everyone, n_beats, beats_per_bar) if tracks else ()
    key = _key(file, tracks, chords)
    facts = _facts(everyone, key, bpm, beats_per_bar, n_beats, kit)
    sections = tuple(_sections(file, ticks, n_beats))
    return Score(facts, everyone, chords, Mix(), sections), remarks


def _length(file: MidiFile, ticks: float, beats_per_bar: int) -> int:
    """Whole bars: to the last note's end, or to the file's own, if that is a bar line near it."""
    bar = beats_per_bar * ticks
    last = max(note.end for note in file.notes) - _SLACK_BEATS * ticks
    n_bars = max(1, math.ceil(last / bar), 1 + int(max(n.start for n in file.notes) / bar))
    own = file.end / bar
    if n_bars < own <= n_bars + _MOST_PADDING and abs(own - round(own)) * bar < 1:
        n_bars = round(own)
    return n_bars * beats_per_bar


def _players(notes: Sequence[Played]) -> list[list[Played]]:
    """The notes of each sound on each channel of each track, in the file's order."""
    players: dict[tuple[int, int, int, int], list[Played]] = {}
    for note in notes:
        who = (note.track, note.channel, note.bank, note.program)
        players.setdefault(who, []).append(note)
    first_notes = {who: n for n, who in enumerate(players)}
    return [players[who] for who in sorted(players, key=lambda who: (who[:2], first_notes[who]))]


def _busiest(players: list[list[Played]]) -> list[list[Played]]:
    ranked = sorted(range(len(players)), key=lambda k: -len(players[k]))
    return [players[k] for k in sorted(ranked[:MAX_PLAYERS])]


def _track(played: Sequence[Played], file: MidiFile, ticks: float, n_beats: int) -> Track:
    first, name = played[0], file.names.get(played[0].track, "")
    instrument, _ = instrument_of(first.program)
    if name in INSTRUMENTS and first.program in INSTRUMENTS[name].programs:
        instrument = name
    pan = median(_USUAL_PAN if note.pan < 0 else note.pan for note in played)
    reverb = median(note.reverb for note in played)
    return Track(
        instrument,
        "comp",
        first.bank,
        first.program,
        _level_db(played, LOUDEST_DB),
        0.0 if pan == _USUAL_PAN else round((pan - 63.5) / 63.5, 2),
        INSTRUMENTS[instrument].send if reverb < 0 else round(reverb / 127, 2),
        _notes(played, ticks, n_beats),
        name=name,
    )


def _notes(played: Sequence[Played], ticks: float, n_beats: int) -> tuple[Note, ...]:
    return tuple(
        Note(
            note.start / ticks,
            min((note.end - note.start) / ticks, n_beats - note.start / ticks),
            note.pitch,
            note.velocity,
        )
        for note in played
    )


def _level_db(played: Sequence[Played], loudest_db: float) -> float:
    """As General MIDI has it: amplitude goes with the squares of volume, expression, velocity."""
    volume = median(_USUAL_VOLUME if n.volume < 0 else n.volume for n in played)
    expression = median(_USUAL_EXPRESSION if n.expression < 0 else n.expression for n in played)
    loud = sorted(note.velocity for note in played)[len(played) * 9 // 10]
    amplitude = volume * expression * loud / (127 * 127 * _USUAL_VELOCITY)
    return max(_QUIETEST_DB, round(loudest_db + 40 * math.log10(max(amplitude, 1e-3)), 2))


def _drums(played: Sequence[Played], kit: str, ticks: float, n_beats: int) -> Iterator[Track]:
    """The kit, a track for each part that plays, in the usual balance."""
    for section, (level_db, _) in SECTIONS.items():
        if mine := [note for note in played if drum_section_of(note.pitch) == section]:
            usual = [n._replace(volume=127 if n.volume < 0 else n.volume) for n in mine]
            level = _level_db(usual, level_db)
            notes = _notes(mine, ticks, n_beats)
            yield Track(section, "drums", _DRUM_BANK, KITS[kit], level, 0.0, _DRUM_SEND, notes)


def _stand_ins(players: Sequence[Sequence[Played]]) -> Iterator[str]:
    """What plays the programs that no instrument here has."""
    for instrument, own in dict.fromkeys(instrument_of(notes[0].program) for notes in players):
        if own:
            yield f"{own} is played as {instrument}"


def _key(file: MidiFile, tracks: Sequence[Track], chords: Sequence[Chord]) -> MusicalKey | None:
    """The signature's, if somebody has said it; else the one that fits."""
    if not tracks:
        return None
    if (signed := signed_key(file)) is not None:
        tonic, is_minor = signed
        return MusicalKey(tonic, "minor" if is_minor else "major")
    return MusicalKey(*key_of_song([note for track in tracks for note in track.notes], chords))


def _facts(
    tracks: Sequence[Track],
    key: MusicalKey | None,
    bpm: float,
    beats_per_bar: int,
    n_beats: int,
    kit: str,
) -> ScoreFacts:
    pitched = sorted((t for t in tracks if not t.is_drums), key=lambda t: PROMINENCE[t.role])
    n_players = len(pitched) + bool(kit)
    textures = {1: "solo", 2: "duo"} if pitched else {1: "drums only"}
    tonic, _, mode = ("", "", "") if key is None else key.name.partition(" ")
    return ScoreFacts(
        seed=0,
        style="",
        instruments=tuple(dict.fromkeys(track.instrument for track in pitched)),
        drums=bool(kit),
        key=tonic or None,
        mode=mode or None,
        bpm=bpm,
        beats_per_bar=beats_per_bar,
        n_beats=n_beats,
        density=measured_density(tracks, n_beats),
        mood=(),
        texture=textures.get(n_players, "band"),
        kit=kit,
    )


def _sections(file: MidiFile, ticks: float, n_beats: int) -> Iterator[Section]:
    """From each marker to the next; of two at one place the last counts."""
    starts = {round(tick / ticks, 6): name for tick, name in file.markers}
    starts = {start: name for start, name in starts.items() if start < n_beats}
    ends = [*list(starts)[1:], float(n_beats)]
    for (start, name), end in zip(starts.items(), ends, strict=False):
        yield Section(name, start, end - start)
