"""Errors from the hub as one line with the next step."""

from __future__ import annotations

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from riffkit.atomic import output_error
from riffkit.errors import ModelError, RiffkitError
from riffkit.models.hub.cache import cached
from riffkit.models.hub.hub_id import HubId


def refusal(hub_id: HubId, error: Exception) -> RiffkitError:
    """A ModelError for what the client raised; OutputError if the disk is full or read-only."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
        return output_error(constants.HF_HUB_CACHE, error)
    return ModelError(f"model={str(hub_id)!r}: {_reason(hub_id, error)}")


def offline(hub_id: HubId) -> ModelError:
    """The error for a hub that must not be contacted."""
    return ModelError(
        f"model={str(hub_id)!r}: {_not_here(hub_id)}HF_HUB_OFFLINE is set; unset it to download"
    )


def _not_here(hub_id: HubId) -> str:
    return "not in the local cache, and " if cached(hub_id) is None else ""


def _reason(hub_id: HubId, error: Exception) -> str:
    if isinstance(error, GatedRepoError):
        return (
            f"you must accept its terms first; go to {constants.ENDPOINT}/"
            f"{hub_id.repo}, then run `hf auth login`"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            "no such folder, file, bundled model or public hub repository; check the name, "
            "or run `hf auth login` if it is private"
        )
    if isinstance(error, RevisionNotFoundError):
        return (
            f"{hub_id.repo} has no revision {hub_id.revision!r}; use an existing branch, tag or "
            "commit"
        )
    if isinstance(error, DisabledRepoError):
        return "the hub has disabled this repository; choose another"
    if isinstance(error, HfHubHTTPError):
        return _answered(error.response.status_code)
    lines = str(error).strip().splitlines()
    return (
        f"{_not_here(hub_id)}no connection to {constants.ENDPOINT} "
        f"({lines[0] if lines else type(error).__name__}); check it and run the command again "
        "to resume"
    )


def _answered(status: int) -> str:
    if status in (401, 403):
        return (
            f"the hub rejected your token ({status}); run `hf auth login` with one that has read "
            "access"
        )
    if status == 429:
        return "too many requests to the hub (429); wait a few minutes, or run `hf auth login`"
    return f"the hub returned an error ({status}); try again later"
