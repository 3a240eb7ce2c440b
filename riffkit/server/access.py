"""Who may ask: the token, and that the browser's page is this server's own.

A page of another site must not reach through the browser a server that listens to this computer
alone, with a token or without: its Host (a name that is bound to 127.0.0.1) and its Origin are
refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from riffkit.server.settings import LOOPBACK, Settings

COOKIE = "riffkit_token"
KEY_FILE = ".session-key"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OPEN_PATHS = ("/api/login", "/api/session")
_GUARDED = ("/api/", "/v1/", "/run_inference", "/openapi.json")
_KEY_BYTES = 32
_FREE_GUESSES = 5
_FIRST_DELAY, _MOST_DELAY = 0.25, 8.0
_FORGOTTEN_SECONDS = 600.0
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
Headers = dict[str, str]


class Access:
    """ASGI: refuses what isn't allowed, and adds the security headers to every answer."""

    def __init__(
        self, app: Any, settings: Settings, refuse: Callable[..., Any], guesses: Guesses
    ) -> None:
        self._app, self._settings, self._refuse = app, settings, refuse
        self.guesses = guesses

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", ())}
                more = [header for header in _HEADERS if header[0] not in own]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        found = self._fault(scope)
        if found is not None and found[0] == 401 and _has_bearer(scope):
            await self.guesses.wait()
        answer = self._app if found is None else self._refuse(*found)
        await answer(scope, receive, with_headers)

    def _fault(self, scope: Any) -> tuple[int, str] | None:
        """The status and the sentence for a request that is refused."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        settings, method = self._settings, scope["method"]
        host = headers.get("host", "")
        if settings.is_local and not _is_own_host(host, settings):
            return 400, f"host {host[:100]!r} isn't this server's; open {settings.address}"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "a page of another site can't use this server"
        is_foreign = headers.get("sec-fetch-site") == "cross-site"
        if is_foreign and method not in _SAFE_METHODS:
            return 403, "a page of another site can't use this server"
        if self._is_guarded(scope["path"]) and not self.is_signed_in(headers):
            return 401, "this server needs its token; send it as `Authorization: Bearer TOKEN`"
        return None

    def _is_guarded(self, path: str) -> bool:
        return path.startswith(_GUARDED) and path not in _OPEN_PATHS

    def is_signed_in(self, headers: Any) -> bool:
        return is_signed_in(headers, self._settings)


def is_signed_in(headers: Any, settings: Settings) -> bool:
    """Whether a request has the token, where one is needed."""
    if settings.token is None:
        return True
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and same_token(given.strip(), settings):
        return True
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return False
    return cookie is not None and _are_same(cookie.value, session_of(settings))


def same_token(given: str, settings: Settings) -> bool:
    """Whether it is the server's token; takes as long for each of a length."""
    return _are_same(given, settings.token or "")


def _are_same(given: str, own: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), own.encode())


@cache
def session_of(settings: Settings) -> str:
    """What a signed-in browser's cookie holds: it follows from the token and the data folder's key,
    so it is the same after a restart, and tells nothing of the token.
    """
    key = _session_key(settings.data.expanduser() / KEY_FILE)
    return hmac.new(key, (settings.token or "").encode(), hashlib.sha256).hexdigest()


def _session_key(path: Path) -> bytes:
    """The key in a file that only its owner reads; a new one if there is none."""
    if not path.is_file() or path.stat().st_size != _KEY_BYTES:
        path.unlink(missing_ok=True)
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
    return path.read_bytes()


class Guesses:
    """Wrong tokens are answered the later, the more there were; the right one at once, always."""

    def __init__(self) -> None:
        self._n, self._last = 0, 0.0

    @property
    def delay(self) -> float:
        """Seconds until the next wrong one is answered."""
        more = self._n - _FREE_GUESSES
        return min(_FIRST_DELAY * 2.0 ** min(more, 30), _MOST_DELAY) if more >= 0 else 0.0

    async def wait(self) -> None:
        """Call it before a wrong token is answered."""
        now = time.monotonic()
        self._n = self._n + 1 if now - self._last < _FORGOTTEN_SECONDS else 1
        self._last = now
        await asyncio.sleep(self.delay)


def _has_bearer(scope: Any) -> bool:
    return any(name == b"authorization" for name, _ in scope["headers"])


def _is_own_host(host: str, settings: Settings) -> bool:
    own = {f"[{name}]" if ":" in name else name for name in (*LOOPBACK, settings.host)}
    port = f":{settings.port}"
    return host.lower() in {f"{name}{port}" for name in own} | (
        own if settings.port == 80 else set()
    )
