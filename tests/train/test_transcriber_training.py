"""What the transcriber is to hear, the mixes that it is shown, a run and its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from typer.testing import CliRunner

from riffkit.analysis.transcription.axes import DRUM_COLUMNS, LOWEST_PITCH, N_BANDS, N_BINS
from riffkit.analysis.transcription.listening import decode
from riffkit.analysis.transcription.network import DRUMS, Pitches, Strokes, load_transcriber
from riffkit.commands.app import application
from riffkit.errors import ParameterError
from riffkit.evaluation.note_match import match_notes
from riffkit.evaluation.score_onsets import drum_of, true_drums, true_pitches
from riffkit.score import Note, Score, Track, write_score
from train.listeners import tracks
from train.listeners.bands import Band
from train.listeners.tracks import band_levels, write_bands
from train.listeners.transcriber import library
from train.listeners.transcriber.library import Library
from train.listeners.transcriber.mixes import Shares, draw_mix, pooled, real_mix, real_track
from train.listeners.transcriber.targets import truth_of
from train.listeners.transcriber.task import DrumTask, PitchTask
from train.sounds.render_score import SAMPLE_RATE, loop_samples
from train.stream.recipe import FIRST_HELD_OUT

SHARES = Shares(pitched=0.3, drums=0.2, drum=0.1, few=0.2)


def _track(role: str, *notes: Note) -> Track:
    return Track("piano", role, 0, 0, -20.0, 0.0, 0.0, notes)


def _band(number: int, fonts: object = ()) -> Band:
    """A score's notes as plain tones, its drums as clicks."""
    score = write_score(number % 1000)
    n_samples = loop_samples(score)
    return Band(number, score, tuple(_played(t, score, n_samples) for t in score.tracks), None)


def _played(track: Track, score: Score, n_samples: int) -> np.ndarray:
    sound = np.zeros(n_samples, np.float32)
    seconds = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    for note in track.notes:
        start = round(note.start * 60 / score.bpm * SAMPLE_RATE)
        hz = 60 if track.is_drums else 440 * 2 ** ((note.pitch - 69) / 12)
        tone = 0.1 * np.sin(2 * np.pi * hz * seconds) * np.exp(-seconds / 0.1)
        np.add.at(sound, (start + np.arange(len(tone))) % n_samples, tone)
    return np.tile(sound, (2, 1))


def _number(*, n_tracks: int) -> int:
    return next(n for n in range(1000) if len(write_score(n).tracks) >= n_tracks)


def test_what_the_targets_say_is_decoded_to_the_score() -> None:
    score = write_score(_number(n_tracks=5))
    truth = truth_of(score.tracks, n_beats=score.n_beats, n_columns=320)
    logits = {
        name: torch.logit(value[None].clamp(1e-4, 1 - 1e-4)) for name, value in vars(truth).items()
    }
    pitches = Pitches(*(logits[name] for name in Pitches._fields[:3]), truth.velocity[None])
    strokes = Strokes(logits["drums"], truth.drum_velocity[None])
    seconds = score.n_beats * 60 / score.bpm
    heard = decode(pitches, strokes, seconds)
    for found, true in (
        ([(n.start, n.pitch) for n in heard.notes], true_pitches(score.tracks, score)),
        ([(s.start, s.drum) for s in heard.strokes], true_drums(score.tracks, score)),
    ):
        # within a column's tenth, but for the few notes that come closer than three columns
        assert match_notes(found, true, tolerance=0.1 * seconds / 320, period=seconds).f1 > 0.9


def test_notes_begin_as_gaussians_and_play_round_the_end() -> None:
    note = Note(3.9375, 0.5, 60, 100)
    truth = truth_of([_track("bass", note)], n_beats=4, n_columns=32)
    row = 60 - LOWEST_PITCH
    assert truth.onset[row].argmax() in (31, 0)
    assert truth.onset[row, 31] == truth.onset[row, 0] == pytest.approx(0.8007, abs=1e-3)
    assert truth.frame[row].nonzero().flatten().tolist() in ([0, 1, 2, 31], [0, 1, 2, 3])
    assert truth.frame.sum() == truth.bass.sum() == 4
    assert truth.velocity[row, 31] == truth.velocity[row, 0] == pytest.approx(100 / 127)
    assert truth_of([_track("lead", note)], n_beats=4, n_columns=32).bass.sum() == 0


def test_drums_are_told_by_their_keys() -> None:
    notes = (Note(0.0, 0.1, 36, 100), Note(1.0, 0.1, 39, 64), Note(2.0, 0.1, 58, 100))
    truth = truth_of([_track("drums", *notes)], n_beats=4, n_columns=64)
    assert truth.drums[:, 0].nonzero().flatten().tolist() == [DRUMS.index("kick")]
    assert truth.drums[DRUMS.index("snare"), 16] == 1
    assert truth.onset.sum() == 0
    assert {drum_of(pitch) for pitch in range(128)} == set(DRUMS)


def test_unisons_count_once() -> None:
    score = write_score(0)
    same = _track("lead", Note(0.0, 1.0, 60, 100), Note(1.0, 1.0, 60, 100))
    assert len(true_pitches([same, same], score)) == 2


def test_a_mix_follows_from_its_generator() -> None:
    band = pooled(band_levels(_band(_number(n_tracks=4))))
    first, again, other = (
        draw_mix(band, torch.Generator().manual_seed(seed), SHARES) for seed in (5, 5, 6)
    )
    assert torch.equal(first.bins, again.bins)
    assert torch.equal(first.truth.onset, again.truth.onset)
    assert not torch.equal(first.bins, other.bins)
    assert first.bins.shape == (N_BINS, band.width)
    assert first.bands.shape == (N_BANDS, DRUM_COLUMNS * band.width)
    assert first.bins.min() >= 0 and first.bins.max() <= 1


def test_mixes_are_of_all_kinds() -> None:
    band = pooled(band_levels(_band(_number(n_tracks=5))))
    drawn = [draw_mix(band, torch.Generator().manual_seed(n), SHARES).truth for n in range(60)]
    kinds = {(bool(t.onset.any()), bool(t.drums.any())) for t in drawn}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}


def test_some_tracks_have_their_notes_alone() -> None:
    band = pooled(band_levels(_band(_number(n_tracks=4))))
    whole, one = real_mix(band).truth, real_track(band, [0]).truth
    first = truth_of(band.score.tracks[:1], n_beats=band.score.n_beats, n_columns=band.width)
    assert torch.equal(one.onset, first.onset) and torch.equal(one.drums, first.drums)
    assert (whole.onset >= one.onset).all()


@pytest.fixture
def bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tracks, "draw_band", _band)
    folder = tmp_path / "bands"
    list(write_bands(folder, [FIRST_HELD_OUT, 0, 1], []))
    return folder


def _command(*words: str | Path) -> str:
    done = CliRunner().invoke(application(), ["train", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_run_is_exported_and_loaded(bands: Path, tmp_path: Path) -> None:
    run, path = tmp_path / "run", tmp_path / "t.safetensors"
    words = ("transcriber", run, "--bands", bands, "--batch-size", "2", "--images")
    said = _command(*words, "4")
    assert "single_f1" in said and "bands 2" in said
    with pytest.raises(ParameterError, match=r"drums/state.pt is missing: run `riff train trans"):
        _command("export-transcriber", run, path)
    assert "drums_f1" in _command(*words, "6", "--drums")
    _command("export-transcriber", run, path)
    assert not load_transcriber(path).training
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()["facts"]
    assert json.loads(facts) == {"images_seen": {"pitches": 4, "drums": 6}}
    assert path.stat().st_size < 1 << 20


@pytest.mark.parametrize(("kind", "rate", "n_steps"), [(PitchTask, 3e-3, 6), (DrumTask, 1e-3, 20)])
def test_a_step_follows_from_its_generator_and_can_be_learned_from(
    kind: type[PitchTask] | type[DrumTask], rate: float, n_steps: int, bands: Path
) -> None:
    torch.manual_seed(0)
    task: Any = kind(Library(bands, n_held_out=1))
    batch, again = (
        task.draw(torch.zeros(4, dtype=torch.long), torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert all(torch.equal(value, getattr(again, name)) for name, value in vars(batch).items())
    optimizer = torch.optim.Adam(task.network.parameters(), lr=rate)
    losses = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss, _ = task.loss(batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]


def test_bands_that_come_later_are_found(bands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Library(bands, n_held_out=1)
    list(write_bands(bands, [2], []))
    found.draw(1, torch.Generator())
    assert len(found) == 2
    monkeypatch.setattr(library, "_LOOK_SECONDS", -1.0)
    drawn = found.draw(3, torch.Generator())
    assert len(found) == 3
    assert len({band.width for band in drawn}) == 1


def test_a_folder_without_bands_is_said(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="contains no bands; run `riff train listen-renders`"):
        Library(tmp_path, n_held_out=1)
