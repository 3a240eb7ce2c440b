"""A spectrogram image and its file: row 0 is the highest band, loud is black. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from riffkit.atomic import atomic_path
from riffkit.errors import ImageFileError, ParameterError
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.exif import Tag, before_later_tags, params_to_tags, tags_to_params
from riffkit.spectrogram.params import MAX_TRANSPOSE, RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.png import SOFTWARE, PngContents, read_png, write_png

if TYPE_CHECKING:
    from torch import Tensor

PHOTO_PLANE_DIFFERENCE = 24.0
"""An untagged image with at least this mean difference between planes, in levels, is taken for a
photo.
"""

_SHEET_WIDTH, _SHEET_HEIGHT, _SHEET_LABEL, _SHEET_GAP = 1024, 192, 18, 6


@dataclass(frozen=True, eq=False)
class SpectrogramImage:
    """A spectrogram image: pixels, and everything needed to decode them to sound.

    `max_value` is the mel magnitude of black on the int16 scale, None where unknown. `grid` is set
    when the columns are laid out in beats. `recipe` says how it was made. `assumed` names the
    parameters that were missing from its file and came from a preset. The sound is `transpose`
    semitones above the rows' pitch, at the same tempo.
    """

    pixels: UInt8[np.ndarray, "row frame 3"]
    params: SpectrogramParams
    max_value: float | None = None
    grid: BeatGrid | None = None
    recipe: dict[str, Any] | None = None
    assumed: tuple[str, ...] = ()
    transpose: float = 0.0

    def __post_init__(self) -> None:
        height, width = self.pixels.shape[:2]
        if height != self.params.n_mels:
            raise ParameterError(
                f"image height={height}: must be n_mels={self.params.n_mels}, one row per band"
            )
        if width < 1:
            raise ParameterError("image width=0: must be at least 1 column")
        if not abs(self.transpose) <= MAX_TRANSPOSE:
            raise ParameterError(
                f"transpose={self.transpose:g}: must be within ±{MAX_TRANSPOSE:g} semitones"
            )
        if self.grid is not None and width != self.grid.n_frames:
            raise ParameterError(
                f"image width={width}: must be {self.grid.n_frames} px for "
                f"n_beats={self.grid.n_beats}"
            )

    @property
    def n_frames(self) -> int:
        """Columns: the image's width."""
        return self.pixels.shape[1]

    @property
    def n_samples(self) -> int:
        """The exact number of samples, at `params.sample_rate`, that the image decodes to."""
        if self.grid is not None:
            return self.grid.n_samples(self.params.sample_rate)
        return self.n_frames * self.params.hop_samples

    @property
    def n_untransposed_samples(self) -> int:
        """The number of samples at the rows' own pitch, before resampling for `transpose`."""
        return round(self.n_samples * 2 ** (self.transpose / 12))

    def to_mel(self) -> Float[Tensor, "plane mel frame"]:
        """The mel magnitudes encoded by the pixels.

        Returns:
            Magnitudes on the int16 scale, lowest band first, of shape (plane, mel, frame).

        Raises:
            ParameterError: a `max_value` that isn't above 0.

        Example:
            loudest = clip.image.to_mel().max()
        """
        from riffkit.spectrogram.pixels import DEFAULT_MAX_VALUE, pixels_to_mel

        max_value = DEFAULT_MAX_VALUE if self.max_value is None else self.max_value
        return pixels_to_mel(self.pixels, self.params, max_value=max_value)

    def as_pil(self) -> Image.Image:
        """The pixels alone, as a Pillow image.

        Returns:
            An RGB image without riffkit's tags.

        Raises:
            ValueError: pixels of another type than uint8.

        Example:
            clip.image.as_pil().show()
        """
        return Image.fromarray(self.pixels)

    @classmethod
    def open(cls, path: str | Path, params: SpectrogramParams | None = None) -> SpectrogramImage:
        """Read a spectrogram image from riffkit, riffusion or another program.

        Args:
            path: PNG, or another image that Pillow reads.
            params: values for missing tags, riffusion-v1 by default; their names are listed in
                `assumed`.

        Returns:
            The image with its parameters, grid and recipe.

        Raises:
            ImageFileError: it isn't an image; or it has no tags, no `params` are given, and it
                doesn't look like a spectrogram.

        Example:
            image = riffkit.SpectrogramImage.open("piano.png")
        """
        contents = read_png(path)
        try:
            return _interpreted(contents, params)
        except (ParameterError, ImageFileError) as error:
            raise ImageFileError(f"cannot read {str(path)!r}: {error}") from error

    def contents(self) -> PngContents:
        """The contents of its PNG file."""
        tags = params_to_tags(
            self.params, max_value=self.max_value, grid=self.grid, transpose=self.transpose
        )
        return PngContents(self.pixels, tags, self.params, self.recipe)

    def save(self, path: str | Path) -> None:
        """Write a PNG, with its parameters and recipe in its tags.

        Args:
            path: file to write, with the extension .png.

        Raises:
            OutputError: it can't be written there.

        Example:
            clip.image.save("piano.png")
        """
        write_png(path, self.contents())


def _interpreted(contents: PngContents, params: SpectrogramParams | None) -> SpectrogramImage:
    pixels, tags, stored = contents.pixels, contents.tags, contents.params
    if not tags and stored is None and params is None:
        _check_looks_like_spectrogram(pixels)
    read = tags_to_params(tags, stored or before_later_tags(params or RIFFUSION_V1, tags))
    if pixels.shape[0] != read.params.n_mels:
        raise ImageFileError(
            f"height={pixels.shape[0]}: must be {read.params.n_mels}, one row per band; "
            "use the image in its original size, or set a `preset` that fits"
        )
    return SpectrogramImage(
        pixels=pixels,
        params=read.params,
        max_value=read.max_value,
        grid=_grid(tags, pixels.shape[1]),
        transpose=tags.get(Tag.TRANSPOSE, 0.0),
        recipe=None if contents.recipe is None else dict(contents.recipe),
        assumed=tuple(name for name in read.assumed if stored is None or name == "max_value"),
    )


def _grid(tags: Mapping[Tag, float], width: int) -> BeatGrid | None:
    """The beat grid in the tags; the beats are counted by the width, which may be cropped."""
    if Tag.BPM not in tags:
        return None
    if width % PIXELS_PER_BEAT:
        raise ImageFileError(
            f"width={width}: must be whole beats of {PIXELS_PER_BEAT} px, because it has a BPM tag"
        )
    return BeatGrid(tags[Tag.BPM], width // PIXELS_PER_BEAT)


def _check_looks_like_spectrogram(pixels: UInt8[np.ndarray, "row frame 3"]) -> None:
    """Without tags and preset, only riffusion-v1 can be recognized by its looks."""
    height = pixels.shape[0]
    if height != RIFFUSION_V1.n_mels:
        raise ImageFileError(
            f"it has no spectrogram tags and height={height} instead of {RIFFUSION_V1.n_mels}; "
            "set `preset` if it is a spectrogram"
        )
    difference = _plane_difference(pixels)
    if difference >= PHOTO_PLANE_DIFFERENCE:
        raise ImageFileError(
            f"it has no spectrogram tags and looks like a photo (colors differ by "
            f"{difference:.0f} levels); set `preset` if it is a spectrogram"
        )


def _plane_difference(pixels: UInt8[np.ndarray, "row frame 3"]) -> float:
    """The mean absolute difference between two color planes, in levels, over the three pairs."""
    differences = []
    for first, second in combinations(range(3), 2):
        larger = np.maximum(pixels[:, :, first], pixels[:, :, second])
        smaller = np.minimum(pixels[:, :, first], pixels[:, :, second])
        differences.append((larger - smaller).mean())
    return float(np.mean(differences))


def save_sheet(path: Path, images: Mapping[str, SpectrogramImage]) -> None:
    """Write a contact sheet as PNG: the images at one size, one below the other, by name."""
    row = _SHEET_LABEL + _SHEET_HEIGHT + _SHEET_GAP
    sheet = Image.new("RGB", (_SHEET_WIDTH, row * len(images)), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (name, image) in enumerate(images.items()):
        draw.text((4, k * row + 3), name, fill="black")
        sheet.paste(
            image.as_pil().resize((_SHEET_WIDTH, _SHEET_HEIGHT)), (0, k * row + _SHEET_LABEL)
        )
    said = PngInfo()
    said.add_text("Software", SOFTWARE)
    with atomic_path(path) as temporary:
        sheet.save(temporary, "PNG", pnginfo=said)
