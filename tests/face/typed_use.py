"""How a program uses riffkit: mypy checks it with the types that the package ships."""

from __future__ import annotations

import riffkit


def play(riff: riffkit.Riff) -> list[riffkit.Clip]:
    """Right names and types pass, wrong ones are errors (or the comment that expects one is)."""
    clip = riff.generate("piano", bars=4, bpm=90, key="A minor", seed=7)
    clip.image.save("piano.png")
    riff.loop(["piano", "strings"], theme="piano.wav")
    riff.generate("piano", bmp=90)  # type: ignore[call-arg]
    riff.generate("piano", bars="4")  # type: ignore[arg-type]
    riff.vary("piano.wav").save("piano.wav")  # type: ignore[attr-defined]
    riffkit.load(devise="cpu")  # type: ignore[call-arg]
    return riff.vary("piano.wav", count=4)
