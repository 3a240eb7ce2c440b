"""Transcription: the notes of any sound as a score, on the beat grid of the clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.beats import measure_bars, to_analysis_rate
from riffkit.analysis.transcription.basic_pitch import hear_pitches
from riffkit.analysis.transcription.listening import hear_notes
from riffkit.analysis.transcription.network import load_transcriber
from riffkit.analysis.transcription.notes import HeardNotes
from riffkit.audio.resampling import resample
from riffkit.limits import bpm_text
from riffkit.music.heard_score import Beats, Quantize, heard_score
from riffkit.music.midi_score import ReadScore
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, Planes
from riffkit.vocoder.decode import decode

Listener = Literal["riffkit", "basic-pitch"]
"""The bundled transcriber, or basic-pitch, which knows voices and other recordings; no drums."""
_UNKNOWN_BPM = 120.0
_RISE_SECONDS = 0.012  # how early the onset curve rises before an attack
_LOOP_TOLERANCE, _LOOP_SECONDS = 0.01, 30.0
_SILENCE_SECONDS = 0.5  # before what isn't a loop
_BEGINNING_SECONDS, _FADED = 0.05, 0.25
_COLUMNS_PER_SECOND = 100


def transcribe(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    bpm: float | None = None,
    beats_per_bar: int = DEFAULT_BEATS,
    loop: bool | None = None,
    quantize: Quantize | None = None,
    listener: Listener = "riffkit",
    name: str = "sound",
) -> ReadScore:
    """The notes of a sound, as far as they are heard.

    Args:
        waveform: full scale ±1, of shape (channel, sample).
        sample_rate: in Hz.
        bpm: its tempo; by default it is measured, and 120 where nothing repeats.
        beats_per_bar: quarter notes.
        loop: whether its end flows into its beginning, which is a downbeat; by default, if it is
            of whole bars to 1 % and no longer than 30 s.
        quantize: steps that notes begin and end on. By default they stay where they are heard.
        listener: "riffkit" or "basic-pitch".
        name: what a message calls the sound.

    Returns:
        A score of up to two pitched tracks, the bass and all else, and the drums, a track for each
        part of the kit. What isn't a loop begins in the bar of its first sound.

    Raises:
        ParameterError: it contains no notes that can be heard.
        ModelError: basic-pitch is asked for, and onnxruntime isn't installed.

    Example:
        score = transcribe(waveform, 44_100, bpm=120, quantize="1/16").score
    """
    mono = resample(waveform.float().mean(0, keepdim=True), sample_rate, CRISP.sample_rate)
    seconds = waveform.shape[-1] / sample_rate
    beats, remarks = _beats(mono, bpm, beats_per_bar, loop)
    if listener == "basic-pitch":
        heard = hear_pitches(mono, CRISP.sample_rate)
    else:
        heard = _heard_in(mono, seconds, circular=beats.is_loop)
    return ReadScore(heard_score(heard, beats, beats_per_bar, quantize, name), notes=remarks)


def transcribe_image(
    image: SpectrogramImage,
    *,
    bpm: float | None = None,
    quantize: Quantize | None = None,
    listener: Listener = "riffkit",
    name: str = "image",
) -> ReadScore:
    """The same for a spectrogram image; one of preset crisp on the beat grid needs no decoding."""
    said = {} if image.recipe is None else image.recipe.get("arguments", {})
    beats_per_bar, grid = said.get("beats_per_bar") or DEFAULT_BEATS, image.grid
    if grid is None:
        sound, rate = decode(image, quality="preview"), image.params.sample_rate
        return transcribe(
            sound,
            rate,
            bpm=bpm,
            beats_per_bar=beats_per_bar,
            quantize=quantize,
            listener=listener,
            name=name,
        )
    beats = Beats(grid.bpm, lambda t: t * grid.bpm / 60, grid.n_beats, is_loop=True)
    heard = hear_image(image, listener)
    score = heard_score(heard, beats, beats_per_bar, quantize, name)
    unused = () if bpm is None else ("bpm: isn't used; the image is on a beat grid of its own",)
    return ReadScore(score, notes=unused)


def hear_loop(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> HeardNotes:
    """What is heard of one turn of a loop."""
    mono = resample(waveform.float().mean(0, keepdim=True), sample_rate, CRISP.sample_rate)
    return _heard_in(mono, waveform.shape[-1] / sample_rate, circular=True)


def hear_image(image: SpectrogramImage, listener: Listener = "riffkit") -> HeardNotes:
    """What is heard of an image on the beat grid, which is circular in time."""
    assert image.grid is not None
    seconds = image.grid.seconds
    if listener == "basic-pitch":
        sound = decode(image, quality="preview", circular=True).mean(0, keepdim=True)
        return hear_pitches(sound, image.params.sample_rate)
    if image.params != replace(CRISP, planes=image.params.planes) or image.transpose:
        sound = decode(image, quality="preview", circular=True).mean(0, keepdim=True)
        mono = resample(sound, image.params.sample_rate, CRISP.sample_rate)
        return _heard_in(mono, seconds, circular=True)
    mel = image.to_mel()
    mid = mel[-1] if image.params.planes is Planes.LEFT_RIGHT_MID else mel.mean(0)
    return hear_notes(mid, CRISP, seconds=seconds, network=load_transcriber())


def _heard_in(mono: Float[Tensor, "1 sample"], seconds: float, *, circular: bool) -> HeardNotes:
    lead = 0.0 if circular else _SILENCE_SECONDS
    if not circular:  # what is cut off at the end begins nothing: it is mirrored
        n_silent = round(_SILENCE_SECONDS * CRISP.sample_rate)
        after = torch.nn.functional.pad(mono.flip(-1)[:, :n_silent], (0, n_silent))[:, :n_silent]
        mono = torch.cat((torch.nn.functional.pad(mono, (n_silent, 0)), after), dim=-1)
    whole = seconds + 2 * lead
    n_frames = max(1, round(whole * _COLUMNS_PER_SECOND))
    mel = waveform_to_mel(mono, CRISP.with_planes(Planes.MONO), n_frames=n_frames)[0]
    heard = hear_notes(mel, CRISP, seconds=whole, network=load_transcriber())
    if circular:
        return heard
    notes = (replace(note, start=note.start - lead) for note in heard.notes)
    strokes = (replace(stroke, start=stroke.start - lead) for stroke in heard.strokes)
    heard = HeardNotes(
        tuple(note for note in notes if note.start < seconds),
        tuple(stroke for stroke in strokes if stroke.start < seconds),
        seconds,
    )
    return HeardNotes((), (), seconds) if _is_cut_noise(heard, mono[0, n_silent:]) else heard


def _is_cut_noise(heard: HeardNotes, mono: Float[Tensor, " sample"]) -> bool:
    """Whether all that is heard is that a steady sound begins: as a stroke, it would fade."""
    quarter = max(1, round(heard.seconds * CRISP.sample_rate) // 4)
    first, last = (mono[k * quarter : (k + 1) * quarter].square().mean() for k in (0, 3))
    only_begins = all(stroke.start < _BEGINNING_SECONDS for stroke in heard.strokes)
    return not heard.notes and only_begins and bool(last > _FADED * first)


def _beats(
    mono: Float[Tensor, "1 sample"], bpm: float | None, beats_per_bar: int, loop: bool | None
) -> tuple[Beats, tuple[str, ...]]:
    seconds, remarks = mono.shape[-1] / CRISP.sample_rate, tuple[str, ...]()
    bars = None
    if bpm is None or not loop:
        bars = measure_bars(
            to_analysis_rate(mono, CRISP.sample_rate), bpm=bpm, beats_per_bar=beats_per_bar
        )
    if bpm is None:
        bpm = _UNKNOWN_BPM if bars is None else min(max(bars.mean_bpm, MIN_BPM), MAX_BPM)
        how = "no tempo found; the notes are laid out at 120 BPM" if bars is None else "measured"
        remarks = (f"tempo: {how}" if bars is None else f"tempo: {bpm_text(bpm)} BPM, {how}",)
    n_bars = max(1, round(seconds * bpm / 60 / beats_per_bar))
    off = abs(seconds * bpm / 60 / (n_bars * beats_per_bar) - 1)
    if loop is None:
        loop = bars is not None and off <= _LOOP_TOLERANCE and seconds <= _LOOP_SECONDS
    if loop:
        n_beats = n_bars * beats_per_bar if off <= _LOOP_TOLERANCE else None
        n_beats = n_beats or max(1, round(seconds * bpm / 60))
        return Beats(60 * n_beats / seconds, lambda t: t / seconds * n_beats, n_beats, True), (
            remarks
        )
    if bars is None or len(bars.beat_seconds) < 2:
        beat_seconds, downbeat = np.array([0.0, 60 / bpm]), 0
    else:
        beat_seconds, downbeat = bars.beat_seconds + _RISE_SECONDS, bars.downbeat
    return Beats(bpm, _interpolated(beat_seconds, downbeat), None, False), remarks


def _interpolated(
    beat_seconds: Float[np.ndarray, " beat"], downbeat: int
) -> Callable[[float], float]:
    """Beats from the downbeat on; before the first beat and after the last at their tempo."""
    numbers = np.arange(len(beat_seconds)) - downbeat
    first, last = np.diff(beat_seconds)[[0, -1]]

    def at(seconds: float) -> float:
        if seconds < beat_seconds[0]:
            return float(numbers[0] + (seconds - beat_seconds[0]) / first)
        if seconds > beat_seconds[-1]:
            return float(numbers[-1] + (seconds - beat_seconds[-1]) / last)
        return float(np.interp(seconds, beat_seconds, numbers))

    return at
