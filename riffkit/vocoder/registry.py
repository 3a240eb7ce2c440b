"""The vocoders by name: riffkit's own, and those of other packages.

A package adds one under the entry point group `riffkit.vocoders`: the name that users type, and a
callable without arguments that returns a `riffkit.vocoder.base.Vocoder`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from riffkit.errors import ParameterError

if TYPE_CHECKING:
    from riffkit.vocoder.base import Vocoder

GROUP = "riffkit.vocoders"
DEFAULT = "griffin-lim"


def _griffin_lim() -> Vocoder:
    from riffkit.vocoder.griffin_lim import GriffinLim  # brings numba and scipy

    return GriffinLim()


_BUILT_IN: dict[str, Callable[[], Vocoder]] = {DEFAULT: _griffin_lim}

_REMOVED = {"neural": "it was removed because griffin-lim is as good and faster"}


def names() -> list[str]:
    """All valid names for `vocoder`, riffkit's own first."""
    others = {entry.name for entry in entry_points(group=GROUP)} - set(_BUILT_IN)
    return [*_BUILT_IN, *sorted(others)]


def check_vocoder(name: str) -> None:
    """Raise ParameterError for an unknown name; loads nothing."""
    if name != DEFAULT and name not in names():
        hint = f" ({_REMOVED[name]})" if name in _REMOVED else ""
        raise ParameterError(f"vocoder={name!r}: must be one of {', '.join(names())}{hint}")


def vocoder(name: str) -> Vocoder:
    """A vocoder by name; ParameterError if it is unknown or can't be loaded."""
    from riffkit.vocoder.base import Vocoder

    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    for entry in entry_points(group=GROUP, name=name):
        try:
            made = entry.load()()
        except (ImportError, AttributeError) as error:
            raise ParameterError(
                f"vocoder={name!r}: {entry.value} cannot be loaded ({error}); reinstall its package"
            ) from error
        if not isinstance(made, Vocoder):
            raise ParameterError(f"vocoder={name!r}: {entry.value} doesn't make a Vocoder")
        return made
    hint = f" ({_REMOVED[name]})" if name in _REMOVED else ""
    raise ParameterError(f"vocoder={name!r}: must be one of {', '.join(names())}{hint}")
