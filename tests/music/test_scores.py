"""Painting after a score: the user's own, or one composed over what the user brought."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import riffkit
from riffkit.analysis.chroma import chroma_steps
from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.music import painted_before
from riffkit.music.melody import chroma
from riffkit.music.replay import replay
from riffkit.music.riff import Riff
from riffkit.provenance.recipe import Recipe
from riffkit.score.midi import write_midi
from riffkit.score.notes import Note, Score
from riffkit.score.stems import stems_of
from riffkit.spectrogram.image import SpectrogramImage

QUICK: dict[str, Any] = {"steps": 1, "quality": "preview", "seed": 3}
BAND = "jazz swing with piano, upright bass and drums"


@pytest.fixture
def trio(tmp_path: Path) -> Path:
    """Two bars of piano, bass and drums in C minor."""
    riffkit.compose(f"{BAND}, C minor", bars=2, seed=4).save(tmp_path / "trio.mid")
    return tmp_path / "trio.mid"


def score_of(recipe: Recipe) -> Score:
    assert recipe.score is not None
    return Score.from_dict(recipe.score)


def likeness(clip: riffkit.Clip, notes: list[Note], n_beats: int) -> float:
    """The mean cosine of the chromas of a clip and of notes, where notes sound."""
    wanted = chroma(notes, n_beats)
    heard = chroma_steps(clip.waveform, clip.sample_rate, len(wanted))
    sounds = wanted.any(axis=1)
    norms = np.linalg.norm(wanted, axis=1) * np.linalg.norm(heard, axis=1)
    return float(((wanted * heard).sum(axis=1) / np.maximum(norms, 1e-12))[sounds].mean())


def test_the_notes_of_a_score_are_heard(riff: Riff, trio: Path) -> None:
    options = {**QUICK, "steps": 8, "loop": True}
    clip = riff.generate("jazz swing, piano", score=trio, **options)
    facts, score = clip.recipe.arguments, score_of(clip.recipe)
    assert (facts["key"], facts["bpm"], facts["bars"]) == ("C minor", score.bpm, 2)
    notes = [n for track in score.tracks if not track.is_drums for n in track.notes]
    free = riff.generate("jazz swing, piano", bpm=score.bpm, key="C minor", **options)
    assert likeness(clip, notes, 8) > likeness(free, notes, 8) + 0.15


def test_chords_are_played_over(riff: Riff) -> None:
    clip = riff.generate("pop with piano", chords="C | Am | F | G7", **QUICK)
    assert clip.recipe.arguments["bars"] == 4
    score = score_of(clip.recipe)
    assert [chord.root for chord in score.chords] == [0, 9, 5, 7]
    assert score.facts.key == "C"


def test_a_melody_leads_and_is_accompanied(thin: Riff, tmp_path: Path) -> None:
    tune = riffkit.compose("solo flute, folk, D major", bars=4, seed=2)
    tune.save(tmp_path / "tune.mid")
    clip = thin.generate("folk", melody=tmp_path / "tune.mid", **QUICK)
    score = score_of(clip.recipe)
    (lead,) = (track for track in score.tracks if track.role == "lead")
    ((_, notes),) = tune.score.notes.items()
    assert [(n.start, n.duration) for n in lead.notes] == [
        (pytest.approx(n.start, abs=1e-3), pytest.approx(n.duration, abs=1e-2)) for n in notes
    ]
    assert [n.pitch % 12 for n in lead.notes] == [n.pitch % 12 for n in notes]
    assert len({track.instrument for track in score.tracks}) > 1
    assert any(note.startswith("melody: pitch-class match") for note in clip.notes)


def test_a_replay_paints_the_recorded_score(
    thin: Riff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a later version would compose another."""
    thin.generate("funk with clavinet", chords="Em7 | A7", **QUICK).save(tmp_path / "a.wav")
    monkeypatch.setattr("riffkit.music.composing.compose", None)
    assert replay(tmp_path / "a.wav", tmp_path / "b.wav", model=thin.pipeline.loading["model"]).same


def test_stems_add_up_and_each_can_be_replayed(thin: Riff, tmp_path: Path) -> None:
    clip = thin.generate(BAND, stems=True, **QUICK)
    assert [*clip.stems] == ["piano", "upright bass", "drums"]
    rest = clip.waveform - sum(clip.stems.values())
    assert float(rest.abs().max()) < 1e-4 * float(clip.waveform.abs().max())
    clip.save(tmp_path / "a.wav", bits=24)
    paths = clip.save_stems(tmp_path / "stems", bits=24)
    whole = files.load(tmp_path / "a.wav")[0]
    added = torch.stack([files.load(path)[0] for path in paths]).sum(dim=0)
    assert (
        20 * torch.log10((whole - added).square().mean().sqrt() / whole.square().mean().sqrt())
        < -90
    )
    assert replay(paths[1], tmp_path / "again.wav", model=thin.pipeline.loading["model"]).same
    assert replay(
        paths[1].with_suffix(".png"), tmp_path / "again.png", model=thin.pipeline.loading["model"]
    ).same


def test_replacing_one_player_leaves_the_others_pixels(thin: Riff) -> None:
    first = thin.generate(BAND, stems=True, **QUICK)
    painted_before._RECENT.clear()
    second = thin.generate(BAND, stems=True, replace=["bass=fretless bass"], **QUICK)
    assert [*second.stems] == ["piano", "fretless bass", "drums"]
    for name in ("piano", "drums"):
        one, other = (clip.stem_images[name].pixels for clip in (first, second))
        assert np.array_equal(one, other)
    old, new = first.stem_images["upright bass"], second.stem_images["fretless bass"]
    assert not np.array_equal(old.pixels, new.pixels)
    others = [[t for t in score_of(c.recipe).tracks if t.role != "bass"] for c in (first, second)]
    assert others[0] == others[1]


def test_only_what_changes_is_painted(thin: Riff, monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[int] = []
    real = painted_before.remember
    thin.generate(BAND, stems=True, **QUICK)
    from riffkit.music import guiding

    paint = guiding.paint_guided

    def counted(session: Any, plan: Any, canvas: Any, parts: Any, **options: Any) -> Any:
        painted.append(len(parts))
        return paint(session, plan, canvas, parts, **options)

    monkeypatch.setattr(guiding, "paint_guided", counted)
    assert real is painted_before.remember
    clip = thin.generate(BAND, mute=["drums"], **QUICK)
    assert painted == []
    assert [*clip.stems] == ["piano", "upright bass"]
    clip = thin.generate(BAND, stems=True, replace=["piano=vibraphone"], **QUICK)
    assert painted == [1]
    assert "stems: 2 of 3 players are as they were painted before" in clip.notes
    thin.generate(BAND, solo=["bass"], **{**QUICK, "seed": 4})
    assert painted == [1, 1]


def test_a_folder_of_stems_is_remembered(thin: Riff, tmp_path: Path) -> None:
    clip = thin.generate(BAND, stems=True, **QUICK)
    clip.save_stems(tmp_path)
    painted_before._RECENT.clear()
    image = SpectrogramImage.open(tmp_path / "01-piano.png")
    assert image.recipe is not None
    key, _, _ = image.recipe["arguments"]["painting"].partition("-")
    assert painted_before.recall(key) is None
    found = painted_before.recall(key, tmp_path)
    assert found is not None and np.array_equal(found, clip.stem_images["piano"].pixels)
    edited = replace(image, pixels=255 - image.pixels)
    edited.save(tmp_path / "01-piano.png")  # with its recipe, as image editors may
    assert painted_before.recall(key, tmp_path) is None


def test_tracks_get_instruments_by_number(thin: Riff, trio: Path) -> None:
    clip = thin.generate("ballad", score=trio, track=["1=violin"], **QUICK)
    names = [track.instrument for track in score_of(clip.recipe).tracks if not track.is_drums]
    assert "violin" in names
    assert "piano" not in names or "upright bass" in names


def test_a_score_s_metre_tempo_and_length_are_kept_or_given(thin: Riff, trio: Path) -> None:
    clip = thin.generate("waltz, piano", score=trio, bars=3, bpm=100.0, **QUICK)
    assert clip.seconds == pytest.approx(3 * 4 * 0.6, abs=0.01)
    assert any("3 beats per bar aren't used; the score's 4 are kept" in note for note in clip.notes)
    clip = thin.generate("jazz", score=trio, duration=2.0, bpm=120.0, **QUICK)
    assert clip.seconds == pytest.approx(2.0, abs=0.01)


def test_a_score_is_transposed_to_the_key_that_is_asked(thin: Riff, trio: Path) -> None:
    own = score_of(thin.generate("jazz", score=trio, **QUICK).recipe)
    clip = thin.generate("jazz", score=trio, key="D minor", **QUICK)
    score = score_of(clip.recipe)
    assert clip.recipe.arguments["key"] == "D minor"
    assert [chord.root for chord in score.chords] == [(c.root + 2) % 12 for c in own.chords]
    for one, other in zip(own.tracks, score.tracks, strict=True):
        shift = 0 if one.is_drums else 2
        assert [n.pitch + shift for n in one.notes] == [n.pitch for n in other.notes]


def test_transposing_stays_within_midi(thin: Riff, tmp_path: Path) -> None:
    track = replace(riffkit.compose("pop, piano", bars=1, seed=1).score.tracks[0], role="comp")
    ends = (Note(0.0, 1.0, 127, 90), Note(1.0, 1.0, 0, 90), Note(2.0, 1.0, 60, 90))
    score = riffkit.compose("pop, piano, C major", bars=1, seed=1).score
    write_midi(tmp_path / "ends.mid", replace(score, tracks=(replace(track, notes=ends),)))
    clip = thin.generate("pop", score=tmp_path / "ends.mid", key="F major", **QUICK)
    (only,) = score_of(clip.recipe).tracks
    assert [note.pitch for note in only.notes] == [120, 5, 65]


def test_a_muted_second_violin_keeps_its_name(thin: Riff, trio: Path) -> None:
    options = {**QUICK, "track": ["1=violin", "2=violin"]}
    both = thin.generate("ballad", score=trio, stems=True, **options)
    assert [*both.stems] == ["violin", "violin 2", "drums"]
    second = thin.generate("ballad", score=trio, solo=["2"], stems=True, **options)
    assert [*second.stems] == ["violin 2"]
    painted = (clip.stem_images["violin 2"].pixels for clip in (both, second))
    assert np.array_equal(*painted)


def test_a_clip_is_replayed_without_its_midi_file(thin: Riff, trio: Path) -> None:
    thin.generate("jazz", score=trio, **QUICK).save(trio.with_name("a.wav"))
    trio.unlink()
    assert replay(
        trio.with_name("a.wav"), trio.with_name("b.wav"), model=thin.pipeline.loading["model"]
    ).same


def test_a_hit_at_the_end_is_not_painted_at_the_beginning(
    thin: Riff, monkeypatch: pytest.MonkeyPatch
) -> None:
    from riffkit.music import guiding

    seen: list[bool] = []
    real = guiding.draw_guide
    monkeypatch.setattr(
        guiding,
        "draw_guide",
        lambda *given, circular, **more: (
            seen.append(circular) or real(*given, circular=circular, **more)
        ),
    )
    for loop in (False, True):
        thin.generate("techno", chords="Am", loop=loop, **QUICK)
    assert seen == [False, True]


def test_humanized_notes_are_off_the_grid(thin: Riff, trio: Path) -> None:
    exact = score_of(thin.generate("jazz", score=trio, **QUICK).recipe)
    loose = score_of(thin.generate("jazz", score=trio, humanize=1.0, **QUICK).recipe)
    pairs = zip(exact.tracks, loose.tracks, strict=True)
    moved = [
        abs(one.start - other.start)
        for first, second in pairs
        for one, other in zip(first.notes, second.notes, strict=True)
    ]
    assert 0 < max(moved) < 0.15


def test_a_guided_model_sees_each_player_s_guide(
    tiny_guided: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own input for guides: no picture to start from, one guide an item."""
    from riffkit.diffusion import denoise as module

    seen = []
    real = module._guide_for
    monkeypatch.setattr(
        module, "_guide_for", lambda p, n, guide: seen.append(guide) or real(p, n, guide)
    )
    clip = Riff(tiny_guided).generate(BAND, stems=True, **QUICK)
    (guides,) = seen
    stems = stems_of(score_of(clip.recipe))
    assert len(guides) == len(stems) == 3
    assert not torch.equal(guides[0], guides[1])
    Riff(tiny_guided).generate("jazz", **QUICK)
    assert seen[-1] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chords": "C | Hmaj | G"}, "chords"),
        ({"chords": "C", "score": "trio.mid"}, "score and chords: can't be combined"),
        ({"track": ["1=violin"]}, "track: is for the tracks of a score"),
        ({"score": "trio.mid", "track": ["9=violin"]}, "has tracks 1 to"),
        ({"score": "trio.mid", "track": ["violin"]}, "must be NAME=INSTRUMENT"),
        ({"score": "trio.mid", "track": ["1=violine"]}, "did you mean 'violin'"),
        ({"replace": ["bas=violin"]}, "did you mean"),
        ({"replace": ["drums=violin"]}, "drums"),
        ({"solo": ["kazoo"]}, "solo: 'kazoo' is unknown"),
        ({"humanize": 0.5}, "humanize: is for notes"),
        ({"melody_strength": 0.2}, "melody_strength: is for notes"),
        ({"score": "trio.mid", "track": ["²=violin"]}, "must be a number"),
        ({"replace": ["bass=foo"]}, "replace='bass': 'foo' is unknown"),
        ({"humanize": 2.0, "chords": "C"}, "must be between 0 and 1"),
        ({"score": "absent.mid"}, "no such file"),
    ],
)
def test_what_does_not_go_is_said(
    thin: Riff, trio: Path, options: dict[str, Any], message: str
) -> None:
    if "score" in options:
        options = {**options, "score": trio.with_name(options["score"])}
    with pytest.raises(ParameterError, match=message):
        thin.generate(BAND, **options, **QUICK)
