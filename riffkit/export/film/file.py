"""An MP4 or WebM file, written picture by picture and sound by sound, by PyAV where it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from riffkit.errors import OutputError
from riffkit.provenance.recipe import TAG, Recipe

SOUND_BITS_PER_SECOND = 192_000
_N_THREADS = 4
"""Not the machine's: x264 and VP9 give other bytes with other numbers of threads."""
_EXACT = {"flags": "+bitexact"}
"""No random numbers, no versions: the same bytes each time."""
_BT709, _LIMITED_RANGE = 1, 1
_BITS_PER_PIXEL = 0.2  # where an encoder has no constant quality


@dataclass(frozen=True)
class VideoFormat:
    """A container by FFmpeg's name, and its encoders, the best first, with their options."""

    name: str
    pictures: Mapping[str, Mapping[str, str]]
    sounds: tuple[str, ...]
    sound_rates: tuple[int, ...]
    options: Mapping[str, str]


FORMATS = {
    ".mp4": VideoFormat(
        "mp4",
        {
            # with mbtree and AVX-512, x264 gives other bytes each time
            "libx264": {"preset": "superfast", "crf": "20", "x264-params": "mbtree=0"},
            "libopenh264": {"rc_mode": "quality"},
            "mpeg4": {},
        },
        ("aac",),
        (44_100, 48_000),
        {"movflags": "+faststart"},  # a player may begin before it has all of it
    ),
    ".webm": VideoFormat(
        "webm",
        {
            "libvpx-vp9": {
                "deadline": "realtime",
                "cpu-used": "7",
                "row-mt": "1",
                "crf": "28",
                "b": "0",
            },
            "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "4M"},
        },
        ("libopus", "libvorbis"),
        (48_000,),
        {},
    ),
}


def av() -> Any:
    """The module av; OutputError, with what to do, where it isn't installed."""
    try:
        import av as module
    except ImportError as error:
        raise OutputError("PyAV is not installed; run `pip install 'riffkit[video]'`") from error
    return module


def format_of(path: Path) -> VideoFormat:
    """The format that a path's extension names; OutputError for any other."""
    if path.suffix.lower() not in FORMATS:
        raise OutputError(
            f"cannot write {str(path)!r}: extension {path.suffix!r} is not one of "
            f"{', '.join(FORMATS)}; rename the output"
        )
    return FORMATS[path.suffix.lower()]


def _url(path: Path) -> str:
    """A path that FFmpeg doesn't take for another protocol, whatever colons are in it."""
    return f"file:{path}"


@dataclass(frozen=True)
class VideoShape:
    """Pixels, pictures a second, and the sound's samples a second."""

    width: int
    height: int
    fps: int
    sample_rate: int


class VideoFile:
    """An open file that takes pictures and sound, both from the beginning on without gaps.

    `container`, `picture` and `sound` are PyAV's, a container and two of its streams.
    """

    def __init__(self, container: Any, picture: Any, sound: Any, fps: int) -> None:
        self._container, self._picture, self._sound, self._fps = container, picture, sound, fps
        self._n_pictures, self._n_samples = 0, 0

    @property
    def codecs(self) -> str:
        """Such as "h264 + aac"."""
        return f"{self._picture.codec.canonical_name} + {self._sound.codec.canonical_name}"

    def add_picture(self, pixels: UInt8[np.ndarray, "row column 3"]) -> None:
        module = av()
        frame = module.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709"
        )
        frame.pts, frame.time_base = self._n_pictures, Fraction(1, self._fps)
        self._n_pictures += 1
        self._container.mux(self._picture.encode(frame))

    def add_sound(self, samples: Float[np.ndarray, "2 sample"]) -> None:
        if not samples.shape[-1]:
            return
        frame = av().AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = self._sound.rate
        frame.pts, frame.time_base = self._n_samples, Fraction(1, self._sound.rate)
        self._n_samples += samples.shape[-1]
        self._container.mux(self._sound.encode(frame))

    def finish(self) -> None:
        """Write what the encoders hold back."""
        for stream in (self._picture, self._sound):
            self._container.mux(stream.encode(None))


@contextmanager
def open_video(
    path: Path, video_format: VideoFormat, shape: VideoShape, *, title: str, recipe: Recipe | None
) -> Iterator[VideoFile]:
    """A new file; whole once the block is left. Its comment holds the recipe, as an audio file's.

    Raises OSError where the disk refuses it, and OutputError where FFmpeg lacks an encoder.
    """
    options = {**video_format.options, "fflags": "+bitexact"}
    with av().open(_url(path), "w", video_format.name, options=options) as file:
        file.metadata["comment"] = json.dumps({TAG: "" if recipe is None else recipe.to_json()})
        if title:
            file.metadata["title"] = title
        video = VideoFile(
            file,
            _add_pictures(file, video_format, shape),
            _add_sound(file, video_format, shape),
            shape.fps,
        )
        yield video
        video.finish()


def is_riffkits(path: Path) -> bool:
    """Whether a video was written here; False where PyAV isn't installed."""
    try:
        with av().open(_url(path)) as file:
            texts = {name.lower(): text for name, text in file.metadata.items()}
            return TAG in json.loads(texts["comment"])
    except Exception:  # whatever it is, it was not written here
        return False


def _add_pictures(file: Any, video_format: VideoFormat, shape: VideoShape) -> Any:
    name = _installed(tuple(video_format.pictures), "a video")
    options = {**video_format.pictures[name], **_EXACT}
    stream: Any = file.add_stream(name, rate=shape.fps, options=options)
    stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
    context = stream.codec_context
    context.thread_count = _N_THREADS
    context.gop_size = 10 * shape.fps
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    if not {"crf", "rc_mode"} & options.keys():
        stream.bit_rate = round(shape.width * shape.height * shape.fps * _BITS_PER_PIXEL)
    return stream


def _add_sound(file: Any, video_format: VideoFormat, shape: VideoShape) -> Any:
    name = _installed(video_format.sounds, "a sound")
    stream: Any = file.add_stream(
        name, rate=shape.sample_rate, options=dict(_EXACT), layout="stereo"
    )
    stream.bit_rate = SOUND_BITS_PER_SECOND
    return stream


def _installed(names: tuple[str, ...], kind: str) -> str:
    """The first of some encoders that there is."""
    for name in names:
        if name in av().codecs_available:
            try:
                av().codec.Codec(name, "w")
            except av().codec.codec.UnknownCodecError:
                continue
            return name
    raise OutputError(
        f"PyAV's FFmpeg has none of {', '.join(names)} as {kind} encoder; reinstall the package "
        "av with pip"
    )
