"""The API against its own description: schemathesis makes requests from it, valid and not.

Nothing is painted: each job is over as soon as it is in the queue.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
import requests
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from riffkit.server.schema import Submitted
from riffkit.server.store import ClipRow, JobRow
from riffkit.server.supervisor import Supervisor
from tests.server.conftest import ADDRESS, Library

_ENDLESS = "/api/events"
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_REAL = Supervisor.submit
pytestmark = pytest.mark.filterwarnings(  # schemathesis draws some values by `random`
    "ignore::hypothesis.errors.HypothesisDeprecationWarning"
)


def _submit(supervisor: Supervisor, asked: Submitted) -> JobRow:
    """The real one, with a worker that refuses everything."""
    row = _REAL(supervisor, asked)
    supervisor._store.end_job(row.id, "failed", error="nothing is painted here")
    return row


@pytest.fixture
def operations(library: Library, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every operation of the API, but the stream that doesn't end."""
    monkeypatch.setattr(Supervisor, "submit", _submit)
    schema = schemathesis.openapi.from_dict(library.client.get("/openapi.json").json())
    schema.config.update(base_url=ADDRESS)
    found = [result.ok() for result in schema.get_all_operations()]
    return [one for one in found if one.path != _ENDLESS]


def answer(client: TestClient, case: Any) -> Any:
    """What the application answers, by a client that leaves nothing open."""
    asked = requests.Request(**case.as_transport_kwargs()).prepare()
    assert asked.method is not None
    assert asked.url is not None
    return client.request(asked.method, asked.url, content=asked.body, headers=dict(asked.headers))


_MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def check(
    library: Library,
    operation: Any,
    ids: dict[str, str],
    n_cases: int,
    modes: Sequence[GenerationMode] = _MODES,
) -> int:
    """Call it, every second time for what there is; how many calls that were."""
    n_calls = 0
    for mode in modes:

        @settings(max_examples=n_cases, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            nonlocal n_calls
            n_calls += 1
            for name, known in ids.items() if case.method != "DELETE" else ():
                given = str((case.path_parameters or {}).get(name, ""))
                if sum(map(ord, given)) % 2:
                    case.path_parameters[name] = known
            case.validate_response(answer(library.client, case), checks=_CHECKS)

        with contextlib.suppress(Unsatisfiable):  # of what takes anything
            one()
    return n_calls


def test_some_requests(library: Library, operations: list[Any], trio: ClipRow) -> None:
    for operation in operations:
        check(library, operation, {"clip": trio.id, "suffix": "wav"}, 1, _MODES[:1])


@pytest.mark.slow
def test_two_thousand_requests(library: Library, operations: list[Any], trio: ClipRow) -> None:
    ids = {"clip": trio.id, "suffix": "mp3"}
    n_calls = [check(library, operation, ids, 60) for operation in operations]
    assert sum(n_calls) >= 2_000
