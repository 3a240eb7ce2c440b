"""The socket, and uvicorn around the application."""

from __future__ import annotations

import errno
import socket
import threading

import uvicorn
from fastapi import FastAPI

from riffkit.errors import OutputError, ParameterError

_SHUTDOWN_SECONDS = 5
_BACKLOG = 2_048


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address; OutputError if it is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, _alone(), 1)
    try:
        made.bind((host, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise OutputError(
                f"port={port}: another program listens there; choose another, or 0 for any"
            ) from error
        if error.errno == errno.EACCES:
            raise OutputError(f"port={port}: not allowed; choose one above 1023") from error
        raise ParameterError(
            f"host={host!r}: can't listen there ({error.strerror}); use 127.0.0.1, or one of this "
            "computer's addresses"
        ) from error
    return made


def _alone() -> int:
    """The option of a socket that no other program may share: on Windows SO_REUSEADDR would let it,
    elsewhere a port is free again at once.
    """
    exclusive: int | None = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
    return socket.SO_REUSEADDR if exclusive is None else exclusive


class Server(uvicorn.Server):
    """uvicorn for one application, whose streams end when it stops."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            proxy_headers=False,
        )
        super().__init__(config)
        self._app = app
        self.is_answering = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_answering.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams first, for which uvicorn would wait."""
        self._app.state.events.close()
        await super().shutdown(sockets)
