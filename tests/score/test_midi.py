"""A score's MIDI file says exactly what the score does, to mido and to riffkit's own reader."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import pytest

import riffkit
from riffkit.errors import OutputError
from riffkit.music.midi import first_metre, open_midi, usual_bpm
from riffkit.music.outputs import stored_recipe
from riffkit.score import Score, write_score
from riffkit.score.brief import MAX_INSTRUMENTS, Brief
from riffkit.score.compose import compose
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.midi import TICKS_PER_BEAT, midi_bytes
from riffkit.score.notes import Note

Struck = tuple[int, int, int, int]
"""Start and length in ticks, pitch, velocity."""


def scores() -> list[Score]:
    briefs = (
        Brief(style="jazz swing", drums=True, tonic=3, mode="minor"),
        Brief(style="waltz", beats_per_bar=3, tonic=1, mode="major"),
        Brief(style="trap", beats_per_bar=7, tonic=6, mode="phrygian"),
        Brief(style="techno", only_drums=True, bpm=131.3),
        Brief(style="chorale", tonic=8, mode="minor"),
        Brief(instruments=("piano",), bpm=20.0, beats_per_bar=12),
    )
    return [
        *(compose(brief, bars=5, seed=seed) for seed, brief in enumerate(briefs)),
        *(write_score(seed) for seed in range(20)),
    ]


def expected(score: Score) -> dict[str, list[list[Struck]]]:
    """The notes of each track by its name; the drums are one."""
    tracks: dict[str, list[list[Struck]]] = {}
    for track in score.tracks:
        struck = []
        for note in track.notes:
            begin = round(note.start * TICKS_PER_BEAT)
            end = max(begin + 1, round((note.start + note.duration) * TICKS_PER_BEAT))
            struck.append((begin, end - begin, note.pitch, note.velocity))
        if track.is_drums and "drums" in tracks:
            tracks["drums"][0] += struck
        else:
            tracks.setdefault("drums" if track.is_drums else track.instrument, []).append(struck)
    return {name: [sorted(one) for one in of] for name, of in tracks.items()}


def struck(track: mido.MidiTrack) -> list[Struck]:
    now, sounding, found = 0, {}, []
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert message.note not in sounding
            sounding[message.note] = now, message.velocity
        elif message.type == "note_off":
            begin, velocity = sounding.pop(message.note)
            found.append((begin, now - begin, message.note, velocity))
    assert not sounding
    return sorted(found)


@pytest.mark.parametrize("score", scores(), ids=lambda score: score.facts.style)
def test_mido_reads_what_was_written(score: Score):
    file = mido.MidiFile(
        file=io.BytesIO(midi_bytes(score, title="Walzer für Anna")), charset="utf8"
    )
    assert (file.type, file.ticks_per_beat) == (1, TICKS_PER_BEAT)
    played: dict[str, list[list[Struck]]] = {}
    channels = []
    for track in file.tracks[1:]:
        played.setdefault(track.name, []).append(struck(track))
        channels.append({m.channel for m in track if hasattr(m, "channel")})
        (program,) = [m.program for m in track if m.type == "program_change"]
        assert program in {t.program for t in score.tracks if t.instrument == track.name} or (
            track.name == "drums" and score.facts.drums
        )
    assert played == expected(score)
    assert all(len(of) == 1 for of in channels)
    assert len(set.union(*channels)) == len(channels)
    assert ({9} in channels) == score.facts.drums
    assert {sum(m.time for m in t) for t in file.tracks} == {score.n_beats * TICKS_PER_BEAT}


@pytest.mark.parametrize("score", scores(), ids=lambda score: score.facts.style)
def test_the_first_track_has_title_tempo_metre_key_and_phrases(score: Score):
    data = midi_bytes(score, title="Walzer für Anna")
    first = mido.MidiFile(file=io.BytesIO(data), charset="utf8").tracks[0]
    facts, now, markers = score.facts, 0, []
    for message in first:
        now += message.time
        if message.type == "marker":
            markers.append((now, message.text))
    said = {message.type: message for message in first}
    assert first.name == "Walzer für Anna"
    assert said["set_tempo"].tempo == round(60e6 / facts.bpm)
    metre = said["time_signature"]
    assert (metre.numerator, metre.denominator) == (facts.beats_per_bar, 4)
    assert markers == [(s.start * TICKS_PER_BEAT, s.name) for s in score.sections]
    if facts.key is None:
        assert "key_signature" not in said
    else:
        assert said["key_signature"].key == f"{facts.key}{'m' if facts.is_minor else ''}"


def in_ticks(note: Note) -> tuple[int, int, int]:
    begin = round(note.start * TICKS_PER_BEAT)
    return note.pitch, begin, round((note.start + note.duration) * TICKS_PER_BEAT)


@pytest.mark.parametrize("score", scores(), ids=lambda score: score.facts.style)
def test_riffkit_reads_it_back(score: Score, tmp_path: Path):
    path = tmp_path / "score.mid"
    path.write_bytes(midi_bytes(score))
    file = open_midi(path, option="score")
    assert usual_bpm(file) == pytest.approx(score.bpm, rel=1e-5)
    metre = first_metre(file)
    assert metre is not None and metre.beats == score.facts.beats_per_bar
    notes = [note for track in score.tracks for note in track.notes]
    read = [(n.pitch, n.start, n.end) for n in file.notes]
    assert sorted(read) == sorted(map(in_ticks, notes))
    assert sorted(n.velocity for n in file.notes) == sorted(note.velocity for note in notes)


def test_as_many_instruments_as_there_are_channels_keep_their_sounds():
    names = tuple(INSTRUMENTS)[:MAX_INSTRUMENTS]
    score = compose(Brief(instruments=names, drums=True), bars=2, seed=1)
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
    programs = {m.channel: m.program for t in file.tracks for m in t if m.type == "program_change"}
    assert len(programs) == MAX_INSTRUMENTS + 1
    for track in file.tracks[1:-1]:
        (channel,) = {m.channel for m in track if m.type == "program_change"}
        assert programs[channel] in INSTRUMENTS[track.name].programs


def test_the_same_call_writes_the_same_bytes_and_its_recipe(tmp_path: Path):
    first, second = tmp_path / "a.mid", tmp_path / "b.mid"
    for path in (first, second):
        riffkit.compose("funk with riffkit recipe {", bars=3, seed=5).save(path)
    assert first.read_bytes() == second.read_bytes()
    recipe = stored_recipe(first)
    assert recipe is not None
    assert recipe["command"] == "compose"
    wanted = {"prompt": "funk with riffkit recipe {", "bars": 3, "seed": 5, "beats_per_bar": 4}
    assert {name: recipe["arguments"][name] for name in wanted} == wanted


def test_a_file_of_another_program_is_not_riffkit_s(tmp_path: Path):
    path = tmp_path / "other.mid"
    mido.MidiFile(tracks=[mido.MidiTrack([mido.MetaMessage("text", text="riffkit recipe")])]).save(
        path
    )
    assert stored_recipe(path) is None
    with pytest.raises(OutputError, match=r"must end in \.mid"):
        riffkit.compose("piano", bars=1, seed=1).save(tmp_path / "score.wav")


@pytest.mark.parametrize("prompt", ["funk", "piano", "wibble", "waltz", "drums only", "sad pop"])
def test_a_recipe_s_arguments_compose_the_same(prompt: str):
    for seed in range(10):
        made = riffkit.compose(prompt, bars=3, seed=seed)
        assert riffkit.compose(**made.recipe.arguments).score == made.score
