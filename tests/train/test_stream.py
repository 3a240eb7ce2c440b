"""The stream: clips by number, in a cache that is bounded and survives its writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.spectrogram.params import FULL_BAND
from train.sounds.soundfonts import find_soundfonts
from train.stream import workers
from train.stream.reader import CROP_COLUMNS, CropReader, whole_clips
from train.stream.recipe import SHARES, DrawnClip, draw_clip
from train.stream.ring import Ring
from train.stream.shards import CLIPS_PER_SHARD
from train.stream.workers import Pace, keep_up, render_shard

PARAMS = replace(FULL_BAND, preset="small", n_mels=32)
SHARD_BYTES = CLIPS_PER_SHARD * 3 * 32 * 256


def _plain_clip(number: int) -> DrawnClip:
    """Every pixel of clip n is n modulo 251, but for the columns' own numbers in plane 2."""
    pixels = np.full((3, 32, 256), number % 251, np.uint8)
    pixels[2] = np.arange(256, dtype=np.uint8)
    return DrawnClip(number, "mix", pixels, {"number": number, "n_beats": 4})


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path / "cache", PARAMS)


@pytest.mark.parametrize("kind", ["guide", "extreme"])
def test_a_clip_follows_from_its_number(kind: str) -> None:
    first, again = (draw_clip(7, FULL_BAND, [], kind=kind) for _ in range(2))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.facts == again.facts
    assert not np.array_equal(first.pixels, draw_clip(8, FULL_BAND, [], kind=kind).pixels)
    assert first.pixels.shape == (3, 512, 64 * first.facts["n_beats"])


@pytest.fixture(scope="module")
def fonts() -> list[Path]:
    pytest.importorskip("tinysoundfont")
    try:
        return find_soundfonts()
    except ParameterError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("kind", ["mix", "stem"])
def test_a_clip_is_the_same_whatever_was_drawn_before(kind: str, fonts: list[Path]) -> None:
    first = draw_clip(11, FULL_BAND, fonts, kind=kind)
    other = draw_clip(12, FULL_BAND, fonts, kind=kind)
    assert np.array_equal(draw_clip(11, FULL_BAND, fonts, kind=kind).pixels, first.pixels)
    assert not np.array_equal(other.pixels[..., :384], first.pixels[..., :384])
    assert first.pixels.min() == 0  # something is as loud as an image shows
    assert first.facts["kind"] == kind


def test_kinds_and_tempi_are_drawn_as_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    from train.stream import recipe

    silent = {kind: lambda score, fonts, rng: np.zeros((2, 1_000)) for kind in SHARES}
    monkeypatch.setattr(recipe, "_SOUNDS", silent)
    monkeypatch.setattr(recipe, "loop_to_pixels", lambda *_: np.zeros((3, 1, 1), np.uint8))
    clips = [draw_clip(n, FULL_BAND, []) for n in range(600)]
    for kind, share in SHARES.items():
        assert sum(clip.kind == kind for clip in clips) / 600 == pytest.approx(share, abs=0.06)
    bpm = [clip.facts["bpm"] for clip in clips]
    assert min(bpm) >= 60
    assert max(bpm) <= 180
    assert sum(b > 150 for b in bpm) > 30


def test_the_cache_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    ring = Ring(tmp_path, PARAMS, max_bytes=int(3.5 * SHARD_BYTES))
    assert [render_shard(ring, _plain_clip) for _ in range(6)] == list(range(6))
    assert ring.shards() == [3, 4, 5]
    assert ring.n_rendered() == 6 * CLIPS_PER_SHARD
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3.5 * SHARD_BYTES
    assert [facts["number"] for facts in ring.facts(4)] == list(range(64, 80))


def test_a_cache_is_gone_on_with_and_its_gaps_are_filled(ring: Ring) -> None:
    for _ in range(3):
        render_shard(ring, _plain_clip)
    (ring.folder / "shard-000000001.safetensors").unlink()
    again = Ring(ring.folder, PARAMS)
    assert [render_shard(again, _plain_clip) for _ in range(2)] == [1, 3]


def test_two_writers_never_take_the_same_shard(ring: Ring) -> None:
    with ring.claim() as one, Ring(ring.folder, PARAMS).claim() as other:
        assert (one, other) == (0, 1)
    with ring.claim() as again:
        assert again == 0
    assert not list(ring.folder.glob("*.lock"))


def test_a_cache_of_other_images_is_refused(ring: Ring) -> None:
    with pytest.raises(ParameterError, match="'small', not recipe 2, preset 'full-band'"):
        Ring(ring.folder, FULL_BAND)


_WRITER = """
import sys, time
from pathlib import Path
from train.stream import ring as rings, shards
from tests.train.test_stream import PARAMS, _plain_clip
ring = rings.Ring(Path(sys.argv[1]), PARAMS)
real = shards.save_file
def slow(tensors, path, metadata):
    real(tensors, path, metadata)
    with open(path, "r+b") as file:
        file.truncate(1000)
    print("writing", flush=True)
    time.sleep(60)
shards.save_file = slow
with ring.claim() as shard:
    ring.write(shard, [_plain_clip(n) for n in range(16)])
"""


def test_a_killed_writer_leaves_no_half_shard_and_frees_its_claim(ring: Ring) -> None:
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(ring.folder)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    with ring.claim() as other:
        assert other == 1  # shard 0 is being written
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert ring.shards() == []
    assert render_shard(ring, _plain_clip) == 0
    assert ring.n_clips(0) == CLIPS_PER_SHARD


def test_crops_wrap_round_their_loop(ring: Ring) -> None:
    render_shard(ring, _plain_clip)
    crop = ring.columns(0, 5, 200, CROP_COLUMNS)
    assert crop.shape == (3, 32, CROP_COLUMNS)
    assert (crop[0] == 5).all()
    assert crop[2, 0].tolist() == [(200 + n) % 256 for n in range(CROP_COLUMNS)]


def test_what_is_drawn_follows_from_the_generator(ring: Ring) -> None:
    for _ in range(3):
        render_shard(ring, _plain_clip)

    def drawn(seed: int) -> torch.Tensor:
        reader = CropReader(ring, "a")
        return reader.draw(12, torch.Generator().manual_seed(seed)).pixels

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))
    assert len(drawn(0)[:, 0, 0, 0].unique()) > 6  # of 48 clips
    assert CropReader(ring, "a").draw(1, torch.Generator()).pixels.dtype == torch.uint8
    assert ring.n_drawn() == 12 * 5 + 1


def test_training_by_turns_renders_as_it_goes(ring: Ring) -> None:
    pace = Pace(ahead=CLIPS_PER_SHARD, views=10)
    reader = CropReader(ring, "a", keep_up=lambda n: keep_up(ring, _plain_clip, pace, n))
    for step in range(40):
        reader.draw(8, torch.Generator().manual_seed(step))
    needed = CLIPS_PER_SHARD + 39 * 8 / 10
    assert needed <= ring.n_rendered() < needed + CLIPS_PER_SHARD


def test_a_shard_that_goes_while_it_is_read_is_no_harm(ring: Ring) -> None:
    for _ in range(2):
        render_shard(ring, _plain_clip)
    reader = CropReader(ring, "a")
    ring.shards = lambda: [0, 1, 7]  # type: ignore[method-assign]  # 7 has just been removed
    batch = reader.draw(32, torch.Generator().manual_seed(0))
    assert len(batch) == 32


def test_a_clip_that_cannot_be_drawn_is_told_and_left_out(
    ring: Ring, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(number: int) -> DrawnClip:
        if number % 5 == 0:
            raise ValueError("no such program")
        return _plain_clip(number)

    render_shard(ring, some)
    assert ring.n_clips(0) == 12
    assert "clip 5: ValueError('no such program')" in capsys.readouterr().err


def test_whole_clips_are_the_newest(ring: Ring) -> None:
    for _ in range(2):
        render_shard(ring, _plain_clip)
    images = whole_clips(ring, 20)
    assert [int(image[0, 0, 0]) for image in images] == [*range(16, 32), *range(4)]
    assert images[0].shape == (3, 32, 256)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_processes_fill_the_cache_and_stop_with_the_block(
    tmp_path: Path, fonts: list[Path]
) -> None:
    ring = Ring(tmp_path, FULL_BAND)
    with workers.workers(ring, 1, Pace(ahead=16)):
        assert _until(lambda: ring.shards() == [0], 240)
    assert ring.n_clips(0) == CLIPS_PER_SHARD
