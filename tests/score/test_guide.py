"""The guide image: what it shows lies where the sound's own spectrogram has it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from riffkit.score import write_score
from riffkit.score.drums import PARTS
from riffkit.score.guide import draw_guide
from riffkit.score.notes import Note, Track
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import PRESETS

BPMS = (40.0, 93.75, 120.0, 240.0)


def note(start: float, duration: float, pitch: int, velocity: int) -> Note:
    return Note(float(start), float(duration), pitch, velocity)


def track(*notes: Note, role: str = "lead", level_db: float = -17.0) -> Track:
    return Track("violin", role, 0, 40, level_db, 0.0, 0.0, notes)


def rows_of(track: Track, grid: BeatGrid, preset: str, **more: float) -> NDArray[np.float64]:
    """How dark the image is, lowest row first."""
    image = draw_guide([track], grid, PRESETS[preset], **more)  # type: ignore[arg-type]
    dark: NDArray[np.float64] = 255.0 - image.pixels[::-1, :, 0]
    return dark


def sawtooth(note: Note, grid: BeatGrid, rate: int = 44_100) -> torch.Tensor:
    """The sound that the guide draws, held: all partials by 1/n."""
    n_samples = grid.n_samples(rate)
    hz = 440 * 2 ** ((note.pitch - 69) / 12)
    beat = n_samples / grid.n_beats
    begin, end = round(note.start * beat), round((note.start + note.duration) * beat)
    time = np.arange(n_samples) / rate
    sound = np.zeros(n_samples)
    for k in range(1, int(20_000 / hz) + 1):
        sound += np.sin(2 * np.pi * k * hz * time) / k
    place = np.arange(n_samples)
    sound *= (place >= begin) & (place < end)
    return torch.from_numpy(0.3 * sound).float()[None]


@pytest.mark.parametrize("preset", ["crisp", "full-band", "riffusion-v1"])
@pytest.mark.parametrize("transpose", [0.0, 3.0, -5.0])
def test_partials_lie_within_half_a_row_of_their_pitch(preset: str, transpose: float) -> None:
    """Of every pitch and at every tempo, wherever two rows and more part the partials."""
    params = PRESETS[preset]
    row_hz = mel_row_hz(params)
    for bpm in BPMS:
        for pitch in range(36, 97, 7):
            dark = rows_of(
                track(note(1, 6, pitch, 100)), BeatGrid(bpm, 8), preset, transpose=transpose
            )
            middle = dark[:, 4 * 64]
            hz = 440 * 2 ** ((pitch - 69 - transpose) / 12)
            places = np.interp(np.arange(1, 200) * hz, row_hz, np.arange(len(row_hz)))
            apart = np.diff(places) > 9  # the lobes of the longest window are so wide
            for place in places[:-1][apart]:
                near = np.arange(max(0, int(place) - 3), min(len(middle), int(place) + 5))
                weight = np.square(np.square(middle[near] / 255))
                assert abs(near[weight.argmax()] - place) <= 0.75  # the nearest row
                assert abs((near * weight).sum() / weight.sum() - place) <= 0.5


def test_it_is_the_spectrogram_of_the_sound_that_it_describes() -> None:
    """A held sawtooth, encoded: where both are dark and where both are white."""
    grid = BeatGrid(120.0, 8)
    for preset in ("crisp", "full-band"):
        for pitch in (45, 57, 69, 81):
            held = note(2, 4, pitch, 127)
            drawn = rows_of(track(held), grid, preset)
            params = PRESETS[preset]
            image = waveform_to_image(sawtooth(held, grid), 44_100, params, grid=grid)
            heard = 255.0 - image.pixels[::-1, :, 0]
            steady = slice(3 * 64, 5 * 64)
            both = np.corrcoef(drawn[:, steady].ravel(), heard[:, steady].ravel())[0, 1]
            assert both > 0.95, (preset, pitch, both)


def test_attacks_lie_on_their_column() -> None:
    """Half of the rise, in the rows of the shortest windows, is at the beat."""
    for bpm in BPMS:
        for start in (1.0, 2.25, 10 / 3):
            dark = rows_of(track(note(start, 2, 60, 100)), BeatGrid(bpm, 8), "crisp")
            rise = np.square(np.square(dark[200:] / 255)).sum(axis=0)
            level = rise[round(start * 64) + 30]
            at = np.flatnonzero(rise > level / 2)[0]
            assert abs(at - start * 64) <= 1.5, (bpm, start, at)


def test_silence_is_white_and_time_goes_round() -> None:
    grid = BeatGrid(120.0, 8)
    assert not rows_of(track(), grid, "crisp").any()
    late = rows_of(track(note(7, 2, 60, 100)), grid, "crisp")
    assert late[:, 10].any()
    assert not late[:, 3 * 64].any()
    straight = rows_of(track(note(7, 2, 60, 100)), grid, "crisp", circular=False)
    assert not straight[:, :64].any()
    assert np.array_equal(straight[:, 7 * 64 :], late[:, 7 * 64 :])


def test_a_note_longer_than_the_loop_sounds_all_the_time() -> None:
    dark = rows_of(track(note(0, 20, 69, 100)), BeatGrid(120.0, 4), "crisp")
    assert dark.max(axis=0).min() > 150


def test_louder_is_darker() -> None:
    grid = BeatGrid(120.0, 8)
    dark = rows_of(track(note(0, 1, 60, 120), note(4, 1, 60, 40)), grid, "crisp")
    assert dark[:, 32].max() > dark[:, 4 * 64 + 32].max() > 0
    notes = [track(note(0, 1, 60, 100)), track(note(4, 1, 60, 100), level_db=-37.0)]
    two = 255.0 - draw_guide(notes, grid, PRESETS["crisp"]).pixels[::-1, :, 0]
    # 20 dB are a tenth, of which the image shows the fourth root
    assert two[:, 4 * 64 + 32].max() / two[:, 32].max() == pytest.approx(0.1**0.25, abs=0.01)


@pytest.mark.parametrize("part", list(PARTS))
def test_a_hit_is_short_noise_in_its_band(part: str) -> None:
    grid = BeatGrid(120.0, 8)
    dark = rows_of(track(note(4, 0.25, PARTS[part], 100), role="drums"), grid, "crisp")
    power = np.square(np.square(np.square(dark / 255)))
    row_hz = mel_row_hz(PRESETS["crisp"])
    middle = np.interp(0.5, np.cumsum(power.sum(axis=1)) / power.sum(), row_hz)
    low, high = {"kick": (30, 200), "snare": (900, 7_000), "hat": (7_000, 18_000)}.get(
        part, (60, 18_000)
    )
    assert low < middle < high
    assert power[:, 4 * 64 + 3].sum() > 20 * power[:, 4 * 64 - 16].sum()


def test_every_drum_of_general_midi_has_a_band() -> None:
    grid = BeatGrid(120.0, 4)
    for pitch in range(27, 88):
        assert rows_of(track(note(1, 0.25, pitch, 100), role="drums"), grid, "crisp").any()


def test_tracks_do_not_change_one_another() -> None:
    """The guide of one track is the same whatever the others play."""
    score = write_score(5)
    grid = BeatGrid(score.bpm, score.n_beats)
    one = draw_guide([score.tracks[0]], grid, PRESETS["crisp"]).pixels
    draw_guide(score.tracks, grid, PRESETS["crisp"])
    assert np.array_equal(one, draw_guide([score.tracks[0]], grid, PRESETS["crisp"]).pixels)
