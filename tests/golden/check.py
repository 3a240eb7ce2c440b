"""Replays every golden file of a folder and says what differs: `python check.py FOLDER`."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from riffkit.audio import files
from riffkit.music.clip import Clip, read_recipe
from riffkit.music.replay import Places, remake
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage


@dataclass(frozen=True)
class Difference:
    """How far a clip that was made again is off.

    `levels`: the most that a pixel is; `pixels`: the share of pixels that is at all; where players
    were painted alone, of their pictures, since the clip's own shows sounds whose phases may go
    another way. `sound_db`:
    the loudest difference of the sound beside its peak, both as FLAC files. Where pixels differ
    phases may go another way, so `heard`: the mean difference of the two sounds' own spectrograms,
    in levels.
    """

    levels: int
    pixels: float
    sound_db: float
    heard: float
    same_recipe: bool


def names(folder: Path) -> list[str]:
    """The clips of a folder: what has a PNG or a FLAC file and isn't a mask."""
    found = {path.stem for path in folder.iterdir() if path.suffix in (".png", ".flac")}
    return sorted(found - {"mask"})


def replayed(folder: Path, name: str, model: str | None) -> Difference:
    """How a clip, made again from its recipe, differs from its files."""
    png, flac = (folder / f"{name}{suffix}" for suffix in (".png", ".flac"))
    main = flac if flac.exists() else png
    recipe = read_recipe(main)
    assert recipe is not None
    made = remake(recipe, Places(main, model=model, device="cpu"))
    image = made.image if isinstance(made, Clip) else made
    assert image.recipe is not None
    same = recipe.same_music(type(recipe).from_dict(image.recipe))
    off, sound_db, heard = np.zeros(1), -np.inf, 0.0
    if players := getattr(made, "stem_images", None):
        pairs = [(folder / name / f"{player}.png", painted) for player, painted in players.items()]
        off = np.concatenate([_off(*pair) for pair in pairs])
    elif png.exists():
        off = _off(png, image)
    if isinstance(made, Clip):
        samples, rate = files.load(flac, allow_silence=True)
        with tempfile.TemporaryDirectory() as again:
            made.save(Path(again) / "again.flac")
            other, _ = files.load(Path(again) / "again.flac", allow_silence=True)
        assert samples.shape == other.shape
        error = float((samples - other).abs().max())
        sound_db = 20 * np.log10(error / float(samples.abs().max())) if error else -np.inf
        seen = [
            waveform_to_image(sound, rate, image.params).pixels.astype(int)
            for sound in (samples, other)
        ]
        heard = float(np.abs(seen[0] - seen[1]).mean())
    share = float((off > 0).mean())
    return Difference(int(off.max()), share, float(sound_db), heard, same)


def _off(png: Path, image: SpectrogramImage) -> Int[np.ndarray, " pixel"]:
    there = SpectrogramImage.open(png).pixels.astype(int)
    assert there.shape == image.pixels.shape
    return np.abs(there - image.pixels).ravel()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    for one in names(where):
        print(f"{one:18}", replayed(where, one, sys.argv[2] if len(sys.argv) > 2 else None))
