"""What a file is by its first bytes, and which names are those of files. Light."""

from __future__ import annotations

from pathlib import Path

from riffkit.errors import ImageFileError

HEAD_BYTES = 16
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SOUND_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64"),
    *(".opus", ".m4a", ".aac", ".wma", ".mp2", ".mpga"),
)
MPEG_SUFFIXES = (".mp3", ".mpga")
"""An MP3 may begin with anything."""

_SOUND = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b".snd", b"caff", b"riff", b"ID3")
_IMAGE = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")


def is_sound(head: bytes) -> bool:
    """Whether a file that starts with `head` (16 bytes) may be sound that riffkit reads."""
    return (head.startswith(_SOUND) and head[8:12] != b"WEBP") or is_mpeg_frame(head)


def check_image(path: Path) -> None:
    """Raise ImageFileError for a file that can't be read, or that Pillow doesn't know."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path):
            pass
    except UnidentifiedImageError as error:
        raise ImageFileError(
            f"cannot read {str(path)!r}: not an image, or damaged; choose a spectrogram PNG"
        ) from error
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ImageFileError(f"cannot read {str(path)!r}: {reason}; check the name") from error
    except Image.DecompressionBombError:
        return  # long sound


def is_image(path: Path) -> bool:
    """Whether a file is an image by its first bytes, or by its name if it can't be read."""
    head = _head(path)
    if head is None:
        return path.suffix.lower() in IMAGE_SUFFIXES
    return head.startswith(_IMAGE) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def is_mpeg_frame(head: bytes) -> bool:
    """Whether four bytes are the header of an MPEG audio frame of layer II or III."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and 0 < bitrate < 15 and rate != 3


def at_home(name: str | Path) -> Path:
    """A path whose `~` is the user's folder; as it is, where nobody has that name."""
    path = Path(name)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def ends_as_a_file(text: str) -> bool:
    """Whether a text ends as the names of sounds and images do; opens nothing."""
    return Path(text).suffix.lower() in (*SOUND_SUFFIXES, *IMAGE_SUFFIXES)


def names_a_file(text: str, folder: Path | None = None) -> bool:
    """Whether a text is a file's name rather than words: it ends as those of sounds and images do,
    or a sound or image of that name is there (in `folder`, if it is relative).
    """
    if ends_as_a_file(text):
        return True
    path = (folder or Path()) / at_home(text)
    head = _head(path)
    return head is not None and (is_sound(head) or is_image(path))


def _head(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):  # missing, a folder; longer than a name can be, or no name at all
        return None
