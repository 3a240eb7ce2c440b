"""The exporters by kind: each module of riffkit/export/, and those of other packages."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from riffkit.errors import ParameterError, unknown
from riffkit.export.exporter import Exporter

GROUP = "riffkit.exporters"
_HOME = "riffkit.export"


def kinds() -> list[str]:
    """What can be exported to, riffkit's own first."""
    others = {entry.name for entry in entry_points(group=GROUP)} - set(_own())
    return [*_own(), *sorted(others)]


def exporter(kind: str) -> Exporter:
    """The exporter of that kind.

    Args:
        kind: one of `kinds()`, such as "midi".

    Returns:
        The exporter; its `export(clip, path, **options)` writes.

    Raises:
        ParameterError: there is none of that kind, or its package can't be loaded.

    Example:
        exporter("midi").export("song.wav", "song.mid")
    """
    if kind in _own():
        return _own()[kind]
    for entry in entry_points(group=GROUP, name=kind):
        try:
            found = entry.load()
        except (ImportError, AttributeError) as error:
            raise ParameterError(
                f"export {kind}: {entry.value} cannot be loaded ({error}); reinstall its package"
            ) from error
        if not isinstance(found, Exporter):
            raise ParameterError(f"export {kind}: {entry.value} isn't an Exporter")
        return found
    raise ParameterError(f"export: {unknown(kind, kinds())}")


@cache
def _own() -> dict[str, Exporter]:
    home = importlib.import_module(_HOME)
    found = {}
    for info in pkgutil.iter_modules(home.__path__):
        module = importlib.import_module(f"{_HOME}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, Exporter):
                found[value.kind] = value
    return dict(sorted(found.items()))
