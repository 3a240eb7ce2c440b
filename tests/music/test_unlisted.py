"""Tasks for programs alone: the music between two prompts, and a clip of the user's sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip
from riffkit.music.mask import read_scaled_mask
from riffkit.music.musical_facts import lead_samples
from riffkit.music.registry import task, tasks
from riffkit.music.replay import replay
from riffkit.music.request import PaintRequest
from riffkit.music.riff import Riff
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.source import open_source
from riffkit.music.values import call_of

FAST: dict[str, Any] = {"steps": 4, "quality": "preview"}


def made(riff: Riff, name: str, **values: Any) -> Clip:
    session = Session(riff.pipeline)
    (clip,) = perform(session, prepare(session, call_of(task(name), values)))
    return clip


def between(riff: Riff, **values: Any) -> Clip:
    ends = {"first": "house", "last": "waltz, flute", "bpm": 200.0, "key": "D minor"}
    return made(riff, "interpolate", **{**ends, "seed": 3, "last_seed": 4, **FAST, **values})


def distance(one: Clip, other: Clip) -> float:
    apart = one.image.pixels.astype(float) - other.image.pixels
    return float(np.abs(apart).mean())


def test_they_are_neither_commands_nor_methods(golden_riff: Riff) -> None:
    assert {"interpolate", "import"}.isdisjoint(tasks())
    assert not hasattr(golden_riff, "interpolate")


def test_its_ends_are_what_generate_makes(golden_riff: Riff) -> None:
    asked = {"bars": 2, "loop": True, "bpm": 200.0, "key": "D minor", **FAST}
    first, last = between(golden_riff, alpha=0.0), between(golden_riff, alpha=1.0)
    assert torch.equal(first.waveform, golden_riff.generate("house", seed=3, **asked).waveform)
    other = golden_riff.generate("waltz, flute", seed=4, beats_per_bar=4, **asked)
    assert np.array_equal(last.image.pixels, other.image.pixels)


def test_between_its_ends_it_is_near_both(golden_riff: Riff) -> None:
    first, middle, last = (between(golden_riff, alpha=alpha) for alpha in (0.0, 0.5, 1.0))
    near = between(golden_riff, alpha=0.05)
    assert distance(first, near) < distance(first, middle) < distance(first, last)
    assert distance(last, middle) < distance(last, first)


def test_a_theme_is_painted_over(golden_riff: Riff, tmp_path: Path) -> None:
    theme = golden_riff.generate("house, organ", bars=2, loop=True, seed=8, **FAST)
    theme.save(tmp_path / "theme.wav")
    none, some, all_new = (
        between(golden_riff, bpm=None, theme=tmp_path / "theme.wav", alpha=0.5, strength=strength)
        for strength in (0.0, 0.5, 1.0)
    )
    assert none.waveform.shape == theme.waveform.shape
    assert distance(none, some) < distance(none, all_new)

    mask = np.zeros((20, 60), np.uint8)
    mask[:, 30:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    files_of = {"theme": tmp_path / "theme.wav", "mask": tmp_path / "mask.png"}
    half = between(golden_riff, bpm=None, alpha=0.5, strength=1.0, **files_of)
    apart = np.abs(half.image.pixels.astype(float) - none.image.pixels).mean((0, 2))
    width = len(apart)
    # the golden model's decoder spreads a change over the whole picture
    assert apart[: width // 2].mean() < 0.75 * apart[width // 2 :].mean()
    cells = read_scaled_mask(tmp_path / "mask.png").cells(2, 4)
    assert cells[0, 0].tolist() == [[0, 0, 1, 1]] * 2


def test_a_mask_without_a_theme(golden_riff: Riff, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "mask.png")
    with pytest.raises(ParameterError, match="painted over a theme"):
        between(golden_riff, mask=tmp_path / "mask.png")


def test_the_files_of_both_are_made_again(
    golden_riff: Riff, golden_folder: Path, tmp_path: Path
) -> None:
    sound, rate = files.load(Path("samples/funk.flac"))
    files.save(tmp_path / "song.wav", sound[:, 5_000 : 4 * rate], rate)
    for clip in (
        between(golden_riff, alpha=0.3),
        made(golden_riff, "import", file=tmp_path / "song.wav"),
    ):
        clip.save(tmp_path / "clip.wav")
        clip.image.save(tmp_path / "clip.png")
        for name in ("clip.wav", "clip.png"):
            again = replay(
                tmp_path / name, tmp_path / f"again-{name}", model=str(golden_folder), device="cpu"
            )
            assert (again.same, again.compared) == (True, "bytes")


def test_an_imported_clip_begins_with_its_own_bars_everywhere(
    golden_riff: Riff, tmp_path: Path
) -> None:
    """Its image, and that of the clip opened again, are the same, as are those of what is made."""
    sound, rate = files.load(Path("samples/funk.flac"))
    files.save(tmp_path / "song.wav", sound[:, 5_000 : 5 * rate], rate)
    clip = made(golden_riff, "import", file=tmp_path / "song.wav")
    lead = lead_samples(clip.recipe)
    assert lead is not None
    assert lead > 0
    clip.save(tmp_path / "clip.wav")
    again = open_source(golden_riff.pipeline, tmp_path / "clip.wav", PaintRequest())
    assert (again.n_lead, again.grid) == (lead, clip.image.grid)
    assert np.abs(again.image.pixels.astype(int) - clip.image.pixels).max() <= 1
    (vary,) = golden_riff.vary(tmp_path / "clip.wav", count=1, seed=1, **FAST)
    assert lead_samples(vary.recipe) == lead
    assert vary.image.grid == clip.image.grid
    assert vary.waveform.shape == clip.waveform.shape


def test_an_imported_sound_keeps_its_level(golden_riff: Riff, tmp_path: Path) -> None:
    rate = golden_riff.pipeline.params.sample_rate
    sound = 0.02 * torch.randn(1, 2 * rate, generator=torch.Generator().manual_seed(0))
    files.save(tmp_path / "quiet.wav", sound, rate, subtype="FLOAT")
    clip = made(golden_riff, "import", file=tmp_path / "quiet.wav", bpm=120.0)
    assert torch.equal(clip.waveform, sound)
    assert clip.loop
    files.save(tmp_path / "loud.wav", 100 * sound, rate, subtype="FLOAT")
    loud = made(golden_riff, "import", file=tmp_path / "loud.wav", bpm=120.0)
    assert loud.waveform.abs().max() <= 1
    assert any("above full scale" in note for note in loud.notes)
