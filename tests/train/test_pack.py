"""A pack: a soundfont made small sounds the same, and the folder says when it is too large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from riffkit.errors import ParameterError
from riffkit.score import write_score
from train.denoiser.fingerprint import fingerprint_of
from train.pack import build as building
from train.pack.soundfont import shrink_soundfont
from train.sounds.render_score import render
from train.sounds.soundfonts import find_soundfont
from train.vae.network import VaeConfig, new_vae


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    new_vae(VaeConfig(sound_channels=4, channels=(16, 16, 16), groups=4)).save_pretrained(
        tmp_path / "vae"
    )
    return tmp_path / "vae"


@pytest.mark.slow
def test_a_small_soundfont_sounds_the_same(tmp_path: Path) -> None:
    pytest.importorskip("tinysoundfont")
    try:
        font = find_soundfont()
    except ParameterError as missing:
        pytest.skip(str(missing))
    small = tmp_path / "small.sf3"
    shrink_soundfont(font, small)
    assert small.stat().st_size < 0.12 * font.stat().st_size
    for seed in (1, 5, 9):
        sounds = [np.asarray(render(write_score(seed), path)).ravel() for path in (font, small)]
        assert np.corrcoef(*sounds)[0, 1] > 0.98


def test_what_is_no_soundfont_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.sf2").write_bytes(b"nonsense")
    with pytest.raises(ParameterError, match="is not an SF2 file"):
        shrink_soundfont(tmp_path / "a.sf2", tmp_path / "b.sf3")


def test_a_pack_has_code_words_and_the_autoencoder_by_its_name(
    vae: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "shrink_soundfont", lambda source, out: out.write_bytes(b"x"))
    out = tmp_path / "pack"
    size = building.build(out, vae, tmp_path, wheels=False)
    assert size < 25_000_000
    for path in (
        "train/on_gpu.py",
        "riffkit/models/weights/folder.py",
        "riffkit/weights/mini/tokenizer/vocab.json",
    ):
        assert (out / path).is_file(), path
    assert not (out / "riffkit/weights/mini/unet").exists()
    assert fingerprint_of(out / "vae") == fingerprint_of(vae)
    half = AutoencoderKL.from_pretrained(out / "vae", torch_dtype=torch.float16)
    assert half.dtype == torch.float16
    monkeypatch.setattr(building, "MAX_BYTES", 1_000_000)
    with pytest.raises(ParameterError, match="and may have 1; leave out the snapshot"):
        building.build(out, vae, tmp_path, wheels=False)
    assert (out / "train").is_dir()  # the older pack stays
