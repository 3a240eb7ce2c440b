"""Scores from MIDI files: riffkit's own exactly, others' as their players play them."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from pathlib import Path

import mido
import pytest

from riffkit.errors import ParameterError
from riffkit.music.midi_score import ReadScore, read_score
from riffkit.score import Note, Score, Section, Track, write_score
from riffkit.score.brief import Brief
from riffkit.score.chords import chord_line, parse_chords
from riffkit.score.compose import compose
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.midi import midi_bytes
from riffkit.score.styles import STYLES
from riffkit.spectrogram.beat_grid import MAX_BARS

OTHERS = Path(__file__).parent / "other_programs"


def on(pitch: int, time: int = 0, *, channel: int = 0, velocity: int = 90) -> mido.Message:
    return mido.Message("note_on", note=pitch, time=time, channel=channel, velocity=velocity)


def off(pitch: int, time: int = 480, *, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


def control(number: int, value: int, time: int = 0, *, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=time, channel=channel)


def program(number: int, time: int = 0, *, channel: int = 0) -> mido.Message:
    return mido.Message("program_change", program=number, time=time, channel=channel)


def read(folder: Path, *tracks: list[mido.Message], form: int = 1) -> ReadScore:
    path = folder / "a.mid"
    mido.MidiFile(type=form, tracks=[mido.MidiTrack(track) for track in tracks]).save(path)
    return read_score(path)


def struck(track: Track) -> list[tuple[float, float, int]]:
    return [(note.start, note.duration, note.pitch) for note in track.notes]


@pytest.mark.parametrize("seed", range(30))
def test_what_was_written_is_read_exactly(seed: int, tmp_path: Path) -> None:
    style_of = {0: Brief(style="trap", beats_per_bar=7), 1: Brief(only_drums=True)}
    score = (
        write_score(seed) if seed % 2 else compose(style_of.get(seed, Brief()), bars=5, seed=seed)
    )
    if seed == 3:
        score = replace(
            score,
            sections=(Section("intro  1", 0.0, 4.0), Section("Strophe", 4.5, 3.5)),
            chords=parse_chords("C/G | N.C.", beats_per_bar=4),
            tracks=tuple(replace(track, name="Käthe  {") for track in score.tracks),
        )
    path = tmp_path / "a.mid"
    path.write_bytes(midi_bytes(score, title="Ein Lied", recipe='{"prompt": "riffkit score {"}'))
    assert read_score(path) == ReadScore(score, "Ein Lied")


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_was_changed_is_read_as_it_is_now(seed: int, tmp_path: Path) -> None:
    score = compose(Brief(style="funk"), bars=4, seed=seed)
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
    for message in file.tracks[1]:
        if message.type in ("note_on", "note_off"):
            message.note -= 1
    file.save(tmp_path / "a.mid")
    now = read_score(tmp_path / "a.mid").score
    was, changed = (next(t for t in s.tracks if not t.is_drums) for s in (score, now))
    assert [note.pitch + 1 for note in changed.notes] == [note.pitch for note in was.notes]
    parts = (
        sorted(s.tracks, key=lambda t: t.instrument if t.is_drums else "") for s in (score, now)
    )
    for old, new in zip(*parts, strict=True):
        assert (new.instrument, new.is_drums) == (old.instrument, old.is_drums)
        assert (new.bank, new.program) == (old.bank, old.program)
        assert [note.velocity for note in new.notes] == [note.velocity for note in old.notes]
        if not new.is_drums:
            assert new.level_db == pytest.approx(old.level_db, abs=6)
            assert new.pan == pytest.approx(old.pan, abs=0.02)
    assert (now.bpm, now.n_beats, now.sections) == (score.bpm, score.n_beats, score.sections)
    assert (now.facts.key, now.facts.is_minor) == (score.facts.key, score.facts.is_minor)


@pytest.mark.parametrize(
    ("name", "tempo", "beats", "key", "players"),
    [
        ("pretty_midi", 97, 3, ("D", "minor"), ["piano", "bass guitar", "trombone", "drums"]),
        ("midiutil", 133, 3, None, ["flute", "strings", "drums"]),
        ("music21", 72, 4, ("E", "minor"), ["violin", "cello", "piano"]),
    ],
)
def test_other_programs_files_are_read_as_they_read_them(
    name: str, tempo: float, beats: int, key: tuple[str, str] | None, players: list[str]
) -> None:
    """Within half a tick or 1 ms; other_programs/make.py made them."""
    score = read_score(OTHERS / f"{name}.mid").score
    assert (score.bpm, score.facts.beats_per_bar) == (tempo, beats)
    if key is not None:
        assert (score.facts.key, score.facts.mode) == key
    assert players == list(
        dict.fromkeys("drums" if t.is_drums else t.instrument for t in score.tracks)
    )
    beat = 60 / tempo
    ours = [
        [n.pitch, n.start * beat, n.duration * beat, n.velocity]
        for t in score.tracks
        for n in t.notes
    ]
    theirs = [[c, a, b, d] for a, b, c, d in json.loads((OTHERS / f"{name}.json").read_text())]
    assert len(ours) == len(theirs)
    for mine, other in zip(sorted(ours), sorted(theirs), strict=True):
        assert mine == pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize("name", ["pretty_midi", "midiutil", "music21"])
def test_a_score_that_was_read_is_written_and_read_again(name: str, tmp_path: Path) -> None:
    score = read_score(OTHERS / f"{name}.mid").score
    path = tmp_path / "a.mid"
    path.write_bytes(midi_bytes(score))
    assert read_score(path).score == score
    assert Score.from_dict(json.loads(json.dumps(score.to_dict()))) == score


def test_channels_and_programs_of_one_track_are_tracks(tmp_path: Path) -> None:
    song = [
        *(program(40), program(73, channel=1), on(76), on(84, channel=1), off(76)),
        *(off(84, 0, channel=1), program(56), on(70), off(70), on(36, channel=9)),
        off(36, channel=9),
    ]
    score = read(tmp_path, song, form=0).score
    assert [(t.instrument, struck(t)) for t in score.tracks] == [
        ("violin", [(0, 1, 76)]),
        ("trumpet", [(1, 1, 70)]),
        ("flute", [(0, 1, 84)]),
        ("kick", [(2, 1, 36)]),
    ]


def test_a_program_that_another_track_sets_counts_from_its_tick(tmp_path: Path) -> None:
    score = read(tmp_path, [on(60, channel=3), off(60, channel=3)], [program(40, channel=3)]).score
    assert score.tracks[0].instrument == "violin"


def test_the_pedal_holds_notes(tmp_path: Path) -> None:
    song = [
        *(control(64, 127), on(60), off(60), on(64), off(64), on(60), off(60)),
        *(control(64, 0, 480), on(67), off(67)),
    ]
    (track,) = read(tmp_path, song).score.tracks
    assert struck(track) == [(0, 2, 60), (1, 3, 64), (2, 2, 60), (4, 1, 67)]


def test_volume_pan_bank_and_reverb(tmp_path: Path) -> None:
    loud = [control(7, 127), control(10, 0), control(0, 8), on(60, velocity=100), off(60)]
    quiet = [
        *(control(7, 90, channel=1), control(11, 90, channel=1), control(10, 127, channel=1)),
        *(control(91, 127, channel=1), on(60, channel=1, velocity=100), off(60, channel=1)),
    ]
    one, other = read(tmp_path, loud, quiet).score.tracks
    assert (one.pan, other.pan, one.bank) == (-1, 1, 8)
    assert other.send == 1 and one.send == INSTRUMENTS["piano"].send
    assert one.level_db - other.level_db == pytest.approx(11.97, abs=0.05)  # 80 log10(127 / 90)


@pytest.mark.parametrize(
    "message",
    [
        (0x41, 0x10, 0x42, 0x12, 0x40, 0x13, 0x15, 0x02, 0x16),  # GS: part 3 for rhythm
        (0x43, 0x10, 0x4C, 0x08, 0x02, 0x07, 0x02),  # XG: part 3 is drums
    ],
)
def test_drum_parts_of_gs_and_xg(message: tuple[int, ...], tmp_path: Path) -> None:
    notes = [on(38, channel=2), off(38, channel=2), on(40, channel=1), off(40, channel=1)]
    song = [mido.Message("sysex", data=message), *notes]
    pitched, drums = read(tmp_path, song).score.tracks
    assert (pitched.instrument, drums.instrument, drums.is_drums) == ("piano", "snare", True)


def test_markers_metre_key_and_title(tmp_path: Path) -> None:
    head = [
        mido.MetaMessage("track_name", name="My song"),
        mido.MetaMessage("time_signature", numerator=7, denominator=8),
        mido.MetaMessage("key_signature", key="Bbm"),
        mido.MetaMessage("marker", text="verse"),
        mido.MetaMessage("marker", text="chorus", time=7 * 480),
    ]
    made = read(tmp_path, head, [on(58), off(58, 14 * 480)])
    assert (made.title, made.notes) == (
        "My song",
        ("a.mid: 7/8: two of its bars are one bar of 7 beats here",),
    )
    assert (made.score.facts.key, made.score.facts.mode) == ("Bb", "minor")
    assert made.score.sections == (Section("verse", 0.0, 7.0), Section("chorus", 7.0, 7.0))


def test_a_key_that_is_only_the_program_s_usual_is_found_in_the_notes(tmp_path: Path) -> None:
    head = [mido.MetaMessage("key_signature", key="C")]
    scale = (64, 66, 68, 69, 71, 73, 75, 76, 71, 68, 64)
    made = read(tmp_path, head, [m for pitch in scale for m in (on(pitch), off(pitch))])
    assert (made.score.facts.key, made.score.facts.mode) == ("E", "major")


def test_the_keys_of_composed_songs_are_found(tmp_path: Path) -> None:
    """Without a signature; what is missed is mostly the relative key."""
    hits = []
    for seed, style in enumerate(name for name, info in STYLES.items() if info.chords):
        score = compose(Brief(style=style), bars=8, seed=400 + seed)
        file = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
        file.tracks[0] = [m for m in file.tracks[0] if m.type not in ("key_signature", "text")]
        file.save(tmp_path / "a.mid")
        facts = read_score(tmp_path / "a.mid").score.facts
        wanted = (score.facts.key, score.facts.is_minor)
        hits.append((facts.key, facts.is_minor) == wanted or score.facts.key is None)
    assert sum(hits) >= 0.75 * len(hits)


@pytest.mark.parametrize(
    ("tempi", "bpm", "note"),
    [
        ([(0, 60), (0, 144)], 144, ""),  # of two at one tick the last
        ([(0, 13.3), (480, 120)], 120, "its tempo changes; it plays at 120 BPM throughout"),
        ([(0, 90), (1920, 140)], 90, "its tempo changes; it plays at 90 BPM throughout"),
        ([(960, 90)], 90, ""),
    ],
)
def test_the_tempo_is_that_of_most_notes(
    tempi: list[tuple[int, float]], bpm: float, note: str, tmp_path: Path
) -> None:
    head, now = [], 0
    for tick, tempo in tempi:
        head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo), time=tick - now))
        now = tick
    song = [m for _ in range(6) for m in (on(60), off(60))]
    made = read(tmp_path, head, song)
    assert (made.score.bpm, made.score.tracks[0].notes[-1].start) == (bpm, 5)
    assert made.notes == ((f"a.mid: {note}",) if note else ())


def test_songs_of_format_2_follow_one_another(tmp_path: Path) -> None:
    made = read(tmp_path, [on(60), off(60)], [on(62), off(62)], form=2)
    assert [struck(track) for track in made.score.tracks] == [[(0, 1, 60)], [(1, 1, 62)]]
    assert made.notes == ("a.mid: its tracks play one after another",)


@pytest.mark.parametrize(
    ("end", "padding", "n_beats"),
    [(1920, 0, 4), (1930, 0, 4), (2000, 0, 8), (480, 0, 4), (480, 3360, 8), (480, 3000, 4)],
)
def test_a_score_has_whole_bars(end: int, padding: int, n_beats: int, tmp_path: Path) -> None:
    last = mido.MetaMessage("end_of_track", time=padding)
    score = read(tmp_path, [on(60), off(60, end), last]).score
    assert score.n_beats == n_beats
    (note,) = score.tracks[0].notes
    assert note.duration == min(end / 480, n_beats)


def test_chords_are_found(tmp_path: Path) -> None:
    song = []
    for chord in ((45, 57, 60, 64), (41, 57, 60, 65)):
        song += [on(pitch) for pitch in chord] + [off(chord[0], 1920)]
        song += [off(pitch, 0) for pitch in chord[1:]]
    score = read(tmp_path, song).score
    assert chord_line(score.chords, beats_per_bar=4) == "Am | F"


def test_two_hundred_tracks(tmp_path: Path) -> None:
    """Those with most notes play, and that is said."""
    tracks = [
        [m for _ in range(1 + k) for m in (on(60, channel=k % 9), off(60, channel=k % 9))]
        for k in range(200)
    ]
    made = read(tmp_path, *tracks)
    assert [len(track.notes) for track in made.score.tracks] == list(range(186, 201))
    assert "a.mid: has 200 tracks; the 15 with most notes play" in made.notes
    midi_bytes(made.score)


def test_an_hour(tmp_path: Path) -> None:
    """7,200 beats: the first 512 bars are read."""
    made = read(tmp_path, [m for _ in range(7_200) for m in (on(60), off(60))])
    assert made.score.n_beats == MAX_BARS * 4 == len(made.score.tracks[0].notes)
    assert made.notes == ("a.mid: has 1800 bars; the first 512 are read",)


def test_drums_alone_are_a_score(tmp_path: Path) -> None:
    song = [m for p in (35, 40, 42, 57, 65, 30) for m in (on(p, channel=9), off(p, channel=9))]
    score = read(tmp_path, [program(25, channel=9), *song]).score
    sections = ["kick", "snare", "hats", "crash", "hand percussion"]
    assert [track.instrument for track in score.tracks] == sections
    assert (score.facts.key, score.chords, score.facts.kit) == (None, (), "808")
    assert score.facts.texture == "drums only"


def test_stand_ins_are_said(tmp_path: Path) -> None:
    made = read(tmp_path, [program(70), on(50), off(50)])
    assert made.score.tracks[0].instrument == "clarinet"
    assert made.notes == ("a.mid: bassoon is played as clarinet",)


def test_every_program_has_an_instrument(tmp_path: Path) -> None:
    for number in range(128):
        (track,) = read(tmp_path, [program(number), on(60), off(60)]).score.tracks
        assert track.program == number and track.instrument in INSTRUMENTS


@pytest.mark.parametrize(
    ("seed", "roles"),
    [(1, ["bass", "lead"]), (2, ["bass", "comp", "lead"]), (3, ["bass", "pad", "lead"])],
)
def test_who_plays_the_melody_is_found(seed: int, roles: list[str], tmp_path: Path) -> None:
    """A band whose players are named by nothing but their notes."""
    parts = {
        "bass": [Note(float(k), 0.9, 36 + k % 5, 90) for k in range(8)],
        "lead": [Note(k / 2, 0.4, 72 + k % 7, 100) for k in range(16)],
        "comp": [Note(float(k), 0.8, 55 + i, 70) for k in range(8) for i in (0, 4, 7)],
        "pad": [Note(4.0 * k, 4.0, 55 + i, 60) for k in range(2) for i in (0, 4, 7)],
    }
    tracks = tuple(
        Track("piano", "comp", 0, 0, -20.0, 0.0, 0.2, tuple(parts[role])) for role in roles
    )
    score = replace(write_score(seed), tracks=tracks)
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
    del file.tracks[0][0]  # what says the roles
    file.save(tmp_path / "a.mid")
    assert [track.role for track in read_score(tmp_path / "a.mid").score.tracks] == roles


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no music", "can't be read as MIDI"),
        (b"", "can't be read as MIDI"),
        (None, "no such file"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes | None, says: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(ParameterError, match=f"^score='a.mid': {says}"):
        read_score(tmp_path / "a.mid")


def test_no_notes_is_said(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"^score='a\.mid': contains no notes"):
        read(tmp_path, [program(3)])


def test_no_bytes_are_an_error_of_their_own(tmp_path: Path) -> None:
    """Damaged files: each is read as a score that can be written, or refused in a line."""
    chance = random.Random(1)
    whole = midi_bytes(compose(Brief(style="funk"), bars=1, seed=1))
    whole = whole[:14] + whole[whole.index(b"MTrk", 20) :]  # without what was written of it
    path = tmp_path / "a.mid"
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            place = chance.randrange(len(data))
            if chance.random() < 0.1:
                del data[place:]
            data[place : place + 1] = bytes([chance.randrange(256)])
        path.write_bytes(data)
        try:
            score = read_score(path).score
        except ParameterError as error:
            assert "\n" not in str(error)
            continue
        for track in score.tracks:
            for note in track.notes:
                assert 0 <= note.start < score.n_beats and note.duration > 0
        assert midi_bytes(score)
