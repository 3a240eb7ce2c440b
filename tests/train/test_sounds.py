"""The synthesiser is in tune, and its notes die away."""

from __future__ import annotations

import numpy as np
import pytest

from riffkit.score.drums import PARTS
from riffkit.score.notes import Note, Track
from train.sounds.drum_machine import DrumMachine
from train.sounds.effects import chorus, equalize, overdrive, tremolo
from train.sounds.envelope import Envelope
from train.sounds.extremes import draw_extreme
from train.sounds.fm import FmVoice
from train.sounds.patches import draw_voice
from train.sounds.plucked import PluckedVoice
from train.sounds.subtractive import SubtractiveVoice
from train.sounds.timbre import draw_timbre, sound_track
from train.sounds.voices import SAMPLE_RATE, Voice, play_loop

_HELD = Envelope(0.005, 1.0, 1.0, 0.05)
VOICES: dict[str, Voice] = {
    "subtractive": SubtractiveVoice(envelope=_HELD),
    "acid": SubtractiveVoice(resonance=8.0, poles=4, sweep_octaves=3.0, envelope=_HELD),
    "fm": FmVoice(ratio=2.0, envelope=_HELD),
    "plucked, bright": PluckedVoice(dullness=0.05),
    "plucked, dull": PluckedVoice(dullness=0.45),
}
BASS = Track("synth bass", "bass", 0, 38, -18.0, 0.0, 0.1, (Note(0.0, 0.5, 40, 100),))


def _peak_hz(sound: np.ndarray, near_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 20))
    hz = np.arange(len(spectrum)) * SAMPLE_RATE / (1 << 20)
    near = np.abs(np.log2(np.maximum(hz, 1) / near_hz)) < 0.3
    return float(hz[near][spectrum[near].argmax()])


@pytest.mark.parametrize("name", VOICES)
@pytest.mark.parametrize("note_hz", [55.0, 233.08, 1_046.5])
def test_notes_are_in_tune(name: str, note_hz: float) -> None:
    sound = VOICES[name].play(note_hz, 2.5, 0.8)[0, 2_000:100_000]
    cents = 1200 * np.log2(_peak_hz(sound, note_hz) / note_hz)
    assert abs(cents) < 1.3  # at 55 Hz a bin is 1.3 cents


def test_vibrato_goes_as_far_as_it_says() -> None:
    voice = SubtractiveVoice(wave="sine", vibrato_cents=40.0, vibrato_delay_s=0.01, envelope=_HELD)
    wave = voice.play(440.0, 1.0, 1.0)[0, 8_000:40_000].astype(np.float64)
    spectrum = np.fft.fft(wave)
    spectrum[len(wave) // 2 :] = 0
    hz = np.diff(np.unwrap(np.angle(np.fft.ifft(spectrum)))) * SAMPLE_RATE / (2 * np.pi)
    inner = 1200 * np.log2(hz[2_000:-2_000] / 440)
    assert np.percentile(inner, 98) == pytest.approx(40, abs=3)
    assert np.percentile(inner, 2) == pytest.approx(-40, abs=3)


def test_no_partial_is_folded_back() -> None:
    """Above the highest partial there is nothing, and nothing between the partials."""
    sound = SubtractiveVoice(cutoff_hz=40_000.0, envelope=_HELD).play(3_000.0, 1.0, 1.0)[0]
    cut = sound[4_000 : 4_000 + SAMPLE_RATE // 2]
    spectrum = np.abs(np.fft.rfft(cut * np.blackman(len(cut))))
    hz = np.fft.rfftfreq(len(cut), 1 / SAMPLE_RATE)
    between = np.abs(hz / 3_000 - np.round(hz / 3_000)) > 0.02
    assert 20 * np.log10(spectrum[between].max() / spectrum.max()) < -70


def test_a_low_pass_takes_the_partials_above_it() -> None:
    def level_db(cutoff_hz: float) -> float:
        voice = SubtractiveVoice(
            cutoff_hz=cutoff_hz, tracking=0.0, touch_octaves=0.0, envelope=_HELD
        )
        sound = voice.play(220.0, 1.0, 1.0)[0, 4_410:26_460]
        spectrum = np.abs(np.fft.rfft(sound))
        return float(20 * np.log10(spectrum[110 * 8] / spectrum[110]))  # 1,760 Hz by 220 Hz

    assert level_db(20_000.0) == pytest.approx(20 * np.log10(1 / 8), abs=0.6)
    assert level_db(440.0) < level_db(20_000.0) - 20


@pytest.mark.parametrize("voice", [PluckedVoice(ring_s=2.0), FmVoice(), SubtractiveVoice()])
def test_notes_die_away(voice: Voice) -> None:
    sound = voice.play(262.0, 0.5, 0.9)
    loud = np.sqrt(np.mean(sound[:, :8_000] ** 2))
    assert np.abs(sound[:, -20:]).max() < 0.02 * loud
    assert np.isfinite(sound).all()


def test_a_plucked_string_rings_as_long_as_it_says() -> None:
    sound = PluckedVoice(ring_s=2.0, dullness=0.2).play(262.0, 3.0, 0.9)[0]
    levels = [np.sqrt(np.mean(sound[at : at + 4_410] ** 2)) for at in (22_050, 44_100)]
    assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(15, abs=5)  # 30 dB a second


def test_tails_wrap_round_the_loop() -> None:
    note = Note(7.5, 0.5, 60, 100)
    ringing = SubtractiveVoice(envelope=Envelope(0.005, 1.0, 1.0, 0.1))
    loop = play_loop([note], ringing, n_beats=8, n_samples=2 * SAMPLE_RATE)
    at_start = np.abs(loop[:, : SAMPLE_RATE // 10]).max()
    before = np.abs(loop[:, SAMPLE_RATE : int(1.8 * SAMPLE_RATE)]).max()
    assert at_start > 0.1
    assert before < 0.01 * at_start


def test_drum_machines_know_every_part() -> None:
    machine = DrumMachine(seed=3)
    for name, pitch in PARTS.items():
        hit = machine.hit(pitch)
        assert np.isfinite(hit).all(), name
        assert 0.1 < np.abs(hit).max() < 8, name
        assert np.abs(hit[:, -10:]).max() < 0.05 * np.abs(hit).max(), name
        assert np.array_equal(hit, DrumMachine(seed=3).hit(pitch)), name


def test_a_kick_is_low_and_a_hat_is_high() -> None:
    def centre_hz(pitch: int) -> float:
        power = np.abs(np.fft.rfft(DrumMachine().hit(pitch)[0])) ** 2
        hz = np.linspace(0, SAMPLE_RATE / 2, len(power))
        return float((power * hz).sum() / power.sum())

    assert centre_hz(PARTS["kick"]) < 400
    assert centre_hz(PARTS["hat"]) > 5_000


def test_the_same_seed_gives_the_same_timbre_and_sound() -> None:
    sounds = []
    for _ in range(2):
        rng = np.random.default_rng(5)
        voice = draw_voice(BASS, rng)
        sounds.append(play_loop(BASS.notes, voice, n_beats=4, n_samples=40_000))
    assert np.array_equal(*sounds)
    others = {draw_voice(BASS, np.random.default_rng(seed)) for seed in range(20)}
    assert len(others) == 20


def test_every_timbre_gives_sound(tmp_path) -> None:
    """Soundfonts left out: the drawn voices of one instrument of each kind."""
    heard = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        timbre = draw_timbre(BASS, [tmp_path / "none.sf2"], rng, freely=True)
        if timbre.source == tmp_path / "none.sf2":
            continue
        sound = sound_track(BASS, timbre, n_beats=4, n_samples=44_100)
        assert sound.shape == (2, 44_100)
        assert 1e-3 < np.sqrt(np.mean(sound**2)) < 5
        heard += 1
    assert heard > 3


def test_effects_wrap_round() -> None:
    """A loop that begins elsewhere gives the same result, begun elsewhere."""
    loop = np.random.default_rng(0).standard_normal((2, 10_000)).astype(np.float32)
    rolled = np.roll(loop, 2_500, axis=1)
    for effect in (
        lambda x: equalize(x, low_cut_hz=100.0, high_cut_hz=5e3, tilt_db=-2.0, bell_db=4.0),
        lambda x: overdrive(x, 12.0),
        lambda x: chorus(x, depth_ms=2.0, turns=4, wet=0.8),
        lambda x: tremolo(x, depth=0.5, turns=4),
    ):
        expected = np.roll(effect(loop), 2_500, axis=1)
        np.testing.assert_allclose(effect(rolled), expected, atol=2e-2)


def test_extremes_are_finite_loops() -> None:
    for seed in range(25):
        loop = draw_extreme(30_000, np.random.default_rng(seed))
        assert loop.shape == (2, 30_000)
        assert loop.dtype == np.float32
        assert np.isfinite(loop).all()
