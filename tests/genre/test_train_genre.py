"""A folder of songs becomes a LoRA and a report, in one call."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest
import torch

from riffkit import train_genre
from riffkit.dataset.build import Built
from riffkit.dataset.formats import ClipRecord, read_metadata
from riffkit.errors import OutputError, ParameterError
from riffkit.genre import train
from riffkit.genre.plan import check_name, plan_genre
from riffkit.genre.train import prompt_of
from riffkit.models.pipeline import load_pipeline
from riffkit.progress import Advance
from riffkit.prompt.emphasis import plain_words
from riffkit.training.settings import LoraSettings
from tests.dataset.dataset_music import bars, write
from tests.dataset.small_dataset import _record


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    write(folder / "one.wav", bars(n_bars=8, seed=1))
    write(folder / "two.wav", bars(n_bars=7, bpm=96.0, seed=2, root_hz=329.6))
    return folder


@pytest.mark.parametrize(
    "name", ["mygenre", "dark techno", "mjd-metal", "Zürich", "愛の歌", "80s", "hard rock"]
)
def test_a_word_is_a_name(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "x", "a(b)", "a,b", "../x", "a:2", "[x]", "no wave", "120 bpm", "C minor", "a" * 41],
)
def test_what_a_prompt_reads_differently_is_none(name: str) -> None:
    with pytest.raises(ParameterError, match=r"^name=.*such as 'mygenre'$"):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    ["my genre", "my sound", "our vibe", "please", "it", "Flügel", "Музыка", "drummer", "the zorg"],
)
def test_a_name_stays_in_prompts_as_it_is(name: str) -> None:
    with pytest.raises(ParameterError, match="reworded or left out"):
        check_name(name)


@pytest.mark.parametrize("name", ["fast", "slow", "in three", "waltz", "in D"])
def test_a_name_is_neither_tempo_nor_key_nor_metre(name: str) -> None:
    with pytest.raises(ParameterError, match="a tempo, a key or a metre"):
        check_name(name)


def test_a_plan_says_what_is_done_and_refuses_what_cannot_be(songs: Path, tmp_path: Path) -> None:
    plan = plan_genre(" dark   techno", songs, None)
    assert (plan.name, plan.output, plan.is_new) == ("dark techno", Path("dark-techno"), True)
    words = "\n".join(plan.lines())
    for said in ("2 songs", "'dark techno, …'", "rank 48", "6,000 images", "192", "64 clips"):
        assert said in words
    with pytest.raises(ParameterError, match="clips=3: must be at least 4, or 0"):
        plan_genre("zorg", songs, None, clips=3)
    with pytest.raises(ParameterError, match="no audio files"):
        plan_genre("zorg", tmp_path / "songs" / "..", songs)
    with pytest.raises(ParameterError, match="is not empty and has no genre"):
        plan_genre("zorg", songs, songs.parent)
    with pytest.raises(OutputError, match="is a file"):
        plan_genre("zorg", songs, songs / "one.wav" / "out")
    held = tmp_path / "held"
    held.mkdir()
    (held / "genre.json").write_text('{"name": "other"}')
    with pytest.raises(ParameterError, match="has the genre 'other'"):
        plan_genre("zorg", songs, held)


def test_the_prompt_is_what_most_captions_say() -> None:
    def said(*texts: str) -> list[ClipRecord]:
        return [replace(_record("train", 0, None), text=text) for text in texts]

    assert prompt_of("zorg", said("zorg, rock with guitar", "zorg, rock", "zorg")) == "zorg rock"
    assert prompt_of("zorg", said("zorg, rock", "zorg", "zorg")) == "zorg"
    assert prompt_of("hard rock", said("hard rock, rock")) == "hard rock"
    assert prompt_of("rocksteady", said("rocksteady, techno", "rocksteady")) == "rocksteady techno"
    assert prompt_of("rocksteady", said("rocksteady, rock")) == "rocksteady rock"


def test_music_that_is_too_short_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "songs" / "short.wav", bars(n_bars=1))
    with pytest.raises(ParameterError, match="too short"):
        train_genre("zorg", tmp_path / "songs", tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_takes_no_finished_work(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, data: Path, *_: Any, **__: Any) -> None:
        (data / ".work").mkdir(parents=True)
        raise OutputError("the disk is full")

    monkeypatch.setattr(train, "build_dataset", full)
    with pytest.raises(OutputError, match="full"):
        train_genre("zorg", songs, tmp_path / "out", workers=1)
    assert (tmp_path / "out" / "dataset" / ".work").is_dir()


def test_a_caption_s_brackets_weigh_nothing(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = replace(_record("train", 0, None), text="zorg, one (live:9)")
    asked: list[LoraSettings] = []

    def tune(data: Path, run: Path, settings: LoraSettings, **_: Any) -> list[None]:
        asked.append(settings)
        raise OutputError("enough")

    monkeypatch.setattr(train, "build_dataset", lambda *_, **__: Built([record], 1, [], 0, 0, ()))
    monkeypatch.setattr(train, "dataset_fingerprint", lambda data: "")
    monkeypatch.setattr(train, "tune", tune)
    with pytest.raises(OutputError, match="enough"):
        train_genre("zorg", songs, tmp_path / "out", workers=1)
    assert plain_words(asked[0].sample_prompts[1]) == "zorg, one (live:9)"


def test_songs_that_changed_since_are_said_before_anything_is_done(
    songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tune(data: Path, run: Path, *_: Any, **__: Any) -> list[None]:
        write(run / "samples" / "001000-1.wav", bars(n_bars=1))
        raise OutputError("enough")

    monkeypatch.setattr(train, "tune", tune)
    out = songs / "out"  # what is made there is no song
    for _ in range(2):
        with pytest.raises(OutputError, match="enough"):
            train_genre("zorg", songs, out, workers=1)
    assert len(plan_genre("zorg", songs, out).sources) == 2
    with pytest.raises(ParameterError, match="begun for 'mini'; use that model"):
        plan_genre("zorg", songs, out, LoraSettings(model="riffusion-v1"))
    write(songs / "three.wav", bars(n_bars=2, seed=3))
    with pytest.raises(ParameterError, match=r"^songs=.*songs were added.*another `output`$"):
        plan_genre("zorg", songs, out)


def test_songs_may_be_added_to_a_build_unless_clips_would_be_cut_otherwise(
    songs: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "out" / "dataset" / ".work" / "build.json"
    begun.parent.mkdir(parents=True)
    (tmp_path / "out" / "genre.json").write_text('{"name": "zorg"}')
    begun.write_text('{"model": "mini", "hop_bars": 1}')
    assert plan_genre("zorg", songs, tmp_path / "out")
    begun.write_text('{"model": "mini", "hop_bars": null}')  # of much music
    with pytest.raises(ParameterError, match="songs were added, changed or removed"):
        plan_genre("zorg", songs, tmp_path / "out")
    begun.write_text("[1")
    with pytest.raises(ParameterError, match="interrupted build is damaged"):
        plan_genre("zorg", songs, tmp_path / "out")


@pytest.mark.slow
def test_songs_become_a_lora_and_a_report(
    songs: Path, tmp_path: Path, thin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_JUDGING_STEPS", 2)
    monkeypatch.setattr(train, "_MOST_OTHERS", 2)
    model = str(thin_folder)
    settings = LoraSettings(
        model=model,
        images=8,
        batch_size=4,
        rank=2,
        prior_images=2,
        prior_prompts=("drums",),
        learning_rate=1e-2,
        device="cpu",
        sample_images=8,
    )
    out, told = tmp_path / "out", []

    def begin(what: str, total: int | None = None, done: int = 0) -> Advance:
        told.append(what)
        return lambda n=1, note="": None

    def trained(**more: Any) -> Any:
        return train_genre("zorg", songs, out, settings, clips=4, workers=1, begin=begin, **more)

    made = trained()
    records = read_metadata(out / "dataset")
    assert len(records) > 8  # overlapping, as there is little music
    assert all(text.startswith("zorg") for record in records for text in record.captions)
    assert {record.split for record in records} == {"train", "test"}
    assert made.prompt.startswith("zorg") and str(out / "lora") in made.usage
    base, tuned = (load_pipeline(model, device="cpu", loras=loras) for loras in ([], [made.lora]))
    pairs = zip(base.unet.parameters(), tuned.unet.parameters(), strict=True)
    assert sum(not torch.equal(a, b) for a, b in pairs) > 10
    assert made.scores["frechet_base"] > 0 and 0 <= made.scores["kept"]["tuned"] <= 1
    assert any("Fréchet distance" in line for line in made.lines)
    page = made.report.read_text(encoding="utf-8")
    linked = re.findall(r"src='([^']+)'", page)
    assert len(linked) == 2 * (2 + 2 * 4)  # two samples, four clips by either model
    assert all((out / link).is_file() for link in linked)
    assert f"<pre>{escape(made.usage)}</pre>" in page
    assert "training" in told and "painting as after the training" in told
    told.clear()
    again = trained()
    assert "training" not in told
    assert (again.lora, again.lines, again.scores) == (made.lora, made.lines, made.scores)
    assert f"{out} is up to date" in again.notes
    assert json.loads((out / "genre.json").read_text())["prompt"] == made.prompt
    longer = train_genre(
        "zorg", songs, out, LoraSettings(**{**settings.model_dump(), "images": 16}), clips=4
    )
    assert "trained on 16 images" in longer.lines and longer.scores != made.scores
    assert sorted(path.name for path in (out / "judged").iterdir()) == ["16", "8"]
