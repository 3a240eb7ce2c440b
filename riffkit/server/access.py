"""Who may ask: the token, and that the browser's page is this server's own.

Without a token a server is for this computer alone, and a page of another site must not reach it
through the browser: its Host (a name that is bound to 127.0.0.1) and its Origin are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from riffkit.server.settings import LOOPBACK, Settings

COOKIE = "riffkit_token"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OPEN_PATHS = ("/api/login", "/api/session")
_GUARDED = ("/api/", "/v1/", "/run_inference", "/openapi.json")
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

    def __init__(self, app: Any, settings: Settings, refuse: Callable[..., Any]) -> None:
        self._app, self._settings, self._refuse = app, settings, refuse

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
        answer = self._app if found is None else self._refuse(*found)
        await answer(scope, receive, with_headers)

    def _fault(self, scope: Any) -> tuple[int, str] | None:
        """The status and the sentence for a request that is refused."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        settings, method = self._settings, scope["method"]
        host = headers.get("host", "")
        if settings.token is None and not _is_own_host(host, settings):
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
    return cookie is not None and same_token(cookie.value, settings)


def same_token(given: str, settings: Settings) -> bool:
    """Whether it is the server's token; takes as long for each of a length."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), (settings.token or "").encode())


def _is_own_host(host: str, settings: Settings) -> bool:
    own = {f"[{name}]" if ":" in name else name for name in (*LOOPBACK, settings.host)}
    port = f":{settings.port}"
    return host.lower() in {f"{name}{port}" for name in own} | (
        own if settings.port == 80 else set()
    )
