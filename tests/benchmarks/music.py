"""Twelve clips of real music to measure on: fetched from Debian's archive, never committed.

    python tests/benchmarks/music.py FOLDER

Choir, orchestra, plucked strings, chill electronic, ambient techno, rock, metal. The music is
under GPL-2+ (Wesnoth), CC BY-SA 3.0 (zaz, Singularity, Muldjord) and MIT (Sectoid): it serves to
measure with, and nothing is trained on it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # as it stands here

from riffkit.audio.files import load, save

RATE = 44_100
CLIP_SAMPLES = 512 * 441
PACKAGES = (
    ("wesnoth-1.18-music", "wesnoth-1.16-music"),
    ("zaz-data",),
    ("singularity-music",),
    ("fretsonfire-songs-muldjord",),
    ("fretsonfire-songs-sectoid",),
)
CLIPS = {  # where in the packages, and from which second on
    "choir": ("core/music/nunc_dimittis.ogg", 40),
    "orchestra-battle": ("core/music/battle-epic.ogg", 60),
    "orchestra-symphony": ("core/music/the_dangerous_symphony.ogg", 50),
    "plucked-minstrels": ("core/music/traveling_minstrels.ogg", 30),
    "plucked-elvish": ("core/music/elvish-theme.ogg", 60),
    "strings-love": ("core/music/love_theme.ogg", 45),
    "electronic-1": ("zaz/mus1.ogg", 60),
    "electronic-3": ("zaz/mus3.ogg", 90),
    "techno-awakening": ("music/Awakening.ogg", 90),
    "ambient-coherence": ("music/Coherence.ogg", 80),
    "rock-freedom": ("War of freedom/song.ogg", 60),
    "metal-chaos": ("chaos_god/song.ogg", 60),
}


def twelve_clips(folder: Path) -> dict[str, Tensor]:
    """The clips by name, Float "2 sample", 5.12 s at 44.1 kHz; fetched where `folder` lacks any."""
    if not all((folder / f"{name}.flac").exists() for name in CLIPS):
        fetch(folder)
    return {name: load(folder / f"{name}.flac")[0] for name in CLIPS}


def fetch(folder: Path) -> None:
    """Download the packages, cut the clips into `folder`, and forget the rest."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        unpack(PACKAGES, Path(temporary))
        files = list(Path(temporary).rglob("*.ogg"))
        for name, (place, second) in CLIPS.items():
            (path,) = (path for path in files if path.as_posix().endswith("/" + place))
            save(folder / f"{name}.flac", _clip(path, second), RATE)


def unpack(packages: Sequence[Sequence[str]], folder: Path) -> None:
    """Unpack Debian packages into `folder`: of each row the first that is to be had."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise SystemExit("the clips come from Debian packages: fetch them where there is apt-get")
    for names in packages:
        if not any(_unpack(name, folder) for name in names):
            raise SystemExit(f"{names[0]}: not to be had from apt-get; try `apt-get update`")


def _unpack(package: str, folder: Path) -> bool:
    if subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=False).returncode:
        return False
    (archive,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg", "-x", archive, folder], check=True)
    archive.unlink()
    return True


def _clip(path: Path, second: int) -> Tensor:
    """5.12 s from there on, at most at full scale; a game's guitar is in a file of its own."""
    waveform, _ = load(path, sample_rate=RATE)
    if (guitar := path.with_name("guitar.ogg")).exists():
        other, _ = load(guitar, sample_rate=RATE)
        n_samples = min(waveform.shape[-1], other.shape[-1])
        waveform = waveform[:, :n_samples] + other[:, :n_samples]
    start = second * RATE
    clip = waveform[:, start : start + CLIP_SAMPLES].expand(2, -1)
    if clip.shape[-1] < CLIP_SAMPLES:
        raise SystemExit(f"{path.name}: shorter than {second} s")
    return torch.clone(clip / max(1.0, float(clip.abs().max())))


if __name__ == "__main__":
    print("\n".join(twelve_clips(Path(sys.argv[1]))))
