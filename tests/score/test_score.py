"""The scores obey music: keys and chords, rhythm on its grid, variety, and facts that are true."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter

import numpy as np
import pytest

from riffkit.analysis.key import chroma_to_key
from riffkit.score import STYLES, Score, ScoreFacts, Track, write_score
from riffkit.score.bach import draw_phrase
from riffkit.score.comping import chorale, voicings
from riffkit.score.drums import GROOVES, PARTS
from riffkit.score.harmony import (
    SCALES,
    chord_at,
    key_names,
    lay_progression,
    parse_numeral,
    scale_over,
)
from riffkit.score.instruments import INSTRUMENTS, KITS
from riffkit.score.phrases import ARPEGGIO, BASS, COMPING, MELODY
from riffkit.score.rhythm import read_rhythm, swing

N_SCORES = 500


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return [write_score(seed) for seed in range(N_SCORES)]


def _pitched(score: Score) -> list[Track]:
    return [t for t in score.tracks if not t.is_drums]


def test_a_seed_gives_the_same_score_whatever_came_before(scores: list[Score]):
    random.seed(5)
    assert [write_score(seed) for seed in (499, 3, 120)] == [scores[499], scores[3], scores[120]]


def test_no_two_scores_are_alike(scores: list[Score]):
    assert len({(s.tracks, s.bpm) for s in scores}) == N_SCORES


def test_every_note_belongs_to_the_key_or_its_chord(scores: list[Score]):
    """But for the chromatic approaches of a walking bass."""
    for score in scores:
        facts = score.facts
        if facts.key is None:
            continue
        tonic = key_names(facts.mode).index(facts.key)
        for track in _pitched(score):
            if facts.style == "jazz swing" and track.instrument == "upright bass":
                continue
            for note in track.notes:
                chord = chord_at(score.chords, note.start)
                allowed = {(tonic + s) % 12 for s in SCALES[facts.mode]}
                allowed |= set(scale_over(chord, SCALES[facts.mode], tonic))
                assert note.pitch % 12 in allowed, (facts, track.instrument, note)


def test_walking_bass_leaves_the_key_only_next_to_where_it_goes(scores: list[Score]):
    n_chromatic = 0
    for score in (s for s in scores if s.facts.style == "jazz swing" and s.facts.key):
        tonic = key_names(score.facts.mode).index(score.facts.key)
        for track in (t for t in score.tracks if t.role == "bass"):
            after = [*track.notes[1:], track.notes[0]]
            for note, following in zip(track.notes, after, strict=True):
                chord = chord_at(score.chords, note.start)
                allowed = set(scale_over(chord, SCALES[score.facts.mode], tonic))
                allowed |= {(tonic + s) % 12 for s in SCALES[score.facts.mode]}
                if note.pitch % 12 not in allowed:
                    n_chromatic += 1
                    assert abs(note.pitch - following.pitch) in (1, 11, 13), score.facts
    assert n_chromatic > 0


def test_bass_plays_the_root_where_a_chord_begins(scores: list[Score]):
    """Wherever a line does not leave that beat free."""
    begins = roots = 0
    for score in scores:
        for track in (t for t in score.tracks if t.role == "bass"):
            at = {round(n.start, 3): n.pitch % 12 for n in track.notes}
            for chord in score.chords:
                if chord.start in at:
                    begins += 1
                    roots += at[chord.start] == chord.root
    assert roots / begins == 1.0
    assert begins > 600


def test_drums_are_in_the_facts_if_and_only_if_they_play(scores: list[Score]):
    for score in scores:
        assert score.facts.drums == any(t.bank == 128 for t in score.tracks)
        assert (score.facts.texture == "drums only") == (not _pitched(score))
        assert bool(score.facts.kit) == score.facts.drums
        played = {t.instrument for t in _pitched(score)}
        assert set(score.facts.instruments) == played


def test_textures_keep_their_shares(scores: list[Score]):
    share = {k: v / N_SCORES for k, v in Counter(s.facts.texture for s in scores).items()}
    assert 0.11 < share["solo"] < 0.22
    assert 0.05 < share["drums only"] < 0.13
    assert 0.5 < sum(s.facts.drums for s in scores) / N_SCORES < 0.75
    assert 0.03 < sum(s.facts.beats_per_bar == 3 for s in scores) / N_SCORES < 0.1


def test_solo_has_one_instrument_and_a_figure(scores: list[Score]):
    soloists = set()
    for facts in (s.facts for s in scores if s.facts.texture == "solo"):
        assert len(facts.instruments) == 1
        assert facts.figure
        assert not facts.drums
        soloists.add(facts.instruments[0])
    assert len(soloists) >= 24


def test_all_styles_and_all_keys_occur_each_at_its_own_tempo(scores: list[Score]):
    assert {s.facts.style for s in scores} == set(STYLES)
    assert len({s.facts.key for s in scores} - {None}) >= 12
    for score in scores:
        low, high = STYLES[score.facts.style].bpm_range
        assert low <= score.bpm <= high
    for info in STYLES.values():
        assert info.bpm_range[0] <= info.default_bpm <= info.bpm_range[1]


def test_density_is_heard_in_attacks(scores: list[Score]):
    """A dense band strikes at least twice as often as a sparse one."""
    attacks: dict[str, list[float]] = {"sparse": [], "medium": [], "dense": []}
    for score in scores:
        if score.facts.texture == "band":
            n_attacks = len({(t.role, n.start) for t in score.tracks for n in t.notes})
            attacks[score.facts.density].append(n_attacks / score.n_beats)
    means = {k: sum(v) / len(v) for k, v in attacks.items()}
    assert means["sparse"] * 2 < means["dense"]
    assert means["sparse"] < means["medium"] < means["dense"]


def test_notes_fit_the_loop(scores: list[Score]):
    """Inside the two bars, on the piano's keys, none cut off by its own repeat."""
    for score in scores:
        assert score.n_beats == 2 * score.facts.beats_per_bar
        for track in score.tracks:
            ends: dict[int, float] = {}
            for note in track.notes:
                assert 0 <= note.start < score.n_beats
                assert 0 < note.duration <= score.n_beats
                assert 24 <= note.pitch <= 108
                assert 1 <= note.velocity <= 127
                assert ends.get(note.pitch, 0.0) <= note.start + 1e-6
                ends[note.pitch] = note.start + note.duration


def test_every_score_begins_within_the_first_beat(scores: list[Score]):
    assert all(min(n.start for t in s.tracks for n in t.notes) <= 1 for s in scores)


def test_straight_styles_stay_on_the_sixteenths(scores: list[Score]):
    for score in scores:
        info = STYLES[score.facts.style]
        if info.swing == 0.5 and not info.rolls:
            starts = [n.start * 4 for t in score.tracks for n in t.notes]
            assert all(abs(s - round(s)) < 1e-4 for s in starts), score.facts


def test_facts_survive_json(scores: list[Score]):
    for score in scores[:50]:
        assert ScoreFacts.from_dict(json.loads(json.dumps(score.facts.to_dict()))) == score.facts


def test_minor_flag_follows_the_third(scores: list[Score]):
    """The blues plays minor thirds over major chords, and isn't called minor."""
    for facts in (s.facts for s in scores if s.facts.mode):
        has_minor_third = 3 in SCALES[facts.mode] and facts.mode != "blues"
        assert facts.is_minor == has_minor_third


@pytest.mark.parametrize(
    ("numeral", "root", "intervals"),
    [
        ("I", 9, (0, 4, 7)),
        ("bVII", 7, (0, 4, 7)),
        ("ii7", 11, (0, 3, 10, 7)),
        ("V7", 4, (0, 4, 10, 7)),
        ("IM9", 9, (0, 4, 11, 14, 7)),
        ("iih7", 11, (0, 3, 6, 10)),
    ],
)
def test_numerals_in_a(numeral: str, root: int, intervals: tuple[int, ...]):
    assert parse_numeral(numeral, tonic=9) == (root, intervals)


def test_scale_over_a_borrowed_chord_gives_way_to_its_tones():
    """Over E7 in A minor the G leaves for the G sharp."""
    (chord,) = lay_progression("V7", 9, 8)
    over = scale_over(chord, SCALES["minor"], 9)
    assert 8 in over
    assert 7 not in over


def test_voicings_move_little():
    chords = lay_progression("I vi IV V", 0, 8)
    voiced = voicings(chords, 60, 3)
    for before, now in itertools.pairwise(voiced):
        assert all(min(abs(p - q) for q in before) <= 3 for p in now)


def test_chorale_voices_neither_cross_nor_run_in_fifths():
    chords = lay_progression("I V vi iii IV I ii V", 2, 8)
    for seed in range(20):
        voices = chorale(chords, SCALES["major"], 2, random.Random(seed), moving=0.0)
        frames = list(zip(*([n.pitch for n in v] for v in voices), strict=True))
        assert all(list(f) == sorted(f) for f in frames)
        for before, now in itertools.pairwise(frames):
            for low, high in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
                gap = (now[high] - now[low]) % 12
                moved = before[low] != now[low]
                assert not (moved and gap in (0, 7) and gap == (before[high] - before[low]) % 12)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_bachs_phrases_fill_two_bars_in_their_key(mode):
    """Krumhansl would call hardly any of them by another tonic; the transposition keeps voices."""
    hits = 0
    for seed in range(60):
        tonic = seed % 12
        phrase = draw_phrase(mode, tonic, random.Random(seed))
        assert len(phrase.chords) == 8
        shares = np.zeros(12)
        for voice in phrase.voices:
            assert sum(n.duration for n in voice) == 8
            ends = [n.start + n.duration for n in voice]
            assert [n.start for n in voice[1:]] == ends[:-1]
            assert all(31 <= n.pitch <= 88 for n in voice)
            for n in voice:
                shares[n.pitch % 12] += n.duration
        found = chroma_to_key(shares / shares.sum()).name
        hits += found == f"{key_names(mode)[tonic]} {mode}"
        bass, soprano = (
            np.mean([n.pitch for n in v]) for v in (phrase.voices[0], phrase.voices[3])
        )
        assert bass + 12 < soprano
    assert hits >= 48


def test_a_chorale_of_bachs_is_sung_note_for_note():
    sung = 0
    for seed in range(1500):
        score = write_score(seed)
        if score.facts.style != "chorale" or score.chords[0].numeral:
            continue
        sung += 1
        pitches = {n.pitch % 12 for t in score.tracks for n in t.notes if n.start < 1}
        assert pitches == set(score.chords[0].pitch_classes)
    assert sung >= 5


def test_read_rhythm_holds_through_dashes():
    hits = read_rhythm("X--.x---", 4, 2)
    assert [(h.start, h.duration) for h in hits] == [(0, 1.5), (2, 2), (4, 1.5), (6, 2)]


def test_swing_moves_the_off_beat_and_nothing_else():
    assert swing(1.5, 2 / 3, 1.0) == pytest.approx(1 + 2 / 3)
    assert swing(3.0, 2 / 3, 1.0) == pytest.approx(3.0)
    assert swing(0.25, 0.6, 0.5) == pytest.approx(0.3)
    times = [k / 16 for k in range(65)]
    swung = [swing(t, 2 / 3, 1.0) for t in times]
    assert swung == sorted(swung)


def test_bars_of_all_patterns_are_whole_grids():
    """Eighths or sixteenths of three or four beats; a bar of dots may be one."""
    tables = (COMPING, BASS, MELODY, ARPEGGIO)
    patterns = [p for table in tables for family in table.values() for p in family]
    patterns += [p for grooves in GROOVES.values() for g in grooves for p in g.split()[1::2]]
    for pattern in patterns:
        assert {len(bar) for bar in pattern.split("|")} <= {1, 3, 6, 12, 8, 16}, pattern


def test_tables_hang_together():
    """Every name in a style is the name of something."""
    for info in STYLES.values():
        players = (*info.chords, *info.bass, *info.leads, *info.pads, *info.arpeggios)
        assert set(players) <= set(INSTRUMENTS)
        assert set(info.kits) <= set(KITS)
        assert bool(info.kits) == bool(info.grooves)
        assert set(info.grooves) <= set(GROOVES)
        assert set(info.comping) <= set(COMPING)
        assert set(info.bass_lines) <= set(BASS)
        assert set(info.melodies) <= set(MELODY)
        assert set(info.arpeggio_rhythms) <= set(ARPEGGIO)
        for mode, progressions in info.modes.items():
            assert mode in SCALES
            for progression in progressions:
                assert lay_progression(progression, 0, 8)
    for grooves in GROOVES.values():
        for groove in grooves:
            words = groove.split()
            assert set(words[::2]) <= set(PARTS)
            assert len(words) % 2 == 0
