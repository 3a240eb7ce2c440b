"""Makes a file of each command, to be replayed by later code: `python make.py FOLDER`.

The files of `files/` were made so by version 0.1.0 (commit 1673c5b), but for `generate-loudness`,
`edit-level`, `generate-melody` and `generate-chords`, which 0.2.0.dev0 made, the pictures of its
players later than itself. A checkout of any
version makes its own with PYTHONPATH set to it. With `--model mini` it is the bundled model's turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
from PIL import Image

import riffkit
from riffkit.music.codec import decode, encode

_STORY = """
bars = 3
seed = 5
bpm = 220
key = "C minor"
phrase_bars = 1

[[keyframe]]
bar = 0
prompt = "house, organ"

[[keyframe]]
bar = 1.5
prompt = "waltz, (flute:1.3)"
negative_prompt = "drums"
seed = 9
guidance = 2.0
strength = 0.6
easing = "smooth"
"""


def write_inputs(folder: Path) -> None:
    """A tune as MIDI, and a script."""
    song = mido.MidiFile(ticks_per_beat=96)
    track = mido.MidiTrack()
    song.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(240)))
    for note in (62, 65, 69, 74):
        track.append(mido.Message("note_on", note=note, velocity=90, time=0))
        track.append(mido.Message("note_off", note=note, time=96))
    song.save(folder / "tune.mid")
    (folder / "story.toml").write_text(_STORY)


def write_mask(image: Path, path: Path) -> None:
    """White in the middle of an image, gray at its edges."""
    width, height = Image.open(image).size
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : -height // 4, width // 4 : -width // 4] = 255
    mask[height // 4 : height // 3, width // 4 : -width // 4] = 128
    Image.fromarray(mask).save(path)


def save_players(clip: Any, folder: Path) -> None:
    """The pictures of those that were painted alone, each as PLAYER.png."""
    for player, image in clip.stem_images.items():
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{player}.png")


def make(folder: Path, model: str, report: Callable[[str], None] = print) -> None:
    """Every command's files, into a folder where those that they were made from lie too."""
    folder.mkdir(parents=True, exist_ok=True)
    riff = riffkit.load(model, device="cpu")
    write_inputs(folder)

    def save(name: str, clip: Any) -> None:
        clip.image.save(folder / f"{name}.png")
        clip.save(folder / f"{name}.flac")
        save_players(clip, folder / name)
        report(name)

    prompt = "please make a sad (house:1.2) beat with piano, without a guitar"
    save("generate", riff.generate(prompt, bars=1, seed=1, loop=True, negative_prompt="noise"))
    save("generate-duration", riff.generate("Walzer mit Klavier in A-Moll", duration=1.9, seed=2))
    tuned = {"sampler": "euler-a", "guidance_interval": "0:0.5", "deep_cache": 2, "steps": 5}
    save("generate-tuned", riff.generate("house in F# minor", bars=1, bpm=200.0, seed=3, **tuned))
    save("generate-melody", riff.generate("organ", melody=folder / "tune.mid", seed=4))
    played = {"chords": "Am | F", "stems": True, "replace": ["organ=piano"], "humanize": 0.5}
    save("generate-chords", riff.generate("house, organ and synth bass", seed=21, **played))
    clip, long = folder / "generate.flac", folder / "generate-duration.flac"
    save("loop", riff.loop(["organ", "house, flute"], bars=2, seed=6))
    save("loop-theme", riff.loop(["organ, [choir]"], bars=2, theme=clip, seed=7, strength=0.6))
    save("story", riff.story(folder / "story.toml"))
    save("morph", riff.morph("house, organ", "waltz", frames=3, bars=1, seed=8, last_seed=9))
    save("morph-clip", riff.morph(clip, "waltz in A minor", frames=3, bars=1, seed=10))
    save("vary", riff.vary(clip, count=2, seed=11)[1])
    save("restyle", riff.restyle(clip, "flute, no drums", seed=12, quality="preview"))
    save("restyle-long", riff.restyle(long, "flute", seed=13, strength=0.7))
    save("edit", riff.edit(clip, "choir", time=(0.2, 0.6), freq=(200.0, 3000.0), seed=14))
    write_mask(folder / "generate.png", folder / "mask.png")
    save("edit-mask", riff.edit(clip, "choir", mask=folder / "mask.png", seed=15, strength=0.8))
    loud = {"time": (0.2, 0.6), "seed": 20, "keep_level": "on"}
    save("edit-level", riff.edit(clip, "choir", **loud))
    save("extend", riff.extend(clip, "(choir)", bars=1, seed=16))
    save("extend-before", riff.extend(long, bars=1, before=True, seed=17))
    encode(clip, bpm=240.0).save(folder / "encode.png")
    save("generate-loudness", riff.generate("house", bars=1, loop=True, seed=19, loudness="peak"))
    save("decode", decode(folder / "encode.png", bpm=260.0, transpose=-2.0, seed=18))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="golden")
    options = parser.parse_args()
    print(f"with {Path(riffkit.__file__).parent}")
    chosen = options.model
    if chosen == "golden":
        from riffkit.imports import prepare

        prepare()
        from model import NAME, save

        chosen = str(options.folder / NAME)
        save(Path(chosen))
    make(options.folder, chosen)
