"""`riff dataset build` as a whole: what it writes, that it can be stopped, what it refuses."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from riffkit.audio.loudness import integrated_lufs
from riffkit.dataset import build as building
from riffkit.dataset import publish as placing
from riffkit.dataset import work as working
from riffkit.dataset.build import build_dataset
from riffkit.dataset.formats import read_dataset_info, read_ledger, read_metadata, read_shards
from riffkit.dataset.resolve import BuildRequest
from riffkit.errors import OutputError, ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from tests.dataset.dataset_music import RATE, bars, tree, write

REQUEST = BuildRequest(bars=1, tags=False, workers=1, trigger="zork", licence="CC0", model="none")


def changed(**changes) -> BuildRequest:
    return BuildRequest(**{**vars(REQUEST), **changes})


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tracks, one of them twice over and once again as MP3, and what is no music."""
    folder = tmp_path_factory.mktemp("music")
    for name, seed, bpm in (("techno/a", 1, 124.0), ("techno/b", 2, 100.0), ("jazz/c", 3, 140.0)):
        write(folder / f"{name}.wav", bars(seed=seed, bpm=bpm, n_bars=5, lead=0.4))
    shutil.copy(folder / "techno/a.wav", folder / "techno/a again.wav")
    sound, _ = soundfile.read(folder / "techno/b.wav")
    soundfile.write(folder / "b.mp3", sound[30_000:] * 0.5, RATE)  # other bars, other bytes
    (folder / "jazz" / "c.txt").write_text("a tune of mine")
    (folder / "bad.wav").write_text("no audio")
    (folder / "stub.mp3").write_bytes((folder / "b.mp3").read_bytes()[:45])  # of a download
    (folder / "notes.md").write_text("nothing")
    return folder


@pytest.fixture(scope="module")
def built(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    build_dataset(music, out, REQUEST)
    return out


def test_clips_are_exact_loud_and_captioned(built: Path) -> None:
    records = read_metadata(built)
    assert len(records) > 7
    for record in records:
        sound, rate = soundfile.read(built / record.file_name, always_2d=True)
        assert (rate, sound.shape[1]) == (RATE, 2)
        assert len(sound) == BeatGrid(record.bpm, 4).n_samples(RATE)
        assert record.seconds == pytest.approx(len(sound) / RATE)
        assert abs(integrated_lufs(_tensor(sound), RATE) - record.loudness_lufs) < 0.1
        assert all("zork" in caption for caption in record.captions)
        assert record.text == record.captions[0]
    own = [record for record in records if record.source == "jazz/c.wav"]
    assert own and all("a tune of mine" in record.text for record in own)
    assert {round(record.bpm) for record in own} == {140}
    styles = {record.source: record.text for record in records if "jazz" not in record.source}
    assert any("techno" in text for text in styles.values())


def _tensor(sound: np.ndarray):
    import torch

    return torch.from_numpy(np.ascontiguousarray(sound.T, np.float32))


def test_nothing_leaks_and_copies_go(built: Path) -> None:
    splits = {record.source: record.split for record in read_metadata(built)}
    assert set(splits.values()) == {"train", "test"}
    assert "techno/a.wav" not in splits  # "a again.wav" comes first by name
    assert splits.get("techno/b.wav", splits["b.mp3"]) == splits["b.mp3"]
    reasons = {line["source"]: str(line["reason"]) for line in read_ledger(built)}
    assert reasons["techno/a.wav"] == "copy of techno/a again.wav"
    assert reasons["bad.wav"].startswith("can't be read")
    assert reasons["stub.mp3"].startswith("can't be read: it is truncated")


def test_an_unforeseen_error_leaves_out_one_file(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = working.files.iter_blocks

    def iter_blocks(path: Path, *given, **values):
        if path.name == "b.wav":
            raise ZeroDivisionError("float division by zero")
        return blocks(path, *given, **values)

    monkeypatch.setattr(working.files, "iter_blocks", iter_blocks)
    build_dataset(music, tmp_path / "out", REQUEST)
    reasons = {line["source"]: line["reason"] for line in read_ledger(tmp_path / "out")}
    assert reasons["techno/b.wav"] == "can't be read: ZeroDivisionError: float division by zero"
    assert None in reasons.values()


def test_the_ledger_is_complete(music: Path, built: Path) -> None:
    ledger = read_ledger(built)
    paths = [path for path in music.rglob("*") if path.suffix in (".wav", ".mp3")]
    files = {path.relative_to(music).as_posix() for path in paths}
    assert {line["source"] for line in ledger} == files
    for line in ledger:
        content = (music / line["source"]).read_bytes()
        assert line["sha256"] == hashlib.sha256(content).hexdigest()
        assert line["licence"] == "CC0"
        assert line["kept"] == (line["reason"] is None) == (line["clip"] is not None)
    kept = [line["clip"] for line in ledger if line["kept"]]
    assert sorted(kept) == sorted(record.file_name for record in read_metadata(built))
    heard = soundfile.info(music / "jazz/c.wav").duration
    parts = [line for line in ledger if line["source"] == "jazz/c.wav"]
    assert sum(line["seconds"] for line in parts) == pytest.approx(heard, abs=0.3)


def test_shards_hold_image_and_metadata(built: Path) -> None:
    info = read_dataset_info(built)
    assert (info.preset, info.bars, info.model) == ("full-band", 1, None)
    for split in ("train", "test"):
        samples = list(read_shards(built, split))
        records = [record for record in read_metadata(built) if record.split == split]
        assert [sample.record for sample in samples] == records
        for sample in samples:
            assert sample.image.params == info.params
            assert sample.image.pixels.shape == (512, 256, 3)
            assert sample.image.n_samples == round(sample.record.seconds * RATE)
            assert sample.latents is None and sample.text is None
    assert not (built / ".work").exists()


def test_workers_make_no_difference(music: Path, built: Path, tmp_path: Path) -> None:
    build_dataset(music, tmp_path / "out", changed(workers=2))
    assert tree(tmp_path / "out") == tree(built)


@pytest.mark.parametrize("where", ["source", "shards"])
def test_stopped_and_gone_on_is_the_same(
    where: str, music: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    n_calls = 0

    def stopping(original):
        def call(*arguments, **named):
            nonlocal n_calls
            n_calls += 1
            if n_calls == 3:
                raise KeyboardInterrupt
            return original(*arguments, **named)

        return call

    module, name = {"source": (working, "cut_bars"), "shards": (placing, "_link")}[where]

    with monkeypatch.context() as patch:
        patch.setattr(module, name, stopping(getattr(module, name)))
        with pytest.raises(KeyboardInterrupt):
            build_dataset(music, out, REQUEST)
    assert (out / ".work").exists()
    heard: list[str] = []
    patched = working.work_source

    def hearing(task: working.SourceTask) -> str:
        heard.append(task.name)
        return patched(task)

    monkeypatch.setattr(building, "work_source", hearing)
    build_dataset(music, out, REQUEST)
    assert len(heard) < 5 if where == "source" else not heard
    assert tree(out) == tree(built)


def test_a_full_disk_loses_nothing(
    music: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    n_saved = 0
    save = working.files.save

    def full(path, *arguments, **named):
        nonlocal n_saved
        n_saved += 1
        if n_saved > 6:
            raise OutputError(f"cannot write {str(path)!r}: the disk is full")
        return save(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(working.files, "save", full)
        with pytest.raises(OutputError, match="disk is full") as caught:
            build_dataset(music, out, REQUEST)
    assert "\n" not in str(caught.value)
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", _refused)
        patch.setattr(placing.shutil, "copyfile", _refused)
        with pytest.raises(OutputError, match="disk is full"):
            build_dataset(music, out, REQUEST)
    build_dataset(music, out, REQUEST)
    assert tree(out) == tree(built)


def _refused(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_built_again_and_other_options(music: Path, built: Path) -> None:
    before = tree(built)
    again = build_dataset(music, built, REQUEST)
    assert len(again.records) == len(read_metadata(built))
    assert "already up to date" in again.notes[0]
    for request, says in ((changed(bars=2), "bars=1 instead of 2"), (changed(seed=5), "seed=0")):
        with pytest.raises(ParameterError, match=says):
            build_dataset(music, built, request)
    with pytest.raises(ParameterError, match="other or changed files"):
        build_dataset(music / "jazz", built, REQUEST)
    assert tree(built) == before


def test_other_captions_are_another_dataset(music: Path, tmp_path: Path) -> None:
    """Into the folder itself, whose own metadata isn't taken for the user's."""
    folder = Path(shutil.copytree(music / "jazz", tmp_path / "jazz"))
    request = changed(test_share=0.0)
    build_dataset(folder, folder / "out", request)
    assert "already up to date" in build_dataset(folder, folder / "out", request).notes[0]
    (folder / "c.txt").write_text("another tune")
    with pytest.raises(ParameterError, match="changed files or captions"):
        build_dataset(folder, folder / "out", request)


def test_captioner_and_templates(music: Path, tmp_path: Path) -> None:
    script = tmp_path / "hook.py"
    script.write_text("import sys, os; print('heard', os.path.exists(sys.argv[1]))")
    request = changed(captioner=f"{sys.executable} {script}", test_share=0.0)
    built = build_dataset(music / "jazz", tmp_path / "hooked", request)
    assert {record.text for record in built.records} == {"zork, heard True"}
    (tmp_path / "t.txt").write_text("{caption} / {bpm}\n")
    request = changed(templates=tmp_path / "t.txt", max_clips_per_track=2)
    built = build_dataset(music / "jazz", tmp_path / "templated", request)
    assert {record.captions for record in built.records} == {("zork, a tune of mine / 140",)}
    assert len(built.records) == 2
    starts = [record.start_seconds for record in built.records]
    assert starts[1] - starts[0] > 4


def test_fixed_seconds_of_another_preset(music: Path, tmp_path: Path) -> None:
    request = changed(seconds=2.0, preset="riffusion-v1", model=None)
    built = build_dataset(music / "jazz", tmp_path / "out", request)
    (sample, *_) = read_shards(tmp_path / "out", "train")
    assert sample.image.pixels.shape == (512, 200, 3) and sample.image.grid is None
    assert all(record.bpm is None and record.seconds == 2.0 for record in built.records)


def test_an_audiofolder_in_keeps_its_captions_and_sides(
    music: Path, built: Path, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    for split in ("train", "test"):
        shutil.copytree(built / split, given / split)
    shutil.copy(built / "metadata.jsonl", given)
    old = {record.file_name: record for record in read_metadata(built)}
    again = build_dataset(given, tmp_path / "again", changed(trigger=None, licence=None))
    assert len(again.records) > len(old) / 2
    for record in again.records:
        assert record.captions[0] == old[record.source].text
        assert record.split == old[record.source].split
        assert record.start_seconds == 0 and record.seconds == pytest.approx(
            old[record.source].seconds
        )


def test_five_hundred_copies_are_one(tmp_path: Path) -> None:
    first = write(tmp_path / "in" / "000.wav", bars(n_bars=4))
    for k in range(1, 500):
        os.link(first, tmp_path / "in" / f"{k:03d}.wav")
    built = build_dataset(tmp_path / "in", tmp_path / "out", REQUEST)
    assert {record.source for record in built.records} == {"000.wav"}
    assert built.n_copies == 499
    assert any("499 duplicate" in note for note in built.notes)
    assert any("no test split" in note for note in built.notes)


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda f: None, "it is empty"),
        (lambda f: [(f / f"{k}.txt").write_text("x") for k in range(3)], "3 other files"),
        (lambda f: write(f / "a.wav", bars(n_bars=2)[: 3 * RATE]), "too short: 3.0 s"),
        (lambda f: write(f / "a.wav", np.zeros((9 * RATE, 2))), "silence"),
        (lambda f: (f / "a.wav").write_text("RIFF"), "can't be read"),
    ],
    ids=["empty", "texts", "three seconds", "silence", "damaged"],
)
def test_nothing_usable_is_one_line_and_leaves_nothing(tmp_path: Path, prepare, says: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(ParameterError, match=says) as caught:
        build_dataset(folder, tmp_path / "out", changed(bars=2))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_captions_for_missing_files_are_told(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", bars(n_bars=4))
    line = {"file_name": "gone.flac", "text": "lost"}
    (tmp_path / "in" / "metadata.jsonl").write_text(json.dumps(line) + "\n")
    built = build_dataset(tmp_path / "in", tmp_path / "out", REQUEST)
    assert "captions ignored for 1 missing files: gone.flac" in built.notes


def test_places_that_are_taken(music: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="it is a file"):
        build_dataset(music, tmp_path / "file", REQUEST)
    with pytest.raises(OutputError, match="is a file"):
        build_dataset(music, tmp_path / "file" / "out", REQUEST)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("")
    with pytest.raises(ParameterError, match="is not empty"):
        build_dataset(music, tmp_path / "full", REQUEST)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.doc"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place(music: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        build_dataset(music, tmp_path / "out", REQUEST)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bars": 0}, "bars=0"),
        ({"bpm": 1000.0}, "bpm=1000"),
        ({"engine": "spark"}, "spark"),
        ({"test_share": 1.5}, "test_share=1.5"),
        ({"seconds": 0.0}, "seconds=0"),
        ({"trigger": " "}, "trigger"),
        ({"workers": 0}, "workers=0"),
    ],
)
def test_options_out_of_range(changes: dict, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        changed(**changes)


def test_options_that_do_not_go_together(music: Path, tmp_path: Path) -> None:
    for changes, says in (
        ({"model": "mini", "preset": "riffusion-v1"}, "uses full-band images"),
        ({"model": "mini", "seconds": 3.0}, "only supports bars"),
        ({"preset": "none", "model": None}, "preset='none'"),
    ):
        with pytest.raises(ParameterError, match=says):
            build_dataset(music, tmp_path / "out", changed(**changes))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ray_builds_the_same_bytes(music: Path, built: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from riffkit.engine.cluster import connection

    with connection(workers=2):
        build_dataset(music, tmp_path / "out", changed(engine="ray", workers=2))
    assert tree(tmp_path / "out") == tree(built)
