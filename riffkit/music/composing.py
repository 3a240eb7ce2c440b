"""Writes music for a prompt as notes: what `riff compose` does. Light: no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from riffkit.errors import OutputError, ParameterError
from riffkit.limits import MINOR_MODES, bpm_text, check_seed
from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, model_traits
from riffkit.music.brought import Brought, read_drums, read_lead
from riffkit.music.fields import check_ranges, option
from riffkit.music.request import BARS
from riffkit.music.understanding import brief_of_prompt, notes_of
from riffkit.music.values import built, random_seed
from riffkit.prompt.emphasis import check_prompt
from riffkit.prompt.key import parse_key
from riffkit.prompt.metre import FEWEST_BEATS, MOST_BEATS
from riffkit.prompt.prompt import Prompt, read_prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.provenance.recipe import Recipe, versions
from riffkit.score.brief import Brief
from riffkit.score.chords import parse_chords
from riffkit.score.compose import MAX_BARS, compose, usual_beats
from riffkit.score.given import octaves_moved
from riffkit.score.humanize import humanize
from riffkit.score.keys import key_of_notes, share_in_key
from riffkit.score.midi import write_midi
from riffkit.score.notes import Score
from riffkit.score.spans import whole_bars
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

HUMANIZE = {"least": 0, "most": 1}
_FILES = ("melody", "drums")
_USUAL_BARS = 8
_IN_KEY = 0.9  # of a melody's notes, where a key is its own
EXAMPLE = 'riffkit.compose("funk with slap bass and clavinet", bars=16, seed=3).save("funk.mid")'


@dataclass(frozen=True)
class Composition:
    """A score, the recipe that made it, and notes for the user."""

    score: Score
    recipe: Recipe
    notes: tuple[str, ...] = ()

    def save(self, path: str | Path) -> None:
        """Write a MIDI file: a track for each player, with tempo, metre, key and phrases.

        Args:
            path: file to write, with the extension .mid.

        Raises:
            OutputError: it can't be written there.

        Example:
            riffkit.compose("jazz trio", bars=16).save("trio.mid")
        """
        path = Path(path)
        check_midi_name(path)
        title = str(self.recipe.arguments["prompt"])
        write_midi(path, self.score, title=title, recipe=self.recipe.to_json())


def check_midi_name(path: Path) -> None:
    """Raise OutputError unless it is a MIDI file's name."""
    if path.suffix.lower() not in (".mid", ".midi"):
        raise OutputError(f"cannot write {str(path)!r}: a score must end in .mid")


@dataclass(frozen=True, kw_only=True)
class ComposeRequest:
    """The instruments that the prompt names play, and no others but the drums of styles made of
    beats, such as house; where it names none, a band of its style does. What it leaves open is
    drawn by the seed.
    """

    prompt: str = option("The music in words: 'jazz trio, sad'.", positional=True)
    bars: int | None = option(
        "Length in bars. Default: the melody's; else 8, or more for longer chords or drums.",
        None,
        **BARS,
    )
    bpm: float | None = option(
        "Tempo in BPM. Default: the file's; without one the prompt's or its style's.",
        None,
        least=MIN_BPM,
        most=MAX_BPM,
    )
    key: str | None = option(
        "Key, such as 'A minor'. Default: the melody's, the prompt's or the chords'.", None
    )
    beats_per_bar: int | None = option(
        "Beats per bar: 4 for 4/4, 3 for a waltz. Default: the file's, else the prompt's.",
        None,
        least=FEWEST_BEATS,
        most=MOST_BEATS,
    )
    chords: str | None = option("Chords to play over: 'Am7 | F | C/G | G7sus4'.", None)
    melody: Path | None = option(  # noqa: RUF009
        "MIDI file with a melody: it leads, and is harmonized.", None
    )
    drums: Path | None = option(  # noqa: RUF009
        "MIDI file with drums, which are repeated to the length.", None
    )
    humanize: float = option(
        "Play unevenly, as people do: 0 is exact, 1 is loose.", 0.0, **HUMANIZE
    )
    seed: int = option("Same seed, same score. Default: a random one.", 0)

    def __post_init__(self) -> None:
        check_ranges(self)
        check_prompt(self.prompt)
        if self.key is not None:
            parse_key(self.key)
        check_seed(self.seed)


def request_of(given: Sequence[Any], values: Mapping[str, Any]) -> ComposeRequest:
    """The request of a call; ParameterError for an unknown name or a wrong value."""
    if len(given) > 1:
        raise ParameterError("compose: takes one positional value, the prompt")
    named = {**dict(zip(("prompt",), given, strict=False)), **values}
    seed = named.get("seed")
    return built(ComposeRequest, {**named, "seed": random_seed() if seed is None else seed})


def composed(request: ComposeRequest) -> Composition:
    """What `riffkit.compose` returns."""
    traits = model_traits(bundled_models()[BUNDLED_DEFAULT])
    read, brought = read_prompt(request.prompt, traits), _brought(request)
    score, notes = written(read, request, traits, brought, bars=_USUAL_BARS)
    facts = score.facts
    arguments = {
        **{k: v for k, v in asdict(request).items() if k not in _FILES},
        "bars": facts.n_beats // facts.beats_per_bar,
        "bpm": facts.bpm,
        "key": None if facts.key is None else f"{facts.key} {facts.mode}",
        "beats_per_bar": facts.beats_per_bar,
    }
    inputs = {name: dict(file.identity) for name, file in brought.items()}
    recipe = Recipe("compose", arguments, inputs=inputs, versions=versions())
    remarks = (remark for file in brought.values() for remark in file.remarks)
    return Composition(score, recipe, (*remarks, *notes, *notes_of(read)))


def _brought(request: ComposeRequest) -> dict[str, Brought]:
    """The files, read; the melody's metre is that of the drums too."""
    found, beats = {}, request.beats_per_bar
    if request.melody is not None:
        found["melody"] = read_lead(request.melody, beats_per_bar=beats)
        beats = beats or found["melody"].beats_per_bar
    if request.drums is not None:
        found["drums"] = read_drums(request.drums, beats_per_bar=beats)
    return found


@runtime_checkable
class Asked(Protocol):
    """A request for music: what it says of tempo, key, metre, length and chords."""

    @property
    def bars(self) -> int | None: ...

    @property
    def bpm(self) -> float | None: ...

    @property
    def key(self) -> str | None: ...

    @property
    def beats_per_bar(self) -> int | None: ...

    @property
    def chords(self) -> str | None: ...

    @property
    def humanize(self) -> float: ...

    @property
    def seed(self) -> int: ...


def written(
    read: Prompt, request: Asked, traits: ModelTraits, brought: Mapping[str, Brought], *, bars: int
) -> tuple[Score, tuple[str, ...]]:
    """A score for a prompt, over what the user brought: a "melody", "drums".

    Its length is `request.bars`; else the melody's, else at least `bars`, in which chords or drums
    come round. The second value are notes for the user.
    """
    melody, drums = brought.get("melody"), brought.get("drums")
    bpm, beats = _tempo_and_metre(request, brought.values())
    brief = brief_of_prompt(read, traits, bpm=bpm, key=request.key, beats_per_bar=beats)
    if melody is not None and request.key is None:
        brief = _in_key_of(melody, brief)
    if request.chords is not None:
        beats = brief.beats_per_bar or usual_beats(brief.style)
        chords = parse_chords(request.chords, beats_per_bar=beats)
        brief = replace(brief, chords=chords, beats_per_bar=beats)
    score = compose(
        brief,
        bars=request.bars or _length(brief, melody, drums, bars),
        seed=request.seed,
        melody=() if melody is None else melody.notes,
        drums=() if drums is None else drums.notes,
    )
    notes = (
        *(() if melody is None else octaves_moved(melody.notes, score)),
        *_left_aside(read, request, brought, score),
    )
    return humanize(score, request.humanize, request.seed), notes


def _tempo_and_metre(request: Asked, brought: Iterable[Brought]) -> tuple[float | None, int | None]:
    """Those of files in the place of what isn't asked for."""
    bpm, beats = request.bpm, request.beats_per_bar
    for file in brought:
        if bpm is None and file.bpm is not None:
            bpm = min(float(MAX_BPM), max(float(MIN_BPM), file.bpm))
        beats = beats or file.beats_per_bar
    return bpm, beats


def _in_key_of(melody: Brought, brief: Brief) -> Brief:
    """In the prompt's key, or that of the melody's file, if its notes are; else in theirs."""
    likely = []
    if brief.tonic is not None or brief.mode is not None:
        likely.append(key_of_notes(melody.notes, tonic=brief.tonic, mode=brief.mode))
    if melody.key is not None:
        tonic, is_minor = melody.key
        _, mode = key_of_notes(melody.notes, tonic=tonic)
        if is_minor != (mode in MINOR_MODES):
            mode = "minor" if is_minor else "major"
        likely.append((tonic, mode))
    fitting = [key for key in likely if share_in_key(melody.notes, *key) >= _IN_KEY]
    tonic, mode = (fitting or [key_of_notes(melody.notes)])[0]
    return replace(brief, tonic=tonic, mode=mode)


def _length(brief: Brief, melody: Brought | None, drums: Brought | None, bars: int) -> int:
    """Bars: the melody's (of a recording some); else `bars` at least, in which chords or drums
    come round.
    """
    if melody is not None:
        n_bars = whole_bars(melody.notes, brief.beats_per_bar or usual_beats(brief.style))
        return min(n_bars, _USUAL_BARS if melody.is_recording else MAX_BARS)
    period = 1 if drums is None else drums.bars
    if brief.chords and brief.beats_per_bar:
        period = round((brief.chords[-1].start + brief.chords[-1].duration) / brief.beats_per_bar)
    return min(MAX_BARS, period * -(-bars // period))


def _left_aside(
    prompt: Prompt, request: Asked, brought: Mapping[str, Brought], score: Score
) -> Iterator[str]:
    """Notes on a metre, tempo or key that the prompt names and a file takes the place of."""
    facts = score.facts
    if not brought:
        return
    owner = "melody" if "melody" in brought else "drums"
    metre = prompt.metre if request.beats_per_bar is None else None
    if metre is not None and metre.beats != facts.beats_per_bar:
        yield f"prompt: the {owner}'s {facts.beats_per_bar} beats per bar are kept"
    if request.bpm is None and prompt.bpm is not None and prompt.bpm != facts.bpm:
        yield (
            f"prompt: {bpm_text(prompt.bpm)} BPM isn't used; the {owner}'s tempo, "
            f"{bpm_text(facts.bpm)} BPM, is kept; set `bpm` to change it"
        )
    named = prompt.key if request.key is None else None
    if named is not None and facts.key is not None and "melody" in brought:
        key = parse_key(f"{facts.key} {facts.mode}")
        if not named.agrees_with(key):
            yield f"prompt: {named.name} isn't used; the melody's key, {key.name}, is kept"
