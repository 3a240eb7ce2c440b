"""The fields of each format that players, DJ programs and DAWs read."""

from __future__ import annotations

from pathlib import Path

from riffkit.audio import comments, id3
from riffkit.audio.containers import append_riff_chunk
from riffkit.audio.shown import SOFTWARE, Shown
from riffkit.audio.wav_chunks import append_wav_chunks


def write_shown(path: Path, shown: Shown, *, sample_rate: int, n_samples: int) -> None:
    """Add it to a file that is otherwise written, in the fields that its format has.

    A WAV has its title among those of riffkit/audio/tags.py already.
    """
    suffix = path.suffix.lower()
    if suffix in (".flac", ".ogg"):
        add = comments.add_to_flac if suffix == ".flac" else comments.add_to_ogg
        add(path, _comments(shown, n_samples))
    elif suffix == ".mp3":
        path.write_bytes(id3.with_frames(path.read_bytes(), _frames(shown)))
    else:
        with path.open("r+b") as file:
            append_riff_chunk(file, b"id3 ", id3.with_frames(b"", _frames(shown)))
            append_wav_chunks(file, shown, sample_rate=sample_rate, n_samples=n_samples)


def _comments(shown: Shown, n_samples: int) -> dict[str, str]:
    """DJ programs read INITIALKEY, Reaper reads KEY, and games know LOOPSTART and LOOPLENGTH."""
    is_loop = shown.beats is not None
    named = {
        "TITLE": shown.title,
        "GENRE": shown.genre,
        "BPM": shown.tempo,
        "INITIALKEY": shown.key,
        "KEY": shown.key,
        "LOOPSTART": "0" if is_loop else "",
        "LOOPLENGTH": str(n_samples) if is_loop else "",
        "ENCODER": SOFTWARE,
    }
    return {name: text for name, text in named.items() if text}


def _frames(shown: Shown) -> bytes:
    """Those of ID3v2.3, section 4.2.1."""
    named = {
        "TIT2": shown.title,
        "TCON": shown.genre,
        "TBPM": shown.tempo,
        "TKEY": shown.key,
        "TSSE": SOFTWARE,
    }
    return b"".join(id3.text_frame(name, text) for name, text in named.items() if text)
