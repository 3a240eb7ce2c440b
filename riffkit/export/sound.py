"""The sound of a clip or a file, with its tempo, bars, key and whether it is a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from riffkit.audio.encoding import Storage
from riffkit.audio.reader import read_fields
from riffkit.audio.shown import Marker, Shown
from riffkit.audio.stated import Stated, stated
from riffkit.limits import bpm_text
from riffkit.music.clip import Clip, read_recipe
from riffkit.music.musical_facts import MusicalFacts, is_loop
from riffkit.prompt.key import MusicalKey, named_key, parse_key
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

if TYPE_CHECKING:
    from torch import Tensor

    from riffkit.analysis.beats import BarGrid

_IMAGE_RATE = 44_100
_KEPT_FIELDS = ("artist", "album", "copyright", "date", "genre", "comment")


@dataclass(frozen=True)
class Known:
    """What the user says of a sound."""

    bpm: float | None = None
    key: MusicalKey | None = None
    beats_per_bar: int | None = None


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound and what is known of it. `beats` is the length of a loop. `downbeats` are where its
    bars were measured, in seconds, if `facts` don't say it.
    """

    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    title: str
    bpm: float | None
    facts: MusicalFacts
    beats: int | None = None
    downbeats: tuple[float, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    credits: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.waveform.shape[-1] / self.sample_rate

    @property
    def shown(self) -> Shown:
        """What samplers, players and DAWs are told of it."""
        shown = self.facts.shown(self.title, self.bpm, seconds=self.seconds, beats=self.beats)
        genre = shown.genre or self.credits.get("genre", "")
        others = {name: text for name, text in self.credits.items() if name != "genre"}
        shown = replace(shown, genre=genre, credits=others)
        if self.downbeats is None:
            return shown
        places = (place for place in self.downbeats if 0 <= place < self.seconds)
        markers = (Marker(place, f"Bar {number}") for number, place in enumerate(places, 1))
        return replace(shown, markers=tuple(markers))

    def save(self, path: Path, storage: Storage) -> None:
        """Write it with what it is known for in its tags."""
        from riffkit.audio import files

        rate = storage.sample_rate or self.sample_rate
        files.save(
            path,
            self.at_rate(rate),
            rate,
            subtype=storage.subtype,
            tags=self.tags,
            shown=self.shown,
        )

    def at_rate(self, rate: int) -> Float[Tensor, "channel resampled"]:
        """The sound at another rate: a loop stays one, of whole beats."""
        if rate == self.sample_rate:
            return self.waveform
        from riffkit.audio.resampling import resample

        n_samples = None
        if self.beats is not None and self.bpm is not None:
            n_samples = round(self.beats * 60 / self.bpm * rate)
        return resample(
            self.waveform,
            self.sample_rate,
            rate,
            n_samples=n_samples,
            circular=self.beats is not None,
        )


def sound_of_clip(clip: Clip, known: Known) -> Sound:
    """A clip's own, with what the user says in its place."""
    facts = clip.facts or MusicalFacts.of_recipe(clip.recipe, clip.image.params.sample_rate)
    grid = clip.image.grid
    bpm = known.bpm if grid is None or known.bpm is not None else grid.bpm
    sound = Sound(
        clip.waveform,
        clip.sample_rate,
        clip.title or clip.recipe.command,
        bpm,
        _with_known(facts, known),
        tags={TAG: clip.recipe.to_json()},
    )
    return _as_loop(sound) if clip.loop else sound


def sound_of_file(path: Path, known: Known) -> Sound:
    """A file's: what the user says, else its recipe or its tags, else what is measured."""
    from riffkit.analysis.beats import measure_bars, to_analysis_rate
    from riffkit.audio import files

    waveform, rate = files.load(path, allow_silence=True)
    fields, recipe, said = read_fields(path), read_recipe(path), stated(path)
    facts, notes = _facts(path, recipe, said, known, waveform, rate)
    bpm = known.bpm or (recipe and recipe.arguments.get("bpm")) or _possible(said.bpm)
    track = cache(
        lambda: measure_bars(
            to_analysis_rate(waveform, rate), bpm=bpm, beats_per_bar=facts.beats_per_bar
        )
    )
    credits_ = {name: fields[name] for name in _KEPT_FIELDS if fields.get(name)}
    tags = {}
    if recipe is not None:
        tags, credits_ = {TAG: recipe.to_json()}, {**credits_, "comment": ""}
    title = fields.get("title") or path.stem
    sound = Sound(waveform, rate, title, bpm, facts, tags=tags, credits=credits_, notes=notes)
    looped = said.loop if said.loop is not None or recipe is None else is_loop(recipe.to_dict())
    if looped and bpm is not None:
        return _as_loop(sound)
    if recipe is not None and bpm is not None:
        return sound
    return _measured(sound, path, track, may_loop=looped is not False)


def _possible(bpm: float | None) -> float | None:
    return bpm if bpm is not None and MIN_BPM <= bpm <= MAX_BPM else None


def _facts(
    path: Path,
    recipe: Recipe | None,
    said: Stated,
    known: Known,
    waveform: Float[Tensor, "channel sample"],
    rate: int,
) -> tuple[MusicalFacts, tuple[str, ...]]:
    """Metre and key, and notes on what isn't certain."""
    notes: list[str] = []
    made = {} if recipe is None else recipe.arguments
    # A recipe doesn't say its image's rate. It is 44,100 Hz, and a file made from another model's
    # has less.
    facts = MusicalFacts()
    if recipe is not None:
        facts = MusicalFacts.of_recipe(recipe, min(rate, _IMAGE_RATE))
    if not made.get("beats_per_bar") and said.beats_per_bar:
        facts = replace(facts, beats_per_bar=said.beats_per_bar)
    elif not made.get("beats_per_bar") and known.beats_per_bar is None:
        notes.append(f"{path.name}: {DEFAULT_BEATS}/4 assumed (override with `beats_per_bar`)")
    if known.key is None and "key" not in made:
        key, note = _key(path, said, waveform, rate)
        facts = replace(facts, key=key)
        notes += [note] if note else []
    return _with_known(facts, known), tuple(notes)


def _key(
    path: Path, said: Stated, waveform: Float[Tensor, "channel sample"], rate: int
) -> tuple[MusicalKey | None, str]:
    """The key that a file states, else one that is clear in its sound."""
    named = named_key(said.key) if said.key else None
    if named is not None:
        return named, ""
    if said.tonic is not None:
        return MusicalKey(said.tonic, ""), ""
    from riffkit.analysis.key import key as key_of
    from riffkit.music.measured import key_note

    found = key_of(waveform, rate)
    if found is None or not found.is_clear:
        return None, f"{path.name}: no clear key, so none is written (set `key`)"
    return parse_key(found.name), key_note(path.name, found)


def _with_known(facts: MusicalFacts, known: Known) -> MusicalFacts:
    return replace(
        facts, key=known.key or facts.key, beats_per_bar=known.beats_per_bar or facts.beats_per_bar
    )


def _as_loop(sound: Sound) -> Sound:
    """A loop of whole beats at its tempo, which is made to fit to the sample; a note where it
    isn't whole beats.
    """
    from riffkit.music.measured import LOOP_TOLERANCE

    if sound.bpm is None:
        return sound
    beats = round(sound.seconds * sound.bpm / 60)
    if not beats or abs(sound.seconds * sound.bpm / 60 / beats - 1) > LOOP_TOLERANCE:
        note = (
            f"{sound.title}: {sound.seconds:.2f} s isn't whole beats at {bpm_text(sound.bpm)} "
            "BPM, so it isn't marked as a loop (override with `bpm`)"
        )
        return replace(sound, notes=(*sound.notes, note))
    bpm = sound.bpm
    if round(beats * 60 / bpm * sound.sample_rate) != sound.waveform.shape[-1]:
        bpm = beats * 60 / sound.seconds
    return replace(sound, bpm=bpm, beats=beats, facts=replace(sound.facts, lead_seconds=0.0))


def _measured(
    sound: Sound, path: Path, track: Callable[[], BarGrid | None], *, may_loop: bool
) -> Sound:
    """With measured bars, and the tempo if it isn't known; a loop if it is whole bars of that."""
    from riffkit.music.measured import downbeats, is_sure, tempo_note, whole_bars

    bars, per_bar = track(), sound.facts.beats_per_bar
    if bars is None or len(bars.beat_seconds) < 2:
        note = f"{path.name}: no tempo found, so none is written (set `bpm`)"
        return sound if sound.bpm is not None else replace(sound, notes=(*sound.notes, note))
    bpm, notes = sound.bpm, list(sound.notes)
    if bpm is None:
        bpm = bars.mean_bpm
        notes.append(tempo_note(path.name, bars))
    n_samples = sound.waveform.shape[-1]
    whole = whole_bars(n_samples, sound.sample_rate, bpm, per_bar) if may_loop else None
    if whole is not None and is_sure(bars):
        notes.append(f"{path.name}: {whole} whole bars, so it is marked as a loop")
        return _as_loop(replace(sound, bpm=bpm, notes=tuple(notes)))
    found = tuple(downbeats(bars, per_bar))
    return replace(sound, bpm=bpm, downbeats=found, notes=tuple(notes))
