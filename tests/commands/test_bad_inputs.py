"""Two hundred mistakes: each exits with 2 and one line that names it, and leaves nothing.

Those that need neither a model nor the sound itself to be seen are answered at once: without torch,
which alone takes seconds to import.
"""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import cli

PROMPTED = "generate x;loop x;morph x y;restyle tone.wav x;extend tone.wav x;story story.toml"
CLIPS = ("edit {} x --freq 200:900", "extend {} x", "restyle {} x", "vary {}", "inspect {}")
SHARED = """
--bpm 0|bpm=0
--bpm 401|bpm=401
--bpm nan|bpm=nan
--bpm x|--bpm x: must be a number
--key H|key='H'
--key "A thing"|key='A thing'
--beats-per-bar 1|beats_per_bar=1
--beats-per-bar 13|beats_per_bar=13
--steps 0|steps=0
--steps 1.5|--steps 1.5: must be a whole number
--guidance -1|guidance=-1
--guidance 101|guidance=101
--guidance-interval 0.6|guidance_interval='0.6'
--guidance-interval 0.6:0.2|guidance_interval=0.6:0.2
--guidance-interval a:b|guidance_interval='a:b'
--sampler best|sampler='best'
--deep-cache 0|deep_cache=0
--vocoder magic|vocoder='magic'
--quality best|'best'
--loudness loud|loudness='loud'
--loudness 0|loudness=0
--loudness nan|loudness=nan
--seed -1|seed=-1
--seed 9223372036854775808|seed=
--count 0|count=0
--negative-prompt (x:9000)|9000
--device tpu|tpu
--dtype int8|int8
--lora gone.safetensors|gone.safetensors
--model gone|gone
-o gone/a.wav|gone/a.wav
-o a.xyz|xyz
--bits 24 -o a.mp3|MP3 has no bits
--bits float -o a.flac|FLAC stores 16 or 24 bits
--bits 12|'12'
--rate 50000 -o a.mp3|rate=50000
--rate 10|rate=10
-o folder.wav|folder.wav
--barz 2|--barz
"""
OWN = """
generate ""|prompt
generate "  "|prompt
generate|prompt
generate x --bars 0|bars=0
generate x --bars 513|bars=513
generate x --duration -1|duration=-1
generate x --duration 0|duration=0
generate x --duration 3 --bars 2|duration
generate x --melody gone.mid|gone.mid
generate x --melody text.mid|text.mid
generate x --melody text.wav|text.wav
generate x --melody drums.mid|drums alone
generate x --melody zero.mid|0 ticks
generate x --melody-strength 2|melody_strength=2
generate x --prompts list.csv|can't go with
generate --prompts gone.txt|gone.txt
generate --prompts empty.txt|empty.txt
generate --prompts bad.csv|bad.csv
generate --prompts bad.jsonl|bad.jsonl
generate x --workers 2|--workers
generate x --engine ray|--engine
loop ""|prompt
loop a b c --bars 2|bars=2
loop a --strength 2|strength=2
loop a --theme gone.wav|gone.wav
loop a --theme nobody|nobody
compose|prompt
compose ""|prompt
compose x --bars 0|bars=0
compose x --bars 513|bars=513
compose x --bpm 401|bpm=401
compose x --key H|key='H'
compose x --beats-per-bar 13|beats_per_bar=13
compose x --seed -1|seed=-1
compose x -o a.wav|must end in .mid
compose x -o gone/a.mid|gone/a.mid
compose x -o drums.mid|isn't riffkit's own
morph a|TO
morph a b --frames 1|frames=1
morph a b --frames 65|frames=65
morph a b --strength -1|strength=-1
morph gone.m4a b|gone.m4a
morph text.wav b|text.wav
edit tone.wav x|no part is chosen
edit tone.wav x --time 2|time='2'
edit tone.wav x --time 2:1|time=2:1
edit tone.wav x --time a:b|time='a:b'
edit tone.wav x --freq 900:200|freq=900:200
edit tone.wav x --mask gone.png|gone.png
edit tone.wav x --mask text.wav|text.wav
edit tone.wav x --mask mask.png --time 0:1|mask
edit tone.wav x --freq 200:900 --strength 2|strength=2
extend tone.wav x --bars 0|bars=0
extend tone.wav x --strength 2|strength=2
vary tone.wav --distance 2|distance=2
vary tone.wav --count 65|count=65
restyle tone.wav|prompt
restyle tone.wav x --strength 2|strength=2
story gone.toml|gone.toml
story bad.toml|bad.toml
story text.wav|text.wav
story none.toml|keyframe
batch gone.csv|gone.csv
batch empty.txt|empty.txt
batch bad.csv|line 2
batch bad.jsonl|line 1
batch list.csv --task dance|dance
batch list.csv -o tone.wav|tone.wav
batch list.csv --workers 0|workers=0
batch list.csv --engine cloud|cloud
encode gone.wav a.png|gone.wav
encode text.wav a.png|text.wav
encode empty.wav a.png|empty.wav
encode stub.mp3 a.png|stub.mp3
encode nan.wav a.png|nan.wav
encode six.wav a.png|six.wav
encode tone.wav a.jpg|a.jpg
encode tone.wav gone/a.png|gone/a.png
encode tone.wav a.png --preset none|none
encode tone.wav a.png --bpm 0|bpm=0
encode tone.wav a.png --bpm 999|bpm=999
encode tone.wav|png
decode gone.png a.wav|gone.png
decode tone.png a.ogg --bits 24|OGG has no bits
decode tone.png a.wav --loudness -50|loudness=-50
decode text.wav a.wav|text.wav
decode photo.png a.wav|photo.png
decode cut.png a.wav|cut.png
decode mask.png a.xyz|xyz
decode mask.png gone/a.wav|gone/a.wav
decode mask.png a.wav --quality best|best
decode mask.png a.wav --vocoder magic|magic
decode mask.png a.wav --transpose 99|transpose=99
decode mask.png a.wav --bpm 0|bpm=0
decode mask.png a.wav --preset none|none
decode mask.png a.wav --device tpu|tpu
inspect gone.wav|gone.wav
inspect gone.png|gone.png
inspect folder.wav|folder.wav
inspect cut.png|cut.png
inspect photo.png --preset none|none
replay gone.wav|gone.wav
replay tone.wav|recipe
replay mask.png|recipe
replay text.wav|text.wav
eval judged --prompts 0|prompts=0
eval judged --prompts 201|prompts=201
eval judged --dataset folder.wav --prompt x --lora gone|folder.wav
eval judged --model gone|gone
eval judged --lora gone|gone
eval judged --steps 0|steps=0
eval judged --reference gone|gone
eval tone.wav|tone.wav
eval year|report.md
models show gone|gone
models show text.wav|text.wav
models remove nobody/nothing --yes|nobody/nothing
models pull nobody|nobody
models nothing|nothing
dataset build gone out|gone
dataset build folder.wav out|folder.wav
dataset build songs songs|songs
dataset build songs out --bars 0|bars=0
dataset build songs out --seconds 0|seconds=0
dataset build songs out --bpm 0|bpm=0
dataset build songs out --test-share 2|test_share=2
dataset build songs out --preset none|none
dataset build songs out --model gone|gone
dataset build songs out --templates gone.txt|gone.txt
dataset build songs out --templates empty.txt|empty.txt
dataset build songs out --workers 0|workers=0
dataset build songs out --engine cloud|cloud
dataset build songs tone.wav|tone.wav
dataset check gone|gone
dataset check folder.wav|folder.wav
dataset nothing|nothing
train lora gone run|gone
train lora folder.wav run|folder.wav
train lora gone run --rank 0|rank=0
train lora gone run --images -1|images=-1
train lora gone run --rank x|--rank x: must be a whole number
train lora gone run --config gone.toml|gone.toml
train lora gone run --device tpu|device='tpu'
train lora gone run --learning-rate nan|learning_rate=nan
train lora gone run --sample-prompt ""|prompt=
train lora gone run --config bad.toml|bad.toml
train lora gone run --precision fp8|fp8
train full run --data gone|gone
train genre x songs|name='x'
train genre 'my sound' songs|name='my sound'
train genre 'a(b)' songs|name='a(b)'
train genre mine gone|gone
train genre mine folder.wav|folder.wav
train genre mine songs -o tone.wav|tone.wav
train genre mine songs -o songs|songs
train genre mine songs --clips 2|clips=2
train genre mine songs --images 0|images=0
train genre mine songs --device tpu|device='tpu'
train genre mine songs --workers 0|workers=0
train genre mine songs --model gone|gone
train genre mine songs|a.wav
train lora gone run --dry-run|gone
train full tone.wav --data gone|gone
train nothing|nothing
sing x|sing
"""


def cases() -> list[tuple[str, str]]:
    lines = [line for line in OWN.splitlines() if line]
    shared = [line for line in SHARED.splitlines() if line]
    commands = PROMPTED.split(";")
    for number, line in enumerate(shared):  # each of them with two of the commands
        for command in (commands[number % 6], commands[(number + 1 + number // 6) % 6]):
            lines.append(f"{command} {line}")
    for number, bad in enumerate(("gone.wav", "text.wav", "empty.wav", "silent.wav", "folder.wav")):
        for command in (CLIPS[number % 4], CLIPS[(number + 1) % 4]):
            lines.append(f"{command.format(bad)}|{bad}")
    return list(dict.fromkeys((line.rpartition("|")[0], line.rpartition("|")[2]) for line in lines))


CASES = cases()
NEED_SOUND = ("silent.wav", "nan.wav", "models show text.wav", "songs  ")
"""What is wrong with it isn't known before its samples, or tensors, are read."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are what they say, and others."""
    here = tmp_path_factory.mktemp("mistakes")
    tone = 0.3 * np.sin(np.arange(3 * 44_100) / 20)
    soundfile.write(here / "tone.wav", tone, 44_100)
    soundfile.write(here / "silent.wav", 0 * tone, 44_100)
    soundfile.write(here / "nan.wav", np.full(999, np.nan), 44_100, subtype="FLOAT")
    soundfile.write(here / "six.wav", np.zeros((999, 6)), 44_100)
    soundfile.write(here / "empty.wav", tone[:0], 44_100)
    soundfile.write(here / "whole.mp3", tone, 44_100)
    (here / "stub.mp3").write_bytes((here / "whole.mp3").read_bytes()[:45])
    (here / "whole.mp3").unlink()
    for name in ("text.wav", "text.mid", "bad.toml"):
        (here / name).write_text("no music = [")
    (here / "story.toml").write_text('bars = 1\n[[keyframe]]\nbar = 0\nprompt = "x"\n')
    (here / "none.toml").write_text("bars = 1\n")
    (here / "empty.txt").write_text("\n")
    (here / "list.csv").write_text("prompt\nx\n")
    (here / "bad.csv").write_text("prompt,bpm\nx,fast\n")
    (here / "bad.jsonl").write_text("{not json\n")
    (here / "folder.wav").mkdir()
    (here / "songs").mkdir()
    (here / "year").mkdir()
    (here / "year" / "report.md").write_text("# My year\n")
    soundfile.write(here / "songs" / "a.wav", tone, 44_100)
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(here / "photo.png")
    Image.fromarray(np.zeros((512, 64), np.uint8)).save(here / "mask.png")
    (here / "cut.png").write_bytes((here / "mask.png").read_bytes()[:60])
    note = b"\0\x99\x3c\x64\x60\x89\x3c\0\0\xff\x2f\0"
    for name, division in (("drums.mid", 96), ("zero.mid", 0)):
        head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, division)
        (here / name).write_bytes(head + b"MTrk" + struct.pack(">I", len(note)) + note)
    return here


def test_there_are_two_hundred() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize(("line", "says"), CASES, ids=[line for line, _ in CASES])
def test_a_mistake_is_named_in_a_line_and_leaves_nothing(
    folder: Path,
    line: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    monkeypatch.setattr(sys, "argv", ["riff", *shlex.split(line)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2, said.err
    assert said.out == ""
    assert said.err.startswith("riff: ") and said.err.count("\n") == 1, said.err
    assert says.replace("_", "-") in said.err.replace("_", "-"), said.err
    assert "Traceback" not in said.err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_most_are_answered_at_once(folder: Path, root: Path) -> None:
    lines = [line for line, _ in CASES if not any(name in f"{line}  " for name in NEED_SOUND)]
    lines.append("models list")  # no mistake, but as quick
    code = (
        "import shlex, sys, cli\n"
        f"for line in {lines!r}:\n"
        "    sys.argv = ['riff', *shlex.split(line)]\n"
        "    try:\n        cli.main()\n    except SystemExit:\n        pass\n"
        "    assert not {'torch', 'diffusers', 'numba'} & set(sys.modules), line\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
