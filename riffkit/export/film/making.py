"""Makes a video: opens the clip, chooses how it is shown, and writes frame after frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from riffkit.atomic import atomic_path
from riffkit.export.film.file import VideoShape, format_of, open_video
from riffkit.export.film.frames import Frames, heading_of, n_bars
from riffkit.export.film.input import Opened, check_audible, check_length, open_input
from riffkit.export.film.layout import SIDE, layout_of, unit_of
from riffkit.export.film.picture import Heard, Spectrogram, drawn_of_sound, loudest_of
from riffkit.export.film.sound import Overview, in_frames
from riffkit.export.film.strip import Film, Scrolling, Standing
from riffkit.music.clip import Clip
from riffkit.progress import Begin
from riffkit.spectrogram.convert import ONE_PASS_SECONDS

_SCROLL_PIXELS = 150.0
"""A second, at 720 on the shorter side: half a bar passes in a second at 120 BPM."""
_STANDING_PIXELS = 64.0
"""A second, at least, of a picture that stands still."""
_HEAD_SHARE = 0.3
"""Where the playhead of a picture that scrolls stands: most of what is seen is to come."""
_NOTHING = np.zeros((2, 0), np.float32)


def make_video(
    clip: Clip | Path,
    output: Path,
    size: tuple[int, int],
    fps: int,
    loops: int,
    title: str | None,
    begin: Begin,
) -> dict[str, Any]:
    """Write a video, as `riffkit.export.video.export_video` says, which has checked the arguments.

    Returns:
        The facts of the video.
    """
    video_format, opened = format_of(output), open_input(clip)
    check_length(opened, fps)
    rate = opened.sound.sample_rate
    if rate not in video_format.sound_rates:
        rate = video_format.sound_rates[-1]
    shape = VideoShape(*size, fps, rate)
    frames = _frames(opened, shape, loops, title, begin)
    seconds = opened.sound.seconds * loops
    n_frames = max(1, round(seconds * fps))
    advance = begin("video", n_frames)
    sounds = in_frames(opened.sound.played(loops, rate), sample_rate=rate, fps=fps)
    name = opened.title if title is None else title
    with (
        atomic_path(output) as path,
        open_video(path, video_format, shape, title=name, recipe=opened.recipe) as video,
    ):
        for number in range(n_frames):
            heard = next(sounds, _NOTHING)
            video.add_picture(frames.draw(number / fps, float(np.abs(heard).max(initial=0))))
            video.add_sound(heard)
            advance()
        for rest in sounds:
            video.add_sound(rest)
    return {
        "width": shape.width,
        "height": shape.height,
        "fps": fps,
        "frames": n_frames,
        "seconds": seconds,
        "codecs": video.codecs,
    }


def _frames(
    opened: Opened, shape: VideoShape, loops: int, title: str | None, begin: Begin
) -> Frames:
    """Looks through the sound once, and chooses how it is shown."""
    said = opened.words(title)
    unit = unit_of(shape.width, shape.height)
    heading = heading_of(said, round(shape.width - 2 * SIDE * unit), unit)
    layout = layout_of(shape.width, shape.height, head_height=heading.height)
    seconds, width = opened.sound.seconds, layout.film.width
    stands = seconds * layout.scaled(_STANDING_PIXELS) <= width
    per_frame = max(2, 2 * round(layout.unit * _SCROLL_PIXELS / shape.fps / 2))
    rate = width / seconds if stands else float(per_frame * shape.fps)
    overview = Overview(n_bars(layout), opened.sound.n_samples)
    begin("sound")
    picture = _picture(opened, overview, loops)
    check_audible(overview.swing, opened)
    film = Film(
        picture, opened.meter, layout, seconds=seconds, loops=loops, columns_per_second=rate
    )
    return Frames(
        layout,
        Standing(film) if stands else Scrolling(film, width, round(_HEAD_SHARE * width)),
        columns_per_second=rate,
        said=said,
        hz=picture.hz,
        peaks=overview.peaks,
        seconds=seconds,
        loops=loops,
    )


def _picture(opened: Opened, overview: Overview, loops: int) -> Spectrogram:
    """The clip's image, that of a short sound, or that of a long one as it streams."""
    if opened.drawn is not None:
        for _ in overview.counting(opened.sound).open_blocks():
            pass
        return opened.drawn
    if opened.sound.seconds <= ONE_PASS_SECONDS:
        return drawn_of_sound(opened.sound, overview, circular=loops > 1)
    return Heard(opened.sound, loops, max_value=loudest_of(opened.sound, overview))
