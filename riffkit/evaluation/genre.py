"""What a model has learned of a genre: its clips compared with the music it was tuned on.

Both models, with and without the LoRA, make clips of one prompt. Real clips are encoded and decoded
first, like the generated ones. Everything is measured with musicnn's tags and features, and with
coarse images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from riffkit.analysis.tags import TAGS, music_tags
from riffkit.atomic import atomic_path, output_error
from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.evaluation.frechet import Whitening, frechet_distance, split_floor
from riffkit.evaluation.reading import musicnn_features, picture_features
from riffkit.evaluation.real import RealClip
from riffkit.evaluation.run import check_same
from riffkit.html import bullets, check_report_folder, figure, page
from riffkit.models.pipeline import Pipeline
from riffkit.music.run import run
from riffkit.music.session import Session
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.tasks.generate import GENERATE, GenerateRequest
from riffkit.vocoder.decode import decode

_LEAST_SURE = 0.05  # of a tag that real clips must have to be named


@dataclass(frozen=True, eq=False)
class Heard:
    """Features of a set of clips."""

    tags: Float[np.ndarray, "clip tag"]
    sounds: Float[np.ndarray, "clip sound_feature"]
    pictures: Float[np.ndarray, "clip picture_feature"]


@dataclass(frozen=True)
class GenreScores:
    """Scores of a tuned model. `tag` grew most from the base model's clips to the real ones.

    `frechet_*` are distances to the held-out clips; `nearest_*` are the fifth percentiles of the
    distances to the nearest training clip.
    """

    tag: str
    tag_base: float
    tag_tuned: float
    tag_real: float
    frechet_base: float
    frechet_tuned: float
    frechet_floor: float
    nearest_tuned: float
    nearest_held_out: float

    def lines(self) -> list[str]:
        """The report as lines of text."""
        gained = self.tag_tuned / max(self.tag_real, 1e-9)
        copies = "no copies" if self.nearest_tuned >= self.nearest_held_out else "NEAR COPIES"
        return [
            f"{self.tag}: {self.tag_base:.2f} → {self.tag_tuned:.2f}, real clips "
            f"{self.tag_real:.2f} (ratio {gained:.2f})",
            f"Fréchet distance to the held-out clips: {self.frechet_base:.1f} → "
            f"{self.frechet_tuned:.1f} (between two halves of them: {self.frechet_floor:.1f})",
            f"distance to the nearest training clip, 5th percentile: {self.nearest_tuned:.2f}, "
            "held-out clips "
            f"{self.nearest_held_out:.2f} ({copies})",
        ]


def make_genre_clips(
    pipeline: Pipeline, requests: Iterable[GenerateRequest], folder: Path
) -> Iterator[Path]:
    """Write each clip as NNN.flac with its PNG; existing clips are kept.

    ParameterError if an existing clip is from another model or prompt.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    for number, request in enumerate(requests, 1):
        path = folder / f"{number:03d}.flac"
        if path.exists():
            check_same(path, pipeline, request)
        else:
            (clip,) = run(Session(pipeline), GENERATE, request)
            clip.image.save(path.with_suffix(".png"))
            clip.save(path)
        yield path


def hear_made(paths: Iterable[Path]) -> Heard:
    """Features of generated clips, from their audio and the PNG beside it."""
    return _heard(
        (SpectrogramImage.open(path.with_suffix(".png")), *_loaded(path)) for path in paths
    )


def hear_real(clips: Iterable[RealClip], params: SpectrogramParams) -> Heard:
    """Features of real clips, after encoding and decoding."""
    return _heard(_through_image(clip, params) for clip in clips)


def _loaded(path: Path) -> tuple[torch.Tensor, int]:
    return files.load(path, allow_silence=True)


def _through_image(
    clip: RealClip, params: SpectrogramParams
) -> tuple[SpectrogramImage, torch.Tensor, int]:
    waveform, rate = files.load(clip.path, sample_rate=params.sample_rate, allow_silence=True)
    grid = None
    if clip.bpm is not None:
        n_beats = max(1, round(waveform.shape[-1] / rate * clip.bpm / 60))
        grid = BeatGrid(n_beats * 60 * rate / waveform.shape[-1], n_beats)
    image = waveform_to_image(waveform, rate, params, grid=grid, transpose=clip.transpose)
    return image, decode(image, circular=grid is not None), rate


def _heard(clips: Iterable[tuple[SpectrogramImage, torch.Tensor, int]]) -> Heard:
    tags, sounds, pictures = [], [], []
    for image, waveform, rate in clips:
        found = music_tags(waveform, rate)
        tags.append([found[tag] for tag in TAGS])
        sounds.append(musicnn_features(waveform, rate).numpy())
        pictures.append(picture_features(image))
    return Heard(np.array(tags), np.stack(sounds), np.stack(pictures))


def check_tag(tag: str | None) -> None:
    """Raise ParameterError for one that musicnn doesn't know."""
    if tag is not None and tag not in TAGS:
        raise ParameterError(f"tag={tag!r}: must be one of {', '.join(TAGS)}")


def judge_genre(
    base: Heard, tuned: Heard, trained: Heard, held_out: Heard, *, tag: str | None = None
) -> GenreScores:
    """Compare a tuned model with its base; `tag` replaces the most telling tag."""
    check_tag(tag)
    real = np.concatenate((trained.tags, held_out.tags)).mean(axis=0)
    column = TAGS.index(tag) if tag is not None else _telling(base.tags.mean(axis=0), real)
    whitening = Whitening.of(np.concatenate((trained.sounds, held_out.sounds)))
    unseen = whitening(held_out.sounds)
    return GenreScores(
        tag=TAGS[column],
        tag_base=float(base.tags[:, column].mean()),
        tag_tuned=float(tuned.tags[:, column].mean()),
        tag_real=float(real[column]),
        frechet_base=frechet_distance(whitening(base.sounds), unseen),
        frechet_tuned=frechet_distance(whitening(tuned.sounds), unseen),
        frechet_floor=split_floor(unseen, len(unseen) // 2),
        nearest_tuned=_nearest(tuned.pictures, trained.pictures),
        nearest_held_out=_nearest(held_out.pictures, trained.pictures),
    )


def write_genre_report(folder: Path, prompt: str, lines: Sequence[str]) -> Path:
    """report.html beside the clips: the figures, and both models' clips side by side.

    ParameterError if there is another's, which would be replaced.
    """
    check_report_folder(folder)
    base, tuned = (sorted((folder / name).glob("*.flac")) for name in ("base", "tuned"))
    figures = [_figure(path) for pair in zip(base, tuned, strict=False) for path in pair]
    with atomic_path(folder / "report.html") as path:
        text = page(prompt, bullets(lines), *figures)
        path.write_text(text, encoding="utf-8")
    return folder / "report.html"


def _figure(path: Path) -> str:
    place = f"{path.parent.name}/{path.stem}"
    return figure(place, f"{place}.png", f"{place}.flac")


def _telling(base: Float[np.ndarray, " tag"], real: Float[np.ndarray, " tag"]) -> int:
    """The tag that grew most in proportion, of those that real clips have at all."""
    growth = np.where(real >= _LEAST_SURE, real / np.maximum(base, 1e-3), -1.0)
    return int(growth.argmax())


def _nearest(
    pictures: Float[np.ndarray, "clip feature"], trained: Float[np.ndarray, "_trained feature"]
) -> float:
    """Turned round to every sixteenth of the loop, since a copy may begin elsewhere."""
    side = round(pictures.shape[1] ** 0.5)
    images = torch.from_numpy(pictures.astype(np.float32)).view(-1, side, side)
    others = torch.from_numpy(trained.astype(np.float32))
    turned = [torch.cdist(images.roll(k, -1).flatten(1), others).amin(1) for k in range(side)]
    return float(np.percentile(torch.stack(turned).amin(0).numpy(), 5))
