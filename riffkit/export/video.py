"""A clip as a video: its spectrogram with a playhead, and its sound. Light: no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from riffkit.audio.reader import describe
from riffkit.errors import ParameterError
from riffkit.export import video_file
from riffkit.export.video_layout import size_of
from riffkit.kinds import check_image, is_image
from riffkit.music.clip import Clip
from riffkit.music.outputs import check_target
from riffkit.progress import Begin, silent

FPS = (24, 25, 30, 50, 60)
MAX_LOOPS = 1000


def export_video(
    clip: Clip | str | Path,
    output: str | Path,
    *,
    size: str = "16:9",
    fps: int = 30,
    loops: int = 1,
    title: bool | str = True,
    force: bool = False,
    begin: Begin = silent,
) -> dict[str, Any]:
    """Write a video of a clip's spectrogram and sound, for players and social media.

    What is short enough to be seen at once (18 s at 16:9, 10 s at 1:1 and 9:16) stands still under
    a moving playhead, as a loop in a studio does; what is longer scrolls past a playhead. The file
    is written as it is drawn: an hour takes the memory of a minute.

    Args:
        clip: a clip, or an audio file or spectrogram image of any origin.
        output: file to write: .mp4 (H.264 and AAC) or .webm (VP9 and Opus).
        size: "16:9" (1280x720), "1:1" (720x720), "9:16" (720x1280), or pixels such as "1920x1080".
        fps: pictures a second: 24, 25, 30, 50 or 60.
        loops: how often the clip is played, without a gap.
        title: False to leave the words above the picture out, or a text to show instead of the
            clip's own title.
        force: replace a file that isn't riffkit's own.
        begin: called as the stages begin; see `riffkit.progress`.

    Returns:
        Plain values: `video`, `width`, `height`, `fps`, `frames`, `seconds`, and `codecs`, such as
        "h264 + aac".

    Raises:
        ParameterError: a value out of range, or a clip shorter than one picture.
        AudioFileError, ImageFileError: the clip can't be read, or is silent.
        OutputError: it can't be written there, or PyAV is not installed
            (`pip install 'riffkit[video]'`).

    Example:
        riffkit.export_video("loop.wav", "loop.mp4", size="9:16", loops=4)
    """
    output = Path(output)
    video_file.format_of(output)
    width, height = size_of(size)
    _check(fps, loops)
    video_file.av()
    inputs = [] if isinstance(clip, Clip) else [Path(clip)]
    check_target(output, inputs=inputs, force=force or video_file.is_own_video(output))
    if not isinstance(clip, Clip):
        clip = Path(clip)
        if is_image(clip):
            check_image(clip)
        else:
            describe(clip)
    from riffkit.export.video_making import make_video

    facts = make_video(clip, output, (width, height), fps, loops, title, begin)
    return {"video": str(output), "width": width, "height": height, "fps": fps, **facts}


def _check(fps: int, loops: int) -> None:
    if fps not in FPS:
        raise ParameterError(f"fps={fps}: must be one of {', '.join(map(str, FPS))}")
    if not 1 <= loops <= MAX_LOOPS:
        raise ParameterError(f"loops={loops}: must be between 1 and {MAX_LOOPS:,}")
