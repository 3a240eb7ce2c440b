"""A clean dataset has no problems; of each defect the check says which clips have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from riffkit.audio import files
from riffkit.audio.loudness import loudness_gain
from riffkit.dataset.check import check_dataset, tempo_histogram
from riffkit.dataset.findings import KINDS
from riffkit.dataset.formats import (
    CLIP_RATE,
    INFO_NAME,
    METADATA_NAME,
    SHARDS_NAME,
    ClipRecord,
    DatasetInfo,
    write_json,
    write_json_lines,
)
from riffkit.dataset.pictures import clip_to_image
from riffkit.dataset.report import HTML_NAME, JSON_NAME, write_report
from riffkit.dataset.shards import write_tar
from riffkit.dataset.similarity import most_alike, most_used
from riffkit.errors import ParameterError
from riffkit.html import histogram
from riffkit.spectrogram.params import RIFFUSION_V1

SECONDS = 1.0
PARAMS = replace(RIFFUSION_V1, preset="small", n_mels=64)


def music(seed: int) -> torch.Tensor:
    """Noise that comes and goes in its own way, at the usual loudness."""
    rng = np.random.default_rng(seed)
    n_samples = round(SECONDS * CLIP_RATE)
    steps = np.repeat(rng.uniform(0.01, 1, 20), n_samples // 20)
    wave = torch.from_numpy(rng.standard_normal((2, n_samples)) * steps).float() * 0.1
    return wave * loudness_gain(wave, CLIP_RATE)


def record_of(index: int, split: str) -> ClipRecord:
    return ClipRecord(
        file_name=f"{split}/{index:06d}-song-01.flac",
        text=f"song {index}, calm",
        captions=(f"song {index}, calm", "calm"),
        split=split,
        bpm=80.0 + 10 * index,
        beats_per_bar=4,
        key="A minor" if index % 2 else "C major",
        transpose=0.0,
        tags={},
        loudness_lufs=-16.0,
        source=f"{index}.wav",
        start_seconds=0.0,
        seconds=SECONDS,
        sha256=f"{index:064x}",
    )


@pytest.fixture(scope="module")
def songs() -> list[torch.Tensor]:
    return [music(seed) for seed in range(6)]


@pytest.fixture
def dataset(tmp_path: Path, songs: list[torch.Tensor]) -> Callable[..., Path]:
    """Makes a folder of four clips to train and two to test, changed by `records` or `sounds`."""

    def make(
        records: dict[int, dict] | None = None, sounds: dict[int, torch.Tensor] | None = None
    ) -> Path:
        changed, lines = records or {}, []
        waves = dict(enumerate(songs)) | (sounds or {})
        for split in ("train", "test"):
            (tmp_path / split).mkdir()
            clips = []
            for index in range(4) if split == "train" else range(4, 6):
                record = replace(record_of(index, split), **changed.get(index, {}))
                files.save(tmp_path / record.file_name, waves[index], CLIP_RATE)
                picture = tmp_path / "picture.png"
                clip_to_image(waves[index], PARAMS, grid=None).save(picture)
                line = json.dumps(record.to_dict()).encode()
                clips.append((record.shard_key, {"json": line, "png": picture.read_bytes()}))
                picture.unlink()
                lines.append(record.to_dict())
            (tmp_path / SHARDS_NAME).mkdir(exist_ok=True)
            write_tar(tmp_path / SHARDS_NAME / f"{split}-00000.tar", clips)
        write_json_lines(tmp_path / METADATA_NAME, lines)
        info = DatasetInfo(
            preset="small",
            params=PARAMS,
            bars=None,
            beats_per_bar=4,
            seconds=SECONDS,
            model=None,
            model_fingerprint=None,
            seed=0,
            options={},
        )
        write_json(tmp_path / INFO_NAME, info.to_dict())
        return tmp_path

    return make


def found_in(out: Path) -> dict[str, list[set[str]]]:
    """Of each kind the clips of its findings, by the numbers in their names."""
    found: dict[str, list[set[str]]] = {}
    for one in check_dataset(out, workers=1).findings:
        clips = {str(int(Path(clip).name.split("-")[0])) for clip in one.clips}
        found.setdefault(one.kind, []).append(clips)
    return found


def test_a_clean_dataset_has_no_problems(dataset: Callable[..., Path]) -> None:
    out = dataset()
    check = check_dataset(out, workers=1)
    assert check.findings == []
    facts = check.facts()
    assert (facts["clips"], facts["problems"]) == (6, [])
    assert facts["hours"] == round(6 * SECONDS / 3600, 4)
    assert {name: split["clips"] for name, split in facts["splits"].items()} == {
        "train": 4,
        "test": 2,
    }
    assert facts["splits"]["train"]["loudness_lufs"] == pytest.approx(-16, abs=0.1)
    assert facts["tempo_bpm"] == {f"{low}–{low + 9}": 1 for low in range(80, 131, 10)}
    assert facts["keys"] == {"A minor": 3, "C major": 3}


def clipped(song: torch.Tensor) -> torch.Tensor:
    return (8 * song / song.abs().max()).clamp(-1, 1) * 0.99999


@pytest.mark.parametrize(
    ("kind", "clips", "records", "sounds"),
    [
        ("wrong-length", {"1"}, {1: {"seconds": 2.0}}, {}),
        ("no-caption", {"2"}, {2: {"text": " "}}, {}),
        ("no-caption", {"2"}, {2: {"captions": ()}}, {}),
        ("wrong-split", {"5"}, {5: {"split": "train"}}, {}),
        ("leak", {"0", "5"}, {5: {"source": "0.wav"}}, {}),
        ("leak", {"0", "5"}, {5: {"sha256": f"{0:064x}"}}, {}),
        ("leak", {"1", "4"}, {}, {4: lambda songs: 0.9 * songs[1]}),
        ("near-duplicate", {"1", "3"}, {}, {3: lambda songs: 0.9 * songs[1]}),
        ("clipping", {"0"}, {}, {0: lambda songs: clipped(songs[0])}),
        ("silence", {"2"}, {}, {2: lambda songs: torch.zeros_like(songs[2])}),
        ("loudness", {"2"}, {}, {2: lambda songs: 0.2 * songs[2]}),
        ("wrong-format", {"3"}, {}, {3: lambda songs: songs[3][:1]}),
    ],
)
def test_each_defect_is_found(
    kind: str,
    clips: set[str],
    records: dict,
    sounds: dict,
    dataset: Callable[..., Path],
    songs: list[torch.Tensor],
) -> None:
    changed = {index: change(songs) for index, change in sounds.items()}
    found = found_in(dataset(records, changed))
    expected = {kind: [clips]}
    if kind == "clipping":  # as loud as full scale
        expected["loudness"] = [clips]
    assert found == expected


def test_files_that_are_missing_damaged_or_too_many_are_found(dataset: Callable[..., Path]) -> None:
    out = dataset()
    (out / "train/000000-song-01.flac").unlink()
    whole = (out / "train/000001-song-01.flac").read_bytes()
    (out / "train/000001-song-01.flac").write_bytes(whole[: len(whole) // 2])
    soundfile.write(out / "test/000009-other.flac", np.zeros((100, 2)), CLIP_RATE)
    found = found_in(out)
    assert found == {"missing-file": [{"0"}], "damaged-file": [{"1"}], "unlisted-file": [{"9"}]}


def test_lines_and_shards_that_disagree_are_found(dataset: Callable[..., Path]) -> None:
    out = dataset()
    lines = (out / METADATA_NAME).read_text().splitlines()
    lines[0] = lines[0].replace("song 0, calm", "song 0, wild")
    (out / METADATA_NAME).write_text("\n".join([*lines[:3], lines[2], "{", *lines[3:]]))
    shard = out / SHARDS_NAME / "test-00000.tar"
    shard.write_bytes(shard.read_bytes()[:700])
    found = found_in(out)
    assert found.pop("other-line") == [{"0"}]
    assert found.pop("listed-twice") == [{"2"}]
    assert found.pop("damaged-line") == [set()]
    assert found.pop("damaged-shard")
    assert {"5"} in found.pop("no-image")
    assert found == {}


def test_the_report_names_each_kind_and_plays_the_clips(
    dataset: Callable[..., Path], songs: list[torch.Tensor]
) -> None:
    out = dataset({5: {"source": "0.wav", "text": "<b>&"}}, {2: torch.zeros_like(songs[2])})
    check = check_dataset(out, workers=1)
    path, facts = write_report(out, check)
    assert path == out / HTML_NAME
    assert json.loads((out / JSON_NAME).read_text()) == facts
    assert [problem["kind"] for problem in facts["problems"]] == ["leak", "silence"]
    assert set(KINDS) >= {problem["kind"] for problem in facts["problems"]}
    html = path.read_text()
    assert html.index("leak: 1 ×") < html.index("silence: 1 ×") < html.index("<svg")
    assert html.count("src='train/000002-song-01.flac'") == 2  # with problems, and in its split
    assert "&lt;b&gt;&amp;" in html and "<b>&" not in html
    assert html.count("data:image/jpeg;base64,") == html.count("<audio ")
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_the_command_says_it_and_strict_fails(dataset: Callable[..., Path]) -> None:
    from riffkit.commands.dataset import app

    out = dataset({2: {"text": ""}})
    run = CliRunner()
    arguments = ["check", str(out), "--workers", "1"]
    told = run.invoke(app, arguments)
    assert told.exit_code == 0
    assert "no-caption: 1 × clips without a caption: train/000002-song-01.flac" in told.stdout
    assert told.stdout.count("\n") == 2
    strict = run.invoke(app, [*arguments, "--strict", "--json"])
    assert strict.exit_code == 1
    assert json.loads(strict.stdout)["problems"][0]["n"] == 1


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="riff dataset build"):
        check_dataset(tmp_path)


def test_captions_most_alike_and_most_used() -> None:
    captions = ["fast metal, A minor", "fast metal, B minor", "slow jazz", "slow jazz", "x"]
    assert most_used(captions) == [("slow jazz", 2)]
    assert most_alike(captions) == [(0.6, "fast metal, A minor", "fast metal, B minor")]
    assert most_alike([]) == []


def test_histograms_are_as_high_as_their_counts() -> None:
    drawn = histogram({"a": 2, "b": 4, "<": 0})
    heights = [float(part.split("'")[0]) for part in drawn.split(" height='")[2:]]
    assert heights[0] * 2 == pytest.approx(heights[1]) and heights[2] == 0
    assert "&lt;" in drawn
    assert tempo_histogram([]) == {}
