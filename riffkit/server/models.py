"""The models that jobs may name."""

from __future__ import annotations

from riffkit.errors import ParameterError, unknown
from riffkit.models.hub.cache import cached
from riffkit.models.hub.hub_id import parse_hub_id
from riffkit.models.locate import local_model, model_name, model_traits
from riffkit.prompt.traits import ModelTraits
from riffkit.server.settings import Settings


def default_name(settings: Settings) -> str:
    """The name of the model that the server was started with."""
    return model_name(settings.model)


def known_models(settings: Settings) -> dict[str, tuple[str, str]]:
    """Where each model is, and a line about it, by its name: the server's own, bundled, cached."""
    from riffkit.models.catalogue import list_models

    found = {
        row["name"]: (row["name"], row["about"]) for row in list_models() if row["kind"] == "model"
    }
    own = default_name(settings)
    about = found[own][1] if own in found else "model, the server's own"
    return {own: (settings.model, about), **{k: v for k, v in found.items() if k != own}}


def check_model(name: str | None, settings: Settings) -> str:
    """The name of the model for a job, by default the server's; ParameterError for another."""
    own = default_name(settings)
    if name is None or name == own:
        return own
    known = known_models(settings)
    if name not in known:
        raise ParameterError(f"model: {unknown(name, known)}")
    return name


def traits_of(name: str | None, settings: Settings) -> ModelTraits:
    """The traits of a job's model; the usual ones, if it isn't on this computer yet."""
    given = location(name or default_name(settings), settings)
    path = local_model(given) or cached(parse_hub_id(given))
    return ModelTraits() if path is None else model_traits(path)


def location(name: str, settings: Settings) -> str:
    """Where the model of that name is, as `riffkit.load` takes it."""
    return settings.model if name == default_name(settings) else name
