"""One source file heard, cut and drawn: the task that many workers do side by side.

What it makes lies in a folder named by the file's hash, `result.json` last: a file that was heard
before an interruption isn't heard again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.beats import ANALYSIS_RATE, measure_bars, to_analysis_rate
from riffkit.analysis.key import key as key_of
from riffkit.atomic import atomic_path, output_error
from riffkit.audio import files
from riffkit.audio.loudness import MAX_TRUE_PEAK_DBFS, TARGET_LUFS, integrated_lufs, true_peak_dbfs
from riffkit.dataset.formats import CLIP_RATE, write_json
from riffkit.dataset.pictures import clip_to_image, save_picture
from riffkit.dataset.resolve import CutPlan
from riffkit.dataset.segment import (
    Part,
    cut_bars,
    cut_loop,
    cut_seconds,
    fade_out_start,
    judge_parts,
    leftovers,
    levels_db,
    loop_bars,
)
from riffkit.dataset.similarity import UNITS_OFF_GRID, fingerprint
from riffkit.dataset.worked import ClipWork, SourceWork, clip_path
from riffkit.device import single_thread
from riffkit.errors import AudioFileError, RiffkitError
from riffkit.memory import give_back_freed_memory
from riffkit.spectrogram.beat_grid import BeatGrid

STRETCH_SECONDS = 240
"""A longer file is heard in stretches of its own tempo and key, for memory and for mixes."""
_SHORT_TAIL_SECONDS = 60
_SURELY_BELOW_PEAK = 0.7
"""A sample peak this low has no true peak above -1 dBFS that matters."""


@dataclass(frozen=True)
class SourceTask:
    path: str
    name: str
    folder: str
    plan: CutPlan


def work_source(task: SourceTask) -> str:
    """Cut a source into clips: FLAC, PNG, fingerprint and facts of each. Returns its name."""
    folder = Path(task.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    with single_thread():
        try:
            made = _Source(task.plan, folder).work(Path(task.path))
        except AudioFileError as error:
            reason = str(error).replace(repr(task.path), "it")
            made = SourceWork(None, f"can't be read: {reason}")
        except (RiffkitError, OSError, MemoryError):
            raise
        except Exception as error:  # one strange file of ten thousand doesn't end a build
            logging.getLogger("riffkit").exception("dataset: %s", task.name)
            made = SourceWork(None, f"can't be read: {type(error).__name__}: {error}")
    write_json(folder / "result.json", asdict(made))
    return task.name


def _stretches(path: Path) -> Iterator[tuple[Float[Tensor, "channel sample"], bool]]:
    """The file at `CLIP_RATE` in stretches, a short last one with the one before it, and of each
    whether it is the last. None is held here any longer than until it is taken."""
    held: list[Tensor] = []
    for block in files.iter_blocks(path, STRETCH_SECONDS * CLIP_RATE, sample_rate=CLIP_RATE):
        if held and block.shape[-1] < _SHORT_TAIL_SECONDS * CLIP_RATE:
            held = [torch.cat((held.pop(), block), -1)]
            continue
        if held:
            yield held.pop(), False
        held.append(block)
    if held:
        yield held.pop(), True


class _Source:
    """One file on its way through; what is left of a stretch goes before the next."""

    def __init__(self, plan: CutPlan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.clips: list[ClipWork] = []
        self.parts: list[tuple[float, float, str]] = []
        self.prints: list[np.ndarray] = []
        self.tagger = _tagger() if plan.tags else None

    def work(self, path: Path) -> SourceWork:
        begin, rest = 0, torch.zeros(2, 0)
        for waveform, is_last in _stretches(path):
            if waveform.shape[0] == 1 or rest.shape[-1]:
                waveform = torch.cat((rest, waveform.expand(2, -1)), -1)
            n_used = self._stretch(waveform, begin, is_first=begin == 0, is_last=is_last)
            rest = waveform[:, n_used:].clone()
            begin += n_used
            del waveform  # before the next is read
            give_back_freed_memory()
        seconds = (begin + rest.shape[-1]) / CLIP_RATE
        error = None if self.clips else self._why_none(seconds)
        prints = np.stack(self.prints) if self.prints else np.zeros((0, 1), np.float16)
        with atomic_path(self.folder / "prints.npy") as temporary, temporary.open("wb") as file:
            np.save(file, prints)
        return SourceWork(seconds, error, tuple(self.clips), tuple(self.parts))

    def _why_none(self, seconds: float) -> str:
        reasons = [reason for _, _, reason in self.parts]
        if not reasons or set(reasons) == {"too short for a clip"}:
            return f"too short: {seconds:.1f} s is less than one clip ({self._length()})"
        return max(sorted(set(reasons)), key=reasons.count)

    def _length(self) -> str:
        if self.plan.seconds is not None:
            return f"{self.plan.seconds:g} s"
        return f"{self.plan.bars} bars"

    def _stretch(
        self, waveform: Float[Tensor, "2 sample"], begin: int, *, is_first: bool, is_last: bool
    ) -> int:
        """Cut and draw one stretch that begins at sample `begin`; how many samples are done."""
        n_samples = waveform.shape[-1]
        levels = levels_db(waveform, CLIP_RATE)
        mono = to_analysis_rate(waveform, CLIP_RATE)
        parts = None
        if max(map(abs, map(float, waveform.aminmax()))) >= files.SILENCE_PEAK:
            parts = self._parts(mono, n_samples, whole=is_first and is_last)
        if parts is None:
            silent = float(levels.max()) < -60
            self._note(Part(begin, n_samples, None, "silence" if silent else "no tempo"))
            return n_samples
        judged = judge_parts(
            parts,
            levels,
            CLIP_RATE,
            track_level_db=float(10 * np.log10(np.mean(10 ** (levels / 10)))),
            fade_start=fade_out_start(levels) if is_last else None,
        )
        n_used = n_samples if is_last or not parts else parts[-1].end
        found = key_of(mono, ANALYSIS_RATE)
        for part in judged:
            if part.reason is None:
                self._clip(
                    waveform[:, part.start : part.end], part, begin, found.name if found else None
                )
        others = [part for part in judged if part.reason] + leftovers(judged, n_used)
        for part in sorted(others, key=lambda part: part.start):
            self._note(Part(begin + part.start, part.n_samples, None, part.reason))
        return n_used

    def _parts(
        self, mono: Float[Tensor, "1 analyzed"], n_samples: int, *, whole: bool
    ) -> list[Part] | None:
        """Where the stretch is cut, None where it has no tempo."""
        plan = self.plan
        if plan.seconds is not None:
            return cut_seconds(n_samples, CLIP_RATE, plan.seconds)
        assert plan.bars is not None
        grid = measure_bars(mono, bpm=plan.bpm, beats_per_bar=plan.beats_per_bar)
        if grid is None or len(grid.beat_seconds) < 2:
            return None
        bpm = grid.bpm or 60 / median(np.diff(grid.beat_seconds))
        n_loop_bars = loop_bars(n_samples, CLIP_RATE, bpm, plan.beats_per_bar) if whole else 0
        if n_loop_bars >= plan.bars:
            return cut_loop(
                n_samples,
                CLIP_RATE,
                n_loop_bars=n_loop_bars,
                bars=plan.bars,
                hop_bars=plan.hop_bars,
                beats_per_bar=plan.beats_per_bar,
            )
        return cut_bars(
            grid,
            n_samples,
            CLIP_RATE,
            bars=plan.bars,
            hop_bars=plan.hop_bars,
            beats_per_bar=plan.beats_per_bar,
        )

    def _note(self, part: Part) -> None:
        assert part.reason is not None
        self.parts.append((part.start / CLIP_RATE, part.n_samples / CLIP_RATE, part.reason))

    def _clip(
        self, sound: Float[Tensor, "2 sample"], part: Part, begin: int, key: str | None
    ) -> None:
        plan, number = self.plan, len(self.clips)
        clip, loudness = normalized(sound)
        grid = None
        if part.bpm is not None and plan.bars is not None:
            grid = BeatGrid(part.bpm, plan.bars * plan.beats_per_bar)
        transpose = float(plan.semitones.get(key, 0)) if key and grid else 0.0
        image = clip_to_image(clip, plan.params, grid=grid, transpose=transpose)
        files.save(clip_path(self.folder, number, ".flac"), clip, CLIP_RATE)
        save_picture(clip_path(self.folder, number, ".png"), image)
        n_units = grid.n_beats if grid else UNITS_OFF_GRID
        self.prints.append(fingerprint(image.pixels, n_units))
        tags = self.tagger(clip, CLIP_RATE) if self.tagger else {}
        self.clips.append(
            ClipWork(
                number=number,
                start_seconds=round((begin + part.start) / CLIP_RATE, 6),
                seconds=part.n_samples / CLIP_RATE,
                bpm=part.bpm,
                key=key,
                transpose=transpose,
                loudness_lufs=round(loudness, 2),
                tags={name: round(float(p), 3) for name, p in tags.items()},
            )
        )


def _tagger() -> Callable[[Tensor, int], dict[str, Any]]:
    from riffkit.analysis.tags import music_tags

    return partial(music_tags, n_patches=1)


def normalized(sound: Float[Tensor, "2 sample"]) -> tuple[Float[Tensor, "2 sample"], float]:
    """The clip at -16 LUFS by one gain, or quieter where its peaks would stand above -1 dBFS, and
    its loudness then. No limiter: a model should learn the music, not what bent it."""
    loudness = integrated_lufs(sound, CLIP_RATE)
    if not np.isfinite(loudness):
        return sound, -70.0
    gain_db = TARGET_LUFS - loudness
    peak = float(sound.abs().max()) * 10 ** (gain_db / 20)
    if peak > _SURELY_BELOW_PEAK:
        gain_db = min(gain_db, MAX_TRUE_PEAK_DBFS - true_peak_dbfs(sound))
    return sound * 10 ** (gain_db / 20), loudness + gain_db
