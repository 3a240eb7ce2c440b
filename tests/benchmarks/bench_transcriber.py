"""The transcriber beside basic-pitch, on renders that it has never seen.

    python tests/benchmarks/bench_transcriber.py [--short] [--weights FILE] [--skip-basic-pitch]

Held-out bands (numbers from `FIRST_HELD_OUT` on) are rendered track by track; each pitched track is
heard alone, each band whole, and the drums alone and in the band. A note is right if its pitch is,
and it begins within 50 ms (F1 of all notes together; unisons count once). The drums of the goal are
kick, snare, hats, toms and cymbals. basic-pitch (arXiv:2203.09893), as riffkit runs it, hears the
same sounds where onnxruntime is installed. It tells no drums, so the band's drums count among its
wrong notes only where it takes them for pitched ones.

Seconds are CPU times of a minute of sound. Fails if single instruments are under 0.8, bands under
0.6, drums under 0.85, or either of the pitched ones under basic-pitch.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

from riffkit.analysis.transcription.basic_pitch import hear_pitches
from riffkit.analysis.transcription.listening import hear_notes
from riffkit.analysis.transcription.network import WEIGHTS, load_transcriber
from riffkit.errors import ParameterError
from riffkit.evaluation.note_match import Matched, Onset, match_notes
from riffkit.evaluation.score_onsets import true_drums, true_pitches
from riffkit.score import Track
from riffkit.score.instruments import INSTRUMENTS
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, Planes
from train.listeners.bands import Band, draw_band
from train.sounds.render_score import SAMPLE_RATE
from train.sounds.soundfonts import find_soundfonts
from train.sounds.voices import Stereo
from train.stream.recipe import FIRST_HELD_OUT

N_BANDS, N_SHORT = 60, 8
GOALS = {"single instruments": 0.8, "bands": 0.6, "drums": 0.85}
GOAL_DRUMS = ("kick", "snare", "hats", "toms", "cymbals")
_FAMILIES = (
    (("piano", "harpsichord", "clavinet", "organ", "accordion", "harmonica"), "keys"),
    (("celesta", "glockenspiel", "music box", "vibraphone", "marimba", "xylophone"), "mallets"),
    (("tubular", "kalimba", "steel", "timpani"), "mallets"),
    (("bass",), "bass"),
    (("guitar", "banjo", "sitar", "harp"), "plucked"),
    (("violin", "viola", "cello", "strings", "choir"), "strings and choir"),
    (("lead", "pad", "synth"), "synths"),
)


@dataclass
class Tally:
    """Counts by group, and the CPU and sound seconds that they took."""

    found: dict[str, Matched] = field(default_factory=lambda: defaultdict(Matched))
    cpu_seconds: float = 0.0
    sound_seconds: float = 0.0

    def add(self, groups: Sequence[str], matched: Matched) -> None:
        for group in groups:
            self.found[group] += matched


Listener = Callable[[Stereo, Band], tuple[list[Onset], list[Onset]]]
"""A sound to pitches and drums with their seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help=f"{N_SHORT} bands")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--skip-basic-pitch", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        fonts = find_soundfonts()
    except ParameterError as missing:
        print(f"left out: {missing}")
        return
    listeners = {"transcriber": transcriber(options.weights)}
    if not options.skip_basic_pitch:
        listeners |= basic_pitch()
    tallies = {name: Tally() for name in listeners}
    for number in range(N_SHORT if options.short else N_BANDS):
        band = draw_band(FIRST_HELD_OUT + number, fonts)
        for name, listen in listeners.items():
            hear_band(band, listen, tallies[name])
    show(tallies)
    check(tallies)


def hear_band(band: Band, listen: Listener, tally: Tally) -> None:
    """Count what is heard of each track alone, of the band, and of its drums."""
    tracks = band.score.tracks
    pitched = [k for k, track in enumerate(tracks) if not track.is_drums]
    drums = [k for k, track in enumerate(tracks) if track.is_drums]
    for place in pitched:
        group = family(tracks[place].instrument)
        count_pitches(band, [place], listen, tally, ["single instruments", f"  {group}"])
    if pitched and len(tracks) > 1:
        count_pitches(band, range(len(tracks)), listen, tally, ["bands"])
    if drums:
        count_drums(band, drums, listen, tally, "drums")
        if pitched:
            count_drums(band, range(len(tracks)), listen, tally, "drums in bands")


def count_pitches(
    band: Band, places: Sequence[int], listen: Listener, tally: Tally, groups: Sequence[str]
) -> None:
    heard, _ = timed(band, places, listen, tally)
    true = true_pitches(_chosen(band, places), band.score)
    tally.add(groups, match_notes(heard, true, period=_seconds(band)))


def count_drums(
    band: Band, places: Sequence[int], listen: Listener, tally: Tally, group: str
) -> None:
    _, heard = timed(band, places, listen, tally)
    true = true_drums(_chosen(band, places), band.score)
    for drum in sorted({str(kind) for _, kind in (*heard, *true)}):
        matched = match_notes(
            (onset for onset in heard if onset[1] == drum),
            (onset for onset in true if onset[1] == drum),
            period=_seconds(band),
        )
        tally.add([group] if drum in GOAL_DRUMS else [], matched)
        tally.add([f"  {drum}, {'alone' if group == 'drums' else 'in bands'}"], matched)


def timed(
    band: Band, places: Sequence[int], listen: Listener, tally: Tally
) -> tuple[list[Onset], list[Onset]]:
    sound = band.sum_of(places, crackle=len(places) == len(band.tracks))
    before = time.process_time()
    heard = listen(sound, band)
    tally.cpu_seconds += time.process_time() - before
    tally.sound_seconds += _seconds(band)
    return heard


def transcriber(weights: Path) -> Listener:
    network = load_transcriber(weights)

    def listen(sound: Stereo, band: Band) -> tuple[list[Onset], list[Onset]]:
        grid = BeatGrid(band.score.bpm, band.score.n_beats)
        waveform = torch.from_numpy(sound).mean(0, keepdim=True)
        params = CRISP.with_planes(Planes.MONO)
        mel = waveform_to_mel(waveform, params, n_frames=grid.n_frames)[0]
        heard = hear_notes(mel, CRISP, seconds=grid.seconds, network=network)
        return [(n.start, n.pitch) for n in heard.notes], [(s.start, s.drum) for s in heard.strokes]

    return listen


def basic_pitch() -> dict[str, Listener]:
    """Where it is installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        print("basic-pitch is left out: onnxruntime isn't installed")
        return {}

    def listen(sound: Stereo, band: Band) -> tuple[list[Onset], list[Onset]]:
        mono = torch.from_numpy(sound).mean(0, keepdim=True)
        return [(note.start, note.pitch) for note in hear_pitches(mono, SAMPLE_RATE).notes], []

    return {"basic-pitch": listen}


def family(instrument: str) -> str:
    assert instrument in INSTRUMENTS
    for words, name in _FAMILIES:
        if any(word in instrument for word in words):
            return name
    return "winds"


def show(tallies: dict[str, Tally]) -> None:
    groups: dict[str, None] = {}
    for tally in tallies.values():
        groups |= dict.fromkeys(tally.found)
    print(f"{'F1 (precision, recall)':28}" + "".join(f"{name:>26}" for name in tallies))
    for group in [g for goal in (*GOALS, "drums in bands") for g in _under(goal, list(groups))]:
        cells = [_cell(tally.found.get(group)) for tally in tallies.values()]
        true = next(iter(tallies.values())).found[group].n_true
        print(f"{group:28}" + "".join(f"{cell:>26}" for cell in cells) + f"   {true} notes")
    for name, tally in tallies.items():
        print(f"{name}: {60 * tally.cpu_seconds / tally.sound_seconds:.1f} s a minute of sound")


def _under(goal: str, groups: list[str]) -> Iterator[str]:
    """A group and its parts."""
    yield goal
    if goal == "single instruments":
        yield from sorted(g for g in groups if g.startswith("  ") and "," not in g)
    elif goal.startswith("drums"):
        ending = ", alone" if goal == "drums" else ", in bands"
        yield from sorted(g for g in groups if g.endswith(ending))


def _cell(matched: Matched | None) -> str:
    if matched is None or not matched.n_heard:
        return "–"
    return f"{matched.f1:.2f} ({matched.precision:.2f}, {matched.recall:.2f})"


def check(tallies: dict[str, Tally]) -> None:
    ours = tallies["transcriber"].found
    for group, goal in GOALS.items():
        if ours[group].f1 < goal:
            sys.exit(f"{group}: F1 {ours[group].f1:.2f} is under {goal}")
    theirs = tallies.get("basic-pitch")
    for group in ("single instruments", "bands"):
        if theirs is not None and ours[group].f1 < theirs.found[group].f1:
            sys.exit(f"{group}: basic-pitch is better")


def _chosen(band: Band, places: Sequence[int]) -> list[Track]:
    return [band.score.tracks[place] for place in places]


def _seconds(band: Band) -> float:
    return band.score.n_beats * 60 / band.score.bpm


if __name__ == "__main__":
    main()
