"""Pictures of what is being painted, and how a painting is stopped."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from riffkit.music.preview import Preview
from riffkit.music.registry import task
from riffkit.music.riff import Riff
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.values import call_of

ASKED = {"prompt": "techno with synth bass", "bars": 1, "steps": 4, "seed": 3, "loop": True}


def gray(png: bytes, size: tuple[int, int]) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L").resize(size), float).ravel()


def test_previews_come_closer_to_the_picture(riff: Riff) -> None:
    previews: list[bytes] = []
    preview = Preview.of(riff.pipeline)

    def keep(latents: Tensor, step: int, steps: int) -> None:
        assert (step, steps) == (len(previews) + 1, 4)
        previews.append(preview.png(latents))

    call = call_of(task("generate"), ASKED)
    session = Session(riff.pipeline, on_latents=keep)
    (clip,) = perform(session, prepare(session, call))
    file = io.BytesIO()
    Image.fromarray(clip.image.pixels).save(file, "png")
    final = gray(file.getvalue(), (64, 32))
    likeness = [np.corrcoef(gray(one, (64, 32)), final)[0, 1] for one in previews]
    assert len(previews) == 4
    assert likeness[-1] > 0.7
    assert likeness[0] < likeness[-1]
    with Image.open(io.BytesIO(previews[0])) as image:
        assert image.height == 128
        assert image.width == clip.image.pixels.shape[1] * 128 // clip.image.pixels.shape[0]
    call = call_of(task("generate"), ASKED)
    session = Session(riff.pipeline)
    (unseen,) = perform(session, prepare(session, call))
    assert np.array_equal(unseen.image.pixels, clip.image.pixels)


def test_what_on_step_raises_ends_the_painting_within_the_step(riff: Riff) -> None:
    class StoppedError(Exception):
        pass

    steps = []

    def stop(step: int, _: int) -> None:
        steps.append(step)
        if step == 2:
            raise StoppedError

    session = Session(riff.pipeline, on_step=stop)
    with pytest.raises(StoppedError):
        perform(session, prepare(session, call_of(task("generate"), ASKED)))
    assert steps == [1, 2]
