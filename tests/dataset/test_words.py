"""Captions say what is known and nothing else; splits leak nothing."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from riffkit.audio import files
from riffkit.dataset.assemble import choose_test_groups
from riffkit.dataset.caption import KnownFacts, caption_clip, triggered
from riffkit.dataset.captioner import CaptionTask, caption_by_command
from riffkit.dataset.describe import SourceWords, read_folder_metadata, source_words
from riffkit.dataset.find import find_audio
from riffkit.dataset.similarity import group_alike
from riffkit.dataset.templates import read_templates
from riffkit.errors import ParameterError
from tests.dataset.dataset_music import bars, write

METAL = {
    "metal": 0.8,
    "rock": 0.4,
    "guitar": 0.6,
    "drums": 0.5,
    "piano": 0.05,
    "female vocal": 0.01,
}


def facts(**changes) -> KnownFacts:
    known = {"words": SourceWords(), "tags": METAL, "bpm": 151.6, "key": "A minor"}
    return KnownFacts(**{**known, "beats_per_bar": 4, **changes})


def test_captions_are_true_and_varied() -> None:
    said = [c for seed in range(40) for c in caption_clip(facts(), seed=str(seed))]
    assert all(len(set(caption_clip(facts(), seed=str(s)))) == 5 for s in range(40))
    text = " | ".join(said)
    assert len(set(said)) > 20
    for word in ("metal", "electric guitar", "A minor", "152 bpm", "fast", "drums"):
        assert word in text
    for word in ("piano", "vocal", "minor third", "slow", "{", ", ,", "  "):
        assert word not in text


def test_nothing_known_gives_no_lies() -> None:
    nothing = facts(tags={}, bpm=None, key=None)
    assert caption_clip(nothing, seed="0") == ("music",)
    assert caption_clip(nothing, seed="0", trigger="zzz") == ("zzz, music",)


def test_own_captions_come_first_as_they_are() -> None:
    words = SourceWords(captions=("A riff of mine, loud",), styles=("thrash",))
    captions = caption_clip(facts(words=words), seed="0", trigger="mjd")
    assert captions[0] == "mjd, A riff of mine, loud"
    assert all("A riff of mine" in c and c.startswith("mjd") for c in captions)
    assert len(captions) == 5


def test_the_trigger_is_in_every_caption() -> None:
    for templates in ((), ("{style} in {key}", "a {trigger} song at {bpm} bpm")):
        captions = caption_clip(facts(), seed="1", trigger="mjd", templates=templates)
        assert captions and all("mjd" in caption for caption in captions)
    assert triggered("german folk", "man") == "man, german folk"
    assert triggered("Man, folk", "man") == "Man, folk"


def test_templates_override(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("# mine\n{style} / {key}\n\n{bpm} of {style}, by {artist}\n")
    templates = read_templates(path)
    assert templates == ("{style} / {key}", "{bpm} of {style}, by {artist}")
    captions = caption_clip(facts(tags={"metal": 0.9}), seed="0", templates=templates)
    assert captions == ("metal / A minor",)  # nobody knows the artist
    own = caption_clip(facts(), seed="0")
    assert caption_clip(facts(), seed="0", templates=("{artist}",)) == own


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{stylo} loop", "'stylo' is unknown; did you mean 'style'"),
        ("{style", "line 1"),
        ("", "no temp"),
        ("{bpm:.0f}", "line 1: Unknown format"),
        ("{style:{bpm}}", "line 1"),
    ],
)
def test_wrong_templates_are_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "t.txt"
    path.write_text(line + "\n")
    with pytest.raises(ParameterError, match=says) as caught:
        read_templates(path)
    assert "\n" not in str(caught.value)


def test_what_is_written_about_a_file(tmp_path: Path) -> None:
    sound = bars(n_bars=1)
    write(tmp_path / "Metal" / "01 a.wav", sound)
    write(tmp_path / "metal" / "b.flac", sound)
    write(tmp_path / "c.wav", sound)
    (tmp_path / "metal" / "b.txt").write_text("first line\n\n second   line\n")
    (tmp_path / "metadata.jsonl").write_text(
        json.dumps({"file_name": "c.wav", "text": "a song", "genre": "Rock; Punk", "license": "0"})
        + "\n"
        + json.dumps({"file_name": "gone.wav", "text": "not here"})
        + "\n"
    )
    (tmp_path / "Metal" / "metadata.csv").write_text("file_name,text\n01 a.wav,from a table\n")
    sources = find_audio(tmp_path, without=tmp_path / "out")
    metadata = read_folder_metadata(tmp_path, sources)
    assert metadata.missing == ("gone.wav",)
    words = {s.name: source_words(tmp_path, s, metadata) for s in sources}
    assert words["Metal/01 a.wav"].captions == ("from a table",)
    assert words["Metal/01 a.wav"].styles == ("metal",)
    assert words["metal/b.flac"].captions == ("first line", "second line")
    assert words["c.wav"].captions == ("a song",)
    assert words["c.wav"].styles == ("rock", "punk")
    assert words["c.wav"].licence == "0"


def test_metadata_as_others_write_it(tmp_path: Path) -> None:
    """A line separator in a JSON string, words over two lines of a table, genres as a list."""
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name, bars(n_bars=1))
    line = {"file_name": "a.wav", "text": "soft\u2028rain", "genre": ["Rock", "Metal"]}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(line, ensure_ascii=False), "utf-8")
    (tmp_path / "metadata.csv").write_text('file_name,text\nb.wav,"over\ntwo lines"\n')
    sources = find_audio(tmp_path, without=tmp_path / "out")
    metadata = read_folder_metadata(tmp_path, sources)
    one, other = (source_words(tmp_path, source, metadata) for source in sources)
    assert (one.captions, one.styles) == (("soft rain",), ("rock", "metal"))
    assert other.captions == ("over two lines",)


@pytest.mark.parametrize("end", ["", "\r"])
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata.csv", "\ufefffile_name,text\nwavs\\a.wav,slow harp tune\n"),
        ("metadata.csv", "file_name;text\nwavs/a.wav;slow harp tune\n"),
        ("metadata.csv", 'text,"file_name"\nslow harp tune,wavs\\a.wav\n'),
        ("metadata.tsv", "file_name\ttext\nwavs\\a.wav\tslow harp tune\n"),
        ("metadata.jsonl", '\ufeff{"file_name": "wavs\\\\a.wav", "text": "slow harp tune"}\n'),
        ("wavs/a.caption", "slow harp tune\n"),
        ("wavs/a.wav.txt", "\ufeffslow harp tune\n"),
    ],
)
def test_captions_are_found_as_other_programs_write_them(
    tmp_path: Path, name: str, table: str, end: str
) -> None:
    write(tmp_path / "wavs" / "a.wav", bars(n_bars=1))
    (tmp_path / name).write_bytes(table.replace("\n", f"{end}\n").encode())
    (source,) = find_audio(tmp_path, without=tmp_path / "out")
    metadata = read_folder_metadata(tmp_path, [source])
    assert source_words(tmp_path, source, metadata).captions == ("slow harp tune",)
    assert metadata.missing == ()


def test_a_comma_without_quotes_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", bars(n_bars=1))
    (tmp_path / "metadata.csv").write_text("file_name,text\na.wav,slow, with a harp\n")
    with pytest.raises(ParameterError, match=r"metadata.csv', line 2: .*put quotes"):
        read_folder_metadata(tmp_path, find_audio(tmp_path, without=tmp_path / "out"))


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes only there")
def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    write(tmp_path / "a.wav", bars(n_bars=1))
    (tmp_path / "a.wav").rename(path)
    (source,) = find_audio(tmp_path, without=tmp_path / "out")
    assert source.name == "caf\\xe9.wav"
    assert source_words(tmp_path, source, read_folder_metadata(tmp_path, [source])).title is None
    assert files.load(source.path)[0].abs().max() > 0.1


def test_file_tags(tmp_path: Path) -> None:
    import soundfile

    with soundfile.SoundFile(tmp_path / "a.flac", "w", 44_100, 2) as file:
        file.title, file.artist, file.genre, file.copyright = "Tune", "Band", "Funk", "CC BY 4.0"
        file.write(np.zeros((100, 2)))
    (source,) = find_audio(tmp_path, without=tmp_path / "out")
    words = source_words(tmp_path, source, read_folder_metadata(tmp_path, [source]))
    assert (words.title, words.artist, words.styles, words.licence) == (
        "Tune",
        "Band",
        ("funk",),
        "CC BY 4.0",
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [("import sys; sys.exit('no gpu')", "exit code 1: no gpu"), ("pass", "no caption")],
)
def test_a_captioner_that_fails_is_told(tmp_path: Path, code: str, says: str) -> None:
    task = CaptionTask(f'{sys.executable} -c "{code}"', "a.flac", str(tmp_path / "k"), "a")
    with pytest.raises(ParameterError, match=says):
        caption_by_command(task)
    with pytest.raises(ParameterError, match="can't be run"):
        caption_by_command(CaptionTask("no-such-program -x", "a", str(tmp_path / "k"), "a"))


def test_groups_are_those_alike_through_others() -> None:
    group = group_alike(["a", "b", "c", "d"], [("b", "c"), ("c", "a")])
    assert group == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_the_test_split_is_about_its_share_and_depends_on_the_seed() -> None:
    rng = random.Random(0)
    sizes = {f"t{k}": rng.randint(5, 40) for k in range(60)}
    chosen = [
        choose_test_groups(sizes, {k: k for k in sizes}, share=0.2, seed=s) for s in (1, 1, 2)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    for groups in chosen:
        assert 0.15 < sum(sizes[g] for g in groups) / sum(sizes.values()) < 0.31
    four = dict.fromkeys("abcd", 30)
    held = {
        choose_test_groups(four, {k: k for k in four}, share=0.1, seed=s).pop() for s in range(20)
    }
    assert len(held) > 1
    assert choose_test_groups({"a": 5}, {"a": "a"}, share=0.5, seed=0) == set()
    assert choose_test_groups(four, {k: k for k in four}, share=0.0, seed=0) == set()
