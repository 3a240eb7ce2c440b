"""The Python API's one object: a loaded model, and what it can do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riffkit.diffusion.checkpoint import Checkpoint, LoraSpec, load_checkpoint
from riffkit.diffusion.compute import Compute
from riffkit.diffusion.denoise import OnStep
from riffkit.music.clip import Clip
from riffkit.music.edit import EditRequest, edit
from riffkit.music.extend import ExtendRequest, extend
from riffkit.music.generate import GenerateRequest, generate
from riffkit.music.many import Made, list_clips, make_clips
from riffkit.music.mask import read_mask
from riffkit.music.melody import read_melody
from riffkit.music.morph import MorphRequest, morph
from riffkit.music.prompt_list import entries_of
from riffkit.music.recorded import recorded_prompt
from riffkit.music.request import PaintRequest
from riffkit.music.restyle import RestyleRequest, restyle
from riffkit.music.source import Source, open_source
from riffkit.music.story import LoopRequest, loop, read_script, story
from riffkit.music.theme import open_theme
from riffkit.music.vary import VaryRequest, vary

SEED_BITS = 32


def random_seed() -> int:
    """A seed to use where none was asked for; the recipe keeps it."""
    return secrets.randbits(SEED_BITS)


@dataclass(frozen=True)
class Riff:
    """A loaded model; `riffkit.load` makes one.

    Each method is the command of its name. `options` are the other fields of its request, such as
    `bpm`, `key`, `steps`, `guidance`, `quality`. Without a seed each call gives other music;
    `clip.recipe` says which seed was drawn.
    """

    checkpoint: Checkpoint

    @classmethod
    def load(
        cls,
        model: str,
        *,
        device: str = "auto",
        loras: Sequence[LoraSpec] = (),
        **options: Any,
    ) -> Riff:
        """`options` are the fields of `Compute`."""
        return cls(load_checkpoint(model, device=device, loras=loras, compute=Compute(**options)))

    def generate(
        self,
        prompt: str,
        *,
        melody: str | Path | None = None,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """Music for a prompt, and for the tune of an audio or MIDI file."""
        request = GenerateRequest(prompt, seed=_chosen(seed), **options)
        tune = None
        if melody is not None:
            tune = read_melody(Path(melody), bpm=request.bpm, beats_per_bar=request.beats_per_bar)
        return generate(self.checkpoint, request, melody=tune, on_step=on_step)

    def generate_many(
        self,
        prompts: Sequence[str | Mapping[str, Any]],
        folder: str | Path,
        *,
        seed: int | None = None,
        engine: str = "local",
        workers: int | None = None,
        **options: Any,
    ) -> Iterator[Made]:
        """A clip of each prompt as FOLDER/NNN-<its words>.wav, each with its PNG, as they are done.

        A mapping has `prompt` and other fields of its own; `options` are meant for all. A clip
        that lies there with the same recipe is kept; without a seed, whatever its seed. Workers
        that aren't this process load the model again: by `engine="local"` one a core, by "ray"
        those of a cluster. A `Made` whose `error` isn't empty couldn't be made.
        """
        clips = list_clips(
            entries_of(prompts),
            Path(folder),
            seed=_chosen(seed),
            any_seed=seed is None,
            defaults=options,
        )
        return make_clips(
            clips,
            self.checkpoint.loading,
            checkpoint=self.checkpoint,
            engine=engine,
            workers=workers,
        )

    def loop(
        self,
        prompts: Sequence[str],
        *,
        theme: str | Path | None = None,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """A loop through prompts and back, near to `theme`: an audio file, PNG or bundled seed."""
        request = LoopRequest(tuple(prompts), seed=_chosen(seed), **options)
        source = None if theme is None else open_theme(self.checkpoint, theme, request)
        return loop(self.checkpoint, request, theme=source, on_step=on_step)

    def morph(
        self,
        first: str | Path,
        last: str | Path,
        *,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """From one end to the other: a string is a prompt, a `Path` an audio file or PNG."""
        names = [end.name if isinstance(end, Path) else end for end in (first, last)]
        request = MorphRequest(names[0], names[1], seed=_chosen(seed), **options)
        ends = [
            self._open(end, request) if isinstance(end, Path) else None for end in (first, last)
        ]
        return morph(self.checkpoint, request, first=ends[0], last=ends[1], on_step=on_step)

    def story(
        self, script: str | Path, *, seed: int | None = None, on_step: OnStep | None = None
    ) -> Clip:
        """Minutes of music from a TOML script of keyframes."""
        told = read_script(Path(script))
        request = told.request if seed is None else replace(told.request, seed=seed)
        theme = None if told.theme is None else open_theme(self.checkpoint, told.theme, request)
        return story(self.checkpoint, request, theme=theme, on_step=on_step)

    def vary(
        self,
        clip: str | Path,
        *,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> list[Clip]:
        """Siblings of an audio file or PNG."""
        options.setdefault("prompt", recorded_prompt(Path(clip)))
        request = VaryRequest(seed=_chosen(seed), **options)
        return vary(self.checkpoint, request, self._open(clip, request), on_step=on_step)

    def restyle(
        self,
        clip: str | Path,
        prompt: str,
        *,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """An audio file or PNG as the prompt says."""
        request = RestyleRequest(prompt, seed=_chosen(seed), **options)
        return restyle(self.checkpoint, request, self._open(clip, request), on_step=on_step)

    def edit(
        self,
        clip: str | Path,
        prompt: str = "",
        *,
        mask: str | Path | None = None,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """A part of an audio file or PNG made anew: `time`, `freq`, or where `mask` is white."""
        request = EditRequest(prompt=prompt, seed=_chosen(seed), **options)
        source = self._open(clip, request)
        painted = None if mask is None else read_mask(Path(mask), source)
        return edit(self.checkpoint, request, source, painted=painted, on_step=on_step)

    def extend(
        self,
        clip: str | Path,
        prompt: str = "",
        *,
        seed: int | None = None,
        on_step: OnStep | None = None,
        **options: Any,
    ) -> Clip:
        """An audio file or PNG that goes on."""
        request = ExtendRequest(prompt=prompt, seed=_chosen(seed), **options)
        return extend(self.checkpoint, request, self._open(clip, request), on_step=on_step)

    def _open(self, clip: str | Path, request: PaintRequest) -> Source:
        return open_source(self.checkpoint, Path(clip), request)


def _chosen(seed: int | None) -> int:
    return random_seed() if seed is None else seed
