"""A clip as a video: its spectrogram with a playhead, and its sound. Light: no torch."""

from __future__ import annotations

from pathlib import Path

from riffkit.atomic import check_output_path
from riffkit.audio.reader import describe
from riffkit.errors import ParameterError
from riffkit.export.exporter import Exported, Exporter
from riffkit.export.film.file import FORMATS, av, format_of, is_riffkits
from riffkit.export.film.layout import size_of
from riffkit.kinds import check_image, is_image
from riffkit.music.clip import Clip
from riffkit.music.midi import is_midi
from riffkit.progress import Begin, silent

FPS = (24, 25, 30, 50, 60)
MAX_LOOPS = 1000


def export_video(
    clip: Clip | str | Path,
    output: str | Path,
    begin: Begin = silent,
    *,
    size: str = "16:9",
    fps: int = 30,
    loops: int = 1,
    title: str | None = None,
) -> Exported:
    """Write a video of a clip: its spectrogram with a playhead, and the sound.

    What is short enough to be seen at once (18 s at 16:9, 10 s at 1:1 and 9:16) stands still under
    a moving playhead, as a loop in a studio does; what is longer scrolls past a playhead. The file
    is written as it is drawn: an hour takes the memory of a minute.

    Args:
        clip: a clip, or an audio file or spectrogram image of any origin.
        output: file to write: .mp4 (H.264 and AAC) or .webm (VP9 and Opus).
        begin: called as stages begin; see `riffkit.progress`.
        size: 16:9 (1280x720), 1:1 (720x720), 9:16 (720x1280), or pixels such as 1920x1080.
        fps: pictures a second: 24, 25, 30, 50 or 60.
        loops: how often the clip is played, without a gap.
        title: text above the picture, in the place of the clip's own; "" shows no words.

    Returns:
        What was written; its facts are "width", "height", "fps", "frames", "seconds", and "codecs",
        such as "h264 + aac".

    Raises:
        ParameterError: a value out of range, or a clip shorter than one picture.
        AudioFileError, ImageFileError: the clip can't be read, or is silent.
        OutputError: it can't be written there, or PyAV is not installed
            (`pip install 'riffkit[video]'`).

    Example:
        riffkit.export_video("loop.wav", "loop.mp4", size="9:16", loops=4)
    """
    output = Path(output)
    format_of(output)
    shape = size_of(size)
    _check(fps, loops)
    av()
    check_output_path(output)
    if not isinstance(clip, Clip):
        clip = Path(clip)
        _check_clip(clip)
    from riffkit.export.film.making import make_video

    facts = make_video(clip, output, shape, fps, loops, title, begin)
    summary = f"{facts['seconds']:.1f} s, {shape[0]} x {shape[1]}, {facts['codecs']}"
    return Exported(output, summary, facts)


EXPORTER = Exporter("video", export_video, tuple(FORMATS), is_riffkits)


def _check(fps: int, loops: int) -> None:
    if fps not in FPS:
        raise ParameterError(f"fps={fps}: must be one of {', '.join(map(str, FPS))}")
    if not 1 <= loops <= MAX_LOOPS:
        raise ParameterError(f"loops={loops}: must be between 1 and {MAX_LOOPS:,}")


def _check_clip(path: Path) -> None:
    """Raise for a file that can't be shown, before torch is imported."""
    if is_midi(path):
        raise ParameterError(f"clip={path.name!r}: is MIDI; choose an audio file or PNG")
    if is_image(path):
        check_image(path)
    else:
        describe(path)
