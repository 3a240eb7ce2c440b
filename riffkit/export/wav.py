"""A clip, or any sound file, as a WAV with what samplers and DAWs read. Light until it reads sound.

Other programs' files are measured where they don't state their tempo, key and bars themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from riffkit.audio.encoding import Bits, Storage
from riffkit.audio.reader import describe
from riffkit.errors import OutputError, ParameterError
from riffkit.export.exporter import Exported, Exporter
from riffkit.export.sound import Known, sound_of_clip, sound_of_file
from riffkit.kinds import is_image
from riffkit.limits import bpm_text
from riffkit.music.clip import Clip
from riffkit.music.midi import is_midi
from riffkit.prompt.key import parse_key
from riffkit.prompt.metre import FEWEST_BEATS, MOST_BEATS
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

_BITS: Mapping[str, Bits] = {"PCM_U8": 16, "PCM_S8": 16, "PCM_16": 16, "PCM_24": 24}
"""What a sound is stored in, if it isn't said; floats for others, which hold more."""


def export_wav(
    clip: Clip | str | Path,
    output: str | Path,
    *,
    bits: Bits | None = None,
    sample_rate: int | None = None,
    bpm: float | None = None,
    key: str | None = None,
    beats_per_bar: int | None = None,
) -> Exported:
    """Write a WAV with loop points, tempo, bars and key for samplers and DAWs.

    Sound that isn't riffkit's may say them in its own tags; what it doesn't say is measured.

    Args:
        clip: a clip, or any WAV, FLAC, OGG or MP3 file.
        output: file to write, with the extension .wav.
        bits: 16, 24 or "float"; by default as the sound is stored, and 16 for a clip.
        sample_rate: resample to this rate in Hz; a loop stays seamless.
        bpm: tempo in BPM in the place of what is said or measured.
        key: such as "A minor", likewise.
        beats_per_bar: quarter notes per bar, likewise.

    Returns:
        What was written; its facts are "bpm", "key" ("Am"), "beats_per_bar", "bars" and whether
        it loops ("is_loop"). Notes say what was measured or guessed.

    Raises:
        AudioFileError: the file can't be read.
        ParameterError: it is an image or MIDI, or a value is out of range.
        OutputError: it can't be written there.

    Example:
        riffkit.export_wav("take.flac", "take.wav", bpm=96)
    """
    output, storage = Path(output), Storage(bits, sample_rate)
    known = Known(bpm, None if key is None else parse_key(key), beats_per_bar)
    _check(known, output, storage)
    if isinstance(clip, Clip):
        sound = sound_of_clip(clip, known)
    else:
        path = Path(clip)
        _check_source(path, output)
        sound = sound_of_file(path, known)
        storage = replace(storage, bits=bits or _BITS.get(describe(path).subtype, "float"))
    sound.save(output, storage)
    shown, is_loop = sound.shown, sound.beats is not None
    facts = {
        "bpm": sound.bpm,
        "key": shown.key,
        "beats_per_bar": shown.beats_per_bar,
        "bars": sum(one.label.startswith("Bar ") for one in shown.markers),
        "is_loop": is_loop,
    }
    said = (
        f"{sound.seconds:.2f} s",
        "" if sound.bpm is None else f"{bpm_text(sound.bpm)} BPM",
        f"{shown.beats_per_bar}/4",
        shown.key,
        "a loop" if is_loop else "not a loop",
    )
    return Exported(output, ", ".join(filter(None, said)), facts, sound.notes)


EXPORTER = Exporter("wav", export_wav, (".wav",))


def _check(known: Known, output: Path, storage: Storage) -> None:
    if output.suffix.lower() != ".wav":
        raise OutputError(f"cannot write {str(output)!r}: its name must end in .wav")
    storage.check(output)
    bpm, beats = known.bpm, known.beats_per_bar
    if bpm is not None and not MIN_BPM <= bpm <= MAX_BPM:
        raise ParameterError(f"bpm={bpm:g}: must be between {MIN_BPM:g} and {MAX_BPM:g}")
    if beats is not None and not FEWEST_BEATS <= beats <= MOST_BEATS:
        raise ParameterError(
            f"beats_per_bar={beats}: must be between {FEWEST_BEATS} and {MOST_BEATS}"
        )


def _check_source(path: Path, output: Path) -> None:
    if is_midi(path):
        raise ParameterError(f"clip={path.name!r}: is MIDI; choose an audio file")
    if is_image(path):
        raise ParameterError(f"clip={path.name!r}: is an image; decode it first with `riff decode`")
    if output.exists() and path.exists() and output.samefile(path):
        raise OutputError(f"{str(output)!r} is what is exported; choose another name for the WAV")
