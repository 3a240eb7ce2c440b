from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.vocoder import registry
from riffkit.vocoder.base import InpaintingVocoder, Vocoder


class Buzz:
    name = "buzz"

    def __call__(self, mel, params, *, n_samples, seed=0, circular=False, quality="default"):
        return torch.zeros(len(mel), 1, n_samples)


def test_griffin_lim_is_built_in() -> None:
    voice = registry.vocoder("griffin-lim")
    assert voice.name == "griffin-lim"
    assert isinstance(voice, InpaintingVocoder)


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"vocoder='nope'.*griffin-lim"):
        registry.vocoder("nope")


def test_a_removed_one_says_what_to_take() -> None:
    with pytest.raises(ParameterError, match=r"vocoder='neural'.*griffin-lim.*removed"):
        registry.vocoder("neural")


def test_another_package_adds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        EntryPoint("buzz", f"{__name__}:Buzz", registry.GROUP),
        EntryPoint("broken", "no_such_package:Voice", registry.GROUP),
        EntryPoint("wrong", "builtins:dict", registry.GROUP),
    ]

    class Loaded(EntryPoint):
        def load(self) -> type:
            return Buzz

    entries[0] = Loaded("buzz", "buzz:Buzz", registry.GROUP)

    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [e for e in entries if e.group == group and name in (None, e.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert registry.names() == ["griffin-lim", "broken", "buzz", "wrong"]
    assert isinstance(registry.vocoder("buzz"), Vocoder)
    with pytest.raises(ParameterError, match=r"no_such_package.*reinstall"):
        registry.vocoder("broken")
    with pytest.raises(ParameterError, match="doesn't make a Vocoder"):
        registry.vocoder("wrong")
