"""Traits of a model: what its captions were like, and its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelTraits:
    """What a model folder's `riffkit.json` says; the defaults suit riffusion-v1.

    `bar_cue`: the last latent channel holds the bar cue, and the model knows only loops.
    `names_tempo`: its captions named the tempo, so prompts should. `style_bpm`, `style_modes`:
    tempo and modes of the styles that it knows. `native_tonics`: the keys that it paints in, all
    twelve if empty; then `minor_words` and `major_words` name moods of either mode, and
    `unpitched_words` say that nothing has a key. `english`: its captions were English, so prompts
    in other languages are put into it. `vocabulary`: the words of its captions beside its styles',
    by what they name ("instruments", "moods", "other"); empty where nobody listed them. `guided`:
    its UNet has as many input channels again, for a guide image (riffkit/score/guide.py).
    """

    bar_cue: bool = False
    names_tempo: bool = False
    default_steps: int = 30
    default_guidance: float = 7.0
    default_bpm: float = 93.75
    style_bpm: dict[str, float] = field(default_factory=dict)
    style_modes: dict[str, list[str]] = field(default_factory=dict)
    native_tonics: list[str] = field(default_factory=list)
    minor_words: list[str] = field(default_factory=list)
    major_words: list[str] = field(default_factory=list)
    unpitched_words: list[str] = field(default_factory=list)
    english: bool = False
    vocabulary: dict[str, list[str]] = field(default_factory=dict)
    guided: bool = False
