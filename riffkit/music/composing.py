"""Writes music for a prompt as notes: what `riff compose` does. Light: no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from riffkit.errors import OutputError, ParameterError
from riffkit.limits import check_seed
from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, model_traits
from riffkit.models.word_meanings import token_meanings
from riffkit.music.fields import check_ranges, option
from riffkit.music.request import BARS
from riffkit.music.values import built, random_seed
from riffkit.prompt.emphasis import check_prompt
from riffkit.prompt.key import parse_key
from riffkit.prompt.prompt import Prompt, not_known, read_prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.provenance.recipe import Recipe, versions
from riffkit.score.brief import Brief
from riffkit.score.compose import compose
from riffkit.score.harmony import SCALES
from riffkit.score.midi import write_midi
from riffkit.score.notes import Score
from riffkit.score.reading import Reading, means_drums, meant_by, read_words
from riffkit.score.styles import STYLES
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

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
    """The instruments that the prompt names play, and no others; where it names none, a band of its
    style does. What it leaves open is drawn by the seed.
    """

    prompt: str = option("The music in words: 'jazz trio, sad'.", positional=True)
    bars: int = option("Length in bars.", 8, **BARS)
    bpm: float | None = option(
        "Tempo in BPM. Default: the prompt's or its style's.", None, least=MIN_BPM, most=MAX_BPM
    )
    key: str | None = option("Key, such as 'A minor'. Default: the prompt's.", None)
    beats_per_bar: int | None = option(
        "Beats per bar: 4 for 4/4, 3 for a waltz. Default: the prompt's.", None, least=2, most=12
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
    read = read_prompt(request.prompt, traits)
    brief = brief_of(read, request, traits)
    score = compose(brief, bars=request.bars, seed=request.seed)
    facts = score.facts
    arguments = {
        **asdict(request),
        "bpm": facts.bpm,
        "key": None if facts.key is None else f"{facts.key} {facts.mode}",
        "beats_per_bar": facts.beats_per_bar,
    }
    recipe = Recipe("compose", arguments, versions=versions())
    return Composition(score, recipe, tuple(notes_of(read)))


def notes_of(prompt: Prompt) -> Iterator[str]:
    """What a prompt's words were taken for, and those that said nothing."""
    reading = reading_of(prompt)
    for note in reading.notes:
        yield f"prompt: {note}"
    yield from not_known("prompt", _less_unknown(prompt, reading), by="the composer")


def _less_unknown(prompt: Prompt, reading: Reading) -> Prompt:
    """The prompt without those of its unknown words that the composer understands."""
    left = (word for word in prompt.unknown.words if not reading.understands(word))
    return replace(prompt, unknown=replace(prompt.unknown, words=tuple(left)))


def reading_of(prompt: Prompt) -> Reading:
    """How the composer understands a prompt's words."""
    return read_words(
        prompt.text,
        written=prompt.words,
        doubtful=prompt.unknown.words,
        meanings=token_meanings(bundled_models()[BUNDLED_DEFAULT]),
    )


def brief_of(prompt: Prompt, request: ComposeRequest, traits: ModelTraits) -> Brief:
    """What the prompt and the request ask of a score, without what isn't wanted."""
    reading = reading_of(prompt)
    brief = reading.brief
    unwanted = {name for thing in prompt.unwanted for name in meant_by(thing)}
    no_drums = any(means_drums(thing) for thing in prompt.unwanted)
    key = prompt.key if request.key is None else parse_key(request.key)
    mode = prompt.mode or (prompt.mood if prompt.names_mood else None)
    if key is not None and key.mode in SCALES:
        mode = key.mode
    bpm = request.bpm or prompt.bpm or reading.bpm
    if bpm is None:
        usual = reading.usual_bpm or (STYLES[brief.style].default_bpm if brief.style else None)
        bpm = usual
        if prompt.speed != 1:
            bpm = min(MAX_BPM, max(MIN_BPM, round((usual or traits.default_bpm) * prompt.speed)))
    beats = request.beats_per_bar
    if beats is None and prompt.metre is not None:
        beats = prompt.metre.beats
    return replace(
        brief,
        instruments=tuple(name for name in brief.instruments if name not in unwanted),
        without=tuple(sorted(unwanted)),
        drums=False if no_drums else brief.drums,
        only_drums=brief.only_drums and not no_drums,
        tonic=None if key is None else key.tonic,
        mode=mode,
        bpm=None if bpm is None else float(bpm),
        beats_per_bar=beats,
    )
