"""What the rows, columns and gray levels of a clip's image mean. Light: reads its tags alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.exif import Tag, exif_to_tags, tags_to_params
from riffkit.spectrogram.mel_scale import hz_to_mel, mel_to_hz
from riffkit.spectrogram.params import RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.png import params_in

_WHITE = 255


def axes_of(image: Path, *, lead_samples: int) -> dict[str, Any]:
    """The axes of an image file, as plain values.

    Args:
        image: a PNG that riffkit wrote.
        lead_samples: samples of silence before the sound, within its first bar.

    Returns:
        `hz`: the frequency at each row's center as it sounds, the top row first; `level_db`: what
        each gray level from 0 (black, 0 dB) to 255 means; white is silence, below half a level.
    """
    with Image.open(image) as opened:
        tags, stored, width = exif_to_tags(opened.getexif()), params_in(opened.info), opened.width
    params = tags_to_params(tags, stored or RIFFUSION_V1).params
    grid = BeatGrid(tags[Tag.BPM], width // PIXELS_PER_BEAT) if Tag.BPM in tags else None
    transpose = tags.get(Tag.TRANSPOSE, 0.0)
    step = params.hop_ms / 1000 if grid is None else grid.seconds / grid.n_frames
    return {
        "hz": row_hz(params, transpose),
        "columns_per_beat": None if grid is None else PIXELS_PER_BEAT,
        "seconds_per_column": step,
        "lead_seconds": lead_samples / params.sample_rate,
        "level_db": [level_db(gray, params) for gray in range(_WHITE + 1)],
        "transpose": transpose,
    }


def row_hz(params: SpectrogramParams, transpose: float) -> list[float]:
    """The rows' frequencies as they sound, the top row first."""
    low, high = (hz_to_mel(hz, params.mel_break_hz) for hz in (params.min_hz, params.max_hz))
    mels = np.linspace(low, high, params.n_mels + 2)[-2:0:-1]
    return [mel_to_hz(float(mel), params.mel_break_hz) * 2 ** (transpose / 12) for mel in mels]


def level_db(gray: int, params: SpectrogramParams) -> float:
    """The level of a gray value, in dB below black."""
    share = max(_WHITE - gray, 0.5) / _WHITE
    return 20 * math.log10(share) / params.power_for_image
