"""What a video is drawn from: colors, words, lines, and sound that streams."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.audio import files
from riffkit.export.film import text
from riffkit.export.film.layout import SIZES, layout_of
from riffkit.export.film.picture import PARAMS, Drawn, Heard, colors, loudest_of
from riffkit.export.film.sound import Overview, Sound, in_frames, sound_of_file, sound_of_waveform
from riffkit.export.film.strip import Film, Meter, Scrolling, clock
from riffkit.export.film.text import drawable, fitted, font
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import RIFFUSION_V1

RATE = 44_100


def noise(seconds: float, rate: int = RATE) -> torch.Tensor:
    sound = torch.randn(2, round(seconds * rate), generator=torch.Generator().manual_seed(1))
    return 0.1 * sound * torch.linspace(0, 1, sound.shape[-1])


def test_the_colors_are_the_page_s(root: Path) -> None:
    source = (root / "web/src/picture.ts").read_text()
    stops = re.search(r"const DARK = ramp\(\[(.*?)\]\);", source, re.S)
    assert stops is not None
    numbers = [float(number) for number in re.findall(r"[\d.]+", stops[1])]
    table = colors()
    for place, *color in np.reshape(numbers, (-1, 4)):
        gray = round(255 - 255 * place)
        assert np.abs(table[gray] - np.array(color)).max() <= 2
    lightness = table @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) <= 0.5).all()  # loud is bright


def test_a_picture_that_streams_is_that_of_the_whole(tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", noise(6.0, 48_000), 48_000)
    sound = sound_of_file(tmp_path / "a.wav")
    overview = Overview(10, sound.n_samples)
    max_value = loudest_of(sound, overview)
    heard = Heard(sound, 1, max_value=max_value)
    waveform, _ = files.load(tmp_path / "a.wav")
    peaks = waveform.abs().amax(0).reshape(10, -1).amax(1)
    assert overview.peaks == pytest.approx(peaks.numpy())  # whatever rate it is looked at
    waveform, _ = files.load(tmp_path / "a.wav", sample_rate=RATE)
    whole = Drawn(waveform_to_image(waveform, RATE, PARAMS)).part(0.0, 6.0, 600, 200)
    parts = [heard.part(k, k + 0.5, 50, 200) for k in np.arange(0, 6, 0.5).tolist()]
    difference = np.abs(np.concatenate(parts, axis=1).astype(int) - whole)
    assert difference.mean() < 0.2
    assert difference.max() <= 12


def test_an_image_that_begins_before_its_sound_is_shown_from_there() -> None:
    pixels = np.full((512, 64, 3), 255, np.uint8)
    pixels[:, 32:] = 0
    image = SpectrogramImage(pixels, RIFFUSION_V1, grid=BeatGrid(60.0, 1))
    drawn = Drawn(image, lead_seconds=0.25)
    assert (drawn.part(0.0, 0.2, 20, 50) == 255).all()
    assert (drawn.part(0.3, 0.75, 20, 50) == 0).all()


def test_transposed_rows_are_named_as_they_sound() -> None:
    pixels = np.full((512, 64, 3), 255, np.uint8)
    image = SpectrogramImage(pixels, RIFFUSION_V1, grid=BeatGrid(60.0, 1), transpose=12.0)
    plain = SpectrogramImage(pixels, RIFFUSION_V1)
    assert Drawn(image).hz == pytest.approx(2 * Drawn(plain).hz)
    assert (np.diff(Drawn(image).hz) < 0).all()


def film(meter: Meter, *, seconds: float = 2.0, loops: int = 1) -> Film:
    image = SpectrogramImage(np.full((512, 200, 3), 255, np.uint8), RIFFUSION_V1)
    layout = layout_of(720, 720, head_height=0)
    return Film(Drawn(image), meter, layout, seconds=seconds, loops=loops, columns_per_second=200.0)


def lines_in(meter: Meter, first: int, last: int, **options: float) -> dict[int, float]:
    """The columns with a line, and how bright each is."""
    columns = film(meter, **options).columns(first, last)[-1, :, 0].astype(float)  # type: ignore[arg-type]
    return {first + int(at): columns[at] for at in np.flatnonzero(columns > columns.min())}


def test_bars_and_beats_stand_where_they_sound() -> None:
    beats = lines_in(Meter(120.0, 4), 0, 400)  # a beat is 100 columns
    assert list(beats) == [0, 100, 200, 300]
    assert beats[0] > beats[100] + 20
    assert beats[100] == beats[200] == beats[300]
    led = lines_in(Meter(120.0, 4, lead_seconds=1.75), 0, 400)  # the second bar begins at 0.25 s
    assert max(led, key=lambda column: led[column]) == 50
    assert list(led) == [50, 150, 250, 350]


def test_bars_are_counted_anew_in_each_loop_and_in_parts() -> None:
    meter = Meter(120.0, 4)
    whole = film(meter, loops=3).columns(-60, 1400)
    parts = film(meter, loops=3)
    found = [parts.columns(at, min(at + 97, 1400)) for at in range(-60, 1400, 97)]
    assert (np.concatenate(found, axis=1) == whole).all()
    ruler = whole[:20, 60:]
    assert (ruler[:, 5:60] == ruler[:, 405:460]).all()
    assert not (ruler[:, 5:60] == ruler[:, 105:160]).all()  # no number at a beat
    assert (whole[-1, 60 + 1201 :] == whole[-1, 0]).all()  # behind the end there is nothing


def test_a_scrolling_picture_moves_by_what_was_asked() -> None:
    whole = film(Meter(120.0), loops=6).columns(-100, 2700)
    scrolling = Scrolling(film(Meter(120.0), loops=6), 300, 100)
    for column in (0, 2, 4, 250, 900, 2400):
        view = scrolling.at(float(column))
        assert view.head == 100
        assert (view.lit == whole[:, column : column + 300]).all()


@pytest.mark.parametrize("size", SIZES)
def test_boxes_lie_within_the_picture_one_below_the_other(size: str) -> None:
    width, height = SIZES[size]
    layout = layout_of(width, height, head_height=100)
    boxes = [layout.head, layout.film, layout.lane, layout.times]
    assert all(0 <= box.left < box.right <= width for box in boxes)
    edges = [edge for box in boxes for edge in (box.top, box.bottom)]
    assert edges == sorted(edges)
    assert edges[-1] <= height
    assert layout.film.height > 0.4 * height


def test_sound_comes_frame_by_frame_to_its_end() -> None:
    sound = noise(1.01)
    parts = list(
        in_frames(sound_of_waveform(sound, RATE).played(1, RATE), sample_rate=RATE, fps=24)
    )
    assert [part.shape[1] for part in parts[:4]] == [1838, 1837, 1837, 1838]
    assert (np.concatenate(parts, axis=1) == sound.numpy()).all()
    mono = list(in_frames(iter([sound[:1]]), sample_rate=RATE, fps=25))
    assert (mono[0][0] == mono[0][1]).all()


def test_repeated_sound_is_resampled_as_one_stream() -> None:
    tone = 0.5 * torch.sin(2 * torch.pi * 100 * torch.arange(RATE) / RATE)[None]
    played = torch.cat(list(sound_of_waveform(tone, RATE).played(3, 48_000)), dim=-1)[0]
    assert len(played) == 3 * 48_000
    wanted = 0.5 * torch.sin(2 * torch.pi * 100 * torch.arange(3 * 48_000) / 48_000)
    assert (played - wanted)[1000:-1000].abs().max() < 1e-4


def test_the_overview_has_the_peaks_of_equal_parts() -> None:
    sound = torch.zeros(2, 1000)
    sound[0, 250], sound[1, 999] = -0.5, 0.25
    overview = Overview(4, 1000)
    counted = overview.counting(Sound(lambda: iter(sound.split(300, dim=1)), RATE, 1000))
    assert torch.equal(torch.cat(list(counted.open_blocks()), dim=1), sound)
    assert overview.peaks.tolist() == [0, 0.5, 0, 0.25]
    assert overview.swing == 0.75


def test_titles_keep_the_characters_that_a_font_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_SYSTEM", ("no such font.ttf",))
    assert drawable("Plain words, 112 BPM") == ("Plain words, 112 BPM", "")
    assert drawable("Für\nÉlise – Straße 中 🎵 x") == ("Fur Elise - Strasse x", "")


def test_titles_fit() -> None:
    short, size = fitted("Loop", "", 600, 40)
    assert (short, size) == (["Loop"], 40)
    long, size = fitted("lo-fi hip hop with piano, bass and a very long list " * 4, "", 600, 40)
    assert len(long) == 2
    assert long[1].endswith("…")
    assert all(font(size).getlength(line) <= 600 for line in long)
    assert len(fitted("a" * 300, "", 600, 40)[0]) == 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0:00"), (7.99, "0:07"), (60.0, "1:00"), (3599.0, "59:59"), (3723.0, "1:02:03")],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_long_sound_takes_the_memory_of_short_sound(root: Path, tmp_path: Path) -> None:
    code = """
import re, sys
from riffkit.export.video import export_video
export_video(sys.argv[1], sys.argv[2], size="240x240", fps=24)
status = open("/proc/self/status").read()
print(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1])
"""

    def peak_megabytes(seconds: int) -> float:
        sound = tmp_path / f"{seconds}.flac"
        files.save(sound, noise(seconds), RATE)
        command = [sys.executable, "-c", code, str(sound), str(tmp_path / "a.mp4")]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        return int(done.stdout) / 1024

    short, long = peak_megabytes(20), peak_megabytes(200)
    assert long - short < 60, f"{short:.0f} MB for 20 s, {long:.0f} MB for 200 s"
