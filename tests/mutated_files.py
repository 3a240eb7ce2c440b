"""Makes files with random damage, and has them read: `python -m tests.mutated_files 400`.

Whatever reads them either can, or says in a line why not; all else is printed.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import sys
import tarfile
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from PIL import Image
from safetensors.torch import save as safetensors_bytes

from riffkit.audio import files
from riffkit.audio.reader import read_tags
from riffkit.dataset.describe import file_tags, read_folder_metadata
from riffkit.dataset.formats import (
    ClipRecord,
    DatasetInfo,
    dataset_fingerprint,
    read_dataset_info,
    read_ledger,
    read_metadata,
    read_shards,
)
from riffkit.dataset.templates import read_templates
from riffkit.errors import RiffkitError
from riffkit.evaluation.real import genre_requests, read_real_clips
from riffkit.models.catalogue import describe_model
from riffkit.models.json_file import read_json
from riffkit.models.locate import model_traits, spectrogram_params
from riffkit.models.lora import read_lora
from riffkit.models.weights.weight_file import read_weights
from riffkit.music.batch_list import read_batch
from riffkit.music.clip import read_recipe
from riffkit.music.midi_score import read_score
from riffkit.music.registry import task
from riffkit.music.script import read_script
from riffkit.music.values import call_of
from riffkit.provenance.recipe import Recipe
from riffkit.score.brief import Brief
from riffkit.score.compose import compose
from riffkit.score.midi import midi_bytes
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP, RIFFUSION_V1
from riffkit.training.plan import plan_tuning
from riffkit.training.settings import LoraSettings, read_settings

LONG = 100
"""So many damaged files of a kind can't all be read."""
SAMPLES = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True)
class Kind:
    """A whole file by its name, and what reads it; if it `is_lenient`, it refuses no damage."""

    name: str
    make: Callable[[], bytes]
    read: Callable[[Path], Any]
    is_lenient: bool = False


def sound(suffix: str, **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        tone = 0.4 * np.sin(np.arange(9_000) * 0.05)[:, None] * [1.0, 0.7]
        file = io.BytesIO()
        soundfile.write(file, tone, 22_050, format=suffix, **options)
        return file.getvalue()

    return make


def picture(kind: str, mode: str = "RGB") -> Callable[[], bytes]:
    def make() -> bytes:
        levels = np.random.default_rng(0).integers(0, 255, (512, 24), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(levels).convert(mode).save(file, kind)
        return file.getvalue()

    return make


def tensors() -> dict[str, torch.Tensor]:
    layer = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    return {f"{layer}.lora_A.weight": torch.ones(2, 8), f"{layer}.lora_B.weight": torch.ones(8, 2)}


def pickled() -> bytes:
    file = io.BytesIO()
    torch.save(tensors(), file)
    return file.getvalue()


def midi() -> bytes:
    track = b"\0\xff\x51\x03\x07\xa1\x20\0\xff\x58\x04\x03\x02\x18\x08"
    for pitch in (60, 64, 67, 72):
        track += bytes((0, 0x90, pitch, 100)) + b"\x83\x60" + bytes((0x80, pitch, 0))
    track += b"\0\xff\x2f\0"
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    return head + b"MTrk" + struct.pack(">I", len(track)) + track


def composed() -> bytes:
    return midi_bytes(compose(Brief(style="funk"), bars=1, seed=1))


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as shard:
        for name, content in (("a.png", picture("PNG")()), ("a.json", as_json(asdict(RECORD))())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    return file.getvalue()


STORY = """\
bars = 4
bpm = 96
seed = 3
[[keyframe]]
bar = 0
prompt = "piano, (calm:1.2)"
strength = 0.6
[[keyframe]]
bar = 2
prompt = "drums"
easing = "linear"
"""
CONFIG = "rank = 8\nlearning_rate = 1e-4\nimages = 2000\nseed = 1\n"
TABLE = 'file_name,text,bpm\nsongs/a.wav,"lo-fi, piano",90\nsongs/b.mp3,techno,130\n'
ROWS = "prompt,bars,bpm,seed,strength,loop\nlo-fi piano,2,84,1,,true\nhouse,4,124,2,,\n"
LINES = '{"prompt": "a", "bars": 2}\n{"task": "loop", "prompts": ["a"]}\n'
LOG = b'{"images": 8, "loss": 0.5, "images_per_second": 2.0}\n{"images": 8, "held_out_loss": 1}\n'
EXTREMES = ("NaN", "1e999", "-1", "null", "[]", "{}", '"', "\n", "9" * 30, "é\0")
RECIPE = json.dumps(
    {"command": "generate", "arguments": {"prompt": "x", "seed": 1}, "schema": 1, "threads": 2}
)
INFO = DatasetInfo(
    preset="crisp",
    params=CRISP,
    bars=2,
    beats_per_bar=4,
    seconds=None,
    model=None,
    model_fingerprint=None,
    seed=0,
    options={},
)
RECORD = ClipRecord(
    file_name="train/a.flac",
    text="x",
    captions=("x",),
    split="train",
    bpm=90.0,
    beats_per_bar=4,
    key="A minor",
    transpose=0.0,
    tags={"piano": 0.5},
    loudness_lufs=-14.0,
    source="a.wav",
    start_seconds=0.0,
    seconds=5.0,
    sha256="0",
)


def as_json(values: Any) -> Callable[[], bytes]:
    return json.dumps(values).encode


def call(path: Path) -> None:
    for entry in read_batch(path):
        entry.call({}, seed=1)


def story(path: Path) -> None:
    read_script(path)
    call_of(task("story"), {"script": path})


def recipe(path: Path) -> None:
    Recipe.from_json(path.read_bytes().decode(errors="replace"))


def judged_lines() -> bytes:
    splits = ("train",) * 4 + ("test",) * 4
    return b"".join(as_json(asdict(replace(RECORD, split=s)))() + b"\n" for s in splits)


def judged(path: Path) -> None:
    (path.parent / "dataset.json").write_bytes(as_json(INFO.to_dict())())
    genre_requests("x", read_real_clips(path.parent), 4)


def dataset(folder: Path) -> Path:
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_bytes(as_json(INFO.to_dict())())
    (folder / "metadata.jsonl").write_bytes(as_json(asdict(RECORD))())
    (folder / "shards" / "train-0.tar").write_bytes(tar())
    return folder


def run_recipe() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        data = {"name": "x", "fingerprint": dataset_fingerprint(dataset(Path(folder)))}
    settings = json.loads(LoraSettings().model_dump_json())
    model = {"name": "mini", "fingerprint": "0"}
    return as_json({"kind": "lora", "settings": settings, "dataset": data, "model": model})()


def run(path: Path) -> None:
    """The folder of a training, whose other files are whole."""
    for name, whole in (("recipe.json", run_recipe()), ("log.jsonl", LOG), ("state.pt", b"")):
        if name != path.name:
            (path.parent / name).write_bytes(whole)
    data = dataset(path.parents[1] / "set")
    plan_tuning(data, path.parent, LoraSettings()).lines()


def sample(name: str) -> Callable[[], bytes]:
    return (SAMPLES / name).read_bytes


KINDS = [
    Kind("a.wav", sound("WAV"), files.load),
    Kind("float.wav", sound("WAV", subtype="FLOAT"), files.load),
    Kind("a.rf64", sound("RF64"), files.load),
    Kind("a.aiff", sound("AIFF"), files.load),
    Kind("a.flac", sound("FLAC"), files.load),
    Kind("a.ogg", sound("OGG"), files.load),
    Kind("a.mp3", sound("MP3"), files.load),
    Kind("tags.mp3", sound("MP3"), read_tags),
    Kind("tags.flac", sound("FLAC"), file_tags, is_lenient=True),
    Kind("a.png", picture("PNG"), SpectrogramImage.open),
    Kind("gray.png", picture("PNG", "LA"), lambda path: SpectrogramImage.open(path, RIFFUSION_V1)),
    Kind("a.jpg", picture("JPEG"), SpectrogramImage.open),
    Kind("a.gif", picture("GIF", "P"), SpectrogramImage.open),
    Kind("a.webp", picture("WEBP"), SpectrogramImage.open),
    Kind("lofi.png", sample("lofi.png"), SpectrogramImage.open),
    Kind("lofi.flac", sample("lofi.flac"), read_recipe),
    Kind("a.mid", midi, read_score),
    Kind("b.mid", composed, read_score),
    Kind("lora.safetensors", lambda: safetensors_bytes(tensors(), {"a": "b"}), read_lora),
    Kind("lora.bin", pickled, read_lora),
    Kind("a.ckpt", pickled, lambda path: read_weights(path, named="model")),
    Kind("show.ckpt", pickled, lambda path: describe_model(str(path))),
    Kind("model_index.json", lambda: b'{"unet": ["diffusers", "UNet2DConditionModel"]}', read_json),
    Kind("spectrogram.json", lambda: json.dumps(CRISP.to_dict()).encode(), spectrogram_params),
    Kind("riffkit.json", lambda: b'{"default_steps": 4, "style_bpm": {"a": 90}}', model_traits),
    Kind("recipe.json", RECIPE.encode, recipe),
    Kind("story.toml", STORY.encode, story),
    Kind("config.toml", CONFIG.encode, lambda path: read_settings(LoraSettings, path, {})),
    Kind("rows.csv", ROWS.encode, call),
    Kind("rows.jsonl", LINES.encode, call),
    Kind("rows.txt", lambda: "lo-fi piano\n# no\nрок, гитара\n".encode(), call),
    Kind("metadata.csv", TABLE.encode, lambda path: read_folder_metadata(path.parent, [])),
    Kind("dataset.json", as_json(INFO.to_dict()), lambda path: read_dataset_info(path.parent)),
    Kind("metadata.jsonl", as_json(asdict(RECORD)), lambda path: read_metadata(path.parent)),
    Kind("ledger.jsonl", as_json(asdict(RECORD)), lambda path: read_ledger(path.parent)),
    Kind("judged/metadata.jsonl", judged_lines, judged),
    Kind("run/recipe.json", run_recipe, run),
    Kind("run/log.jsonl", lambda: LOG, run, is_lenient=True),
    Kind("shards/train-0.tar", tar, lambda path: list(read_shards(path.parents[1], "train"))),
    Kind("templates.txt", lambda: b"{style} with {instruments}, {key}\n{title}\n", read_templates),
]


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """The file with one to eight faults, of the kinds that disks, programs and people make."""
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(data)) if data else 0
        # most of what decides lies at the beginning
        at = min(at, rng.randrange(200)) if rng.random() < 0.5 and data else at
        size = rng.choice((1, 2, 4, 8, 40))
        fault = rng.randrange(8)
        if fault == 0:
            data[at : at + size] = rng.randbytes(size)
        elif fault == 1:
            del data[at:]
        elif fault == 2:
            del data[at : at + size]
        elif fault == 3:
            data[at:at] = rng.randbytes(size)
        elif fault == 4:
            data[at : at + size] = bytes([rng.choice((0, 0x7F, 0x80, 0xFF))]) * size
        elif fault == 5:
            data[at:at] = data[at : at + 10 * size]
        elif fault == 6:
            extreme = rng.choice(EXTREMES)
            number = re.search(rb"\d+(\.\d+)?", data[at:])
            if number is not None:
                data[at + number.start() : at + number.end()] = extreme.encode()
        elif fault == 7:
            data = bytearray(b"\xef\xbb\xbf" + data) if rng.random() < 0.5 else data[::-1]
    return bytes(data)


def read_damaged(kind: Kind, folder: Path, n_times: int) -> int:
    """How many of the files were refused."""
    whole, n_refused = kind.make(), 0
    path = folder / kind.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole)
    kind.read(path)  # whole, it can be
    for number in range(n_times):
        seed = f"{kind.name} {number}"
        path.write_bytes(damaged(whole, random.Random(seed)))
        try:
            kind.read(path)
        except RiffkitError as error:
            n_refused += 1
            if "\n" in str(error):
                print(f"{seed}: {error}")
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{seed}: {type(error).__name__}: {error} ({at.filename}:{at.lineno})")
    return n_refused


def main(n_times: int) -> None:
    """Print each error that no reader foresaw, and of a long run what refused no file at all."""
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            n_refused = read_damaged(kind, Path(folder), n_times)
        if n_times >= LONG and not n_refused and not kind.is_lenient:
            print(f"{kind.name}: none of {n_times} damaged files was refused")


if __name__ == "__main__":
    main(int(sys.argv[1]))
