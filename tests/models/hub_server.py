"""A hub of one machine: the part of its protocol with which models are read.

As the real one does it, large files lie on another host, to which the hub's answer leads.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".ckpt", ".pt")
_PATH = re.compile(
    r"/api/models/(?P<api>[^/]+/[^/]+)/revision/(?P<api_revision>.+)"
    r"|/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)"
    r"|/cdn/(?P<sha256>[0-9a-f]{64})"
)


@dataclass
class Hub:
    """Folders by "owner/name" and revision, how the server misbehaves, and what it was asked.

    `cut_after`: every answer with a large file's contents breaks off after so many bytes.
    `cut_to`: the large files' contents are that long, and the server says nothing of it.
    """

    folders: dict[str, dict[str, Path]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    refuses: int | None = None
    cut_after: int | None = None
    cut_to: int | None = None
    ignores_range: bool = False
    bytes_a_second: float | None = None
    endpoint: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range of each request."""

    def add(self, repo: str, folder: Path, revision: str = "main") -> None:
        self.folders.setdefault(repo, {})[revision] = folder

    def fetched(self) -> list[str]:
        """The names of the files whose contents were asked for, large ones by their place."""
        names = {sha256(p): f"{p.parent.name}/{p.name}" for p in self._large()}
        gets = [path for method, path, _ in self.asked if method == "GET"]
        large = [names[p.removeprefix("/cdn/")] for p in gets if p.startswith("/cdn/")]
        return large + [
            m["file"] for p in gets if (m := _PATH.fullmatch(p)) and m["file"] and not is_large(p)
        ]

    def _large(self) -> Iterator[Path]:
        for revisions in self.folders.values():
            for folder in revisions.values():
                yield from (p for p in folder.rglob("*") if is_large(p.name))

    def content(self, digest: str) -> Path:
        return next(path for path in self._large() if sha256(path) == digest)


def is_large(name: str) -> bool:
    return name.endswith(LARGE)


def commit_of(folder: Path) -> str:
    return hashlib.sha1(str(folder).encode()).hexdigest()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git_id(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range")))
        match = _PATH.fullmatch(path)
        if self.hub.refuses:
            return self._send(self.hub.refuses, {})
        if match is None:
            return self._send(404, {})
        if match["sha256"]:
            return self._contents(self.hub.content(match["sha256"]))
        repo = match["api"] or match["repo"]
        if repo not in self.hub.folders:
            return self._send(401, {"X-Error-Code": "RepoNotFound"})
        if match["file"] and repo in self.hub.gated:
            return self._send(403, {"X-Error-Code": "GatedRepo"})
        revisions = self.hub.folders[repo]
        folder = {**revisions, **{commit_of(f): f for f in revisions.values()}}.get(
            match["api_revision"] or match["revision"]
        )
        if folder is None:
            return self._send(404, {"X-Error-Code": "RevisionNotFound"})
        if match["api"]:
            return self._send(200, {}, json.dumps(_listing(repo, folder)).encode())
        return self._resolve(folder, folder / match["file"])

    def _resolve(self, folder: Path, file: Path) -> None:
        headers = {"X-Repo-Commit": commit_of(folder)}
        if not file.is_file():
            return self._send(404, {**headers, "X-Error-Code": "EntryNotFound"})
        if not is_large(file.name):
            return self._send(200, {**headers, "ETag": f'"{git_id(file)}"'}, file.read_bytes())
        headers |= {"X-Linked-Etag": f'"{sha256(file)}"'}
        headers |= {"X-Linked-Size": str(file.stat().st_size)}
        port = self.server.server_address[1]
        return self._send(
            302, {**headers, "Location": f"http://localhost:{port}/cdn/{sha256(file)}"}
        )

    def _contents(self, file: Path) -> None:
        content = file.read_bytes()[: self.hub.cut_to]
        begin = 0
        asked = None if self.hub.ignores_range else self.headers.get("Range")
        if asked:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        said = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
        self._send(206 if asked else 200, said if asked else {}, content[begin:])

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        is_content = self.path.startswith("/cdn/")
        if is_content and self.hub.cut_after is not None and len(body) > self.hub.cut_after:
            self.wfile.write(body[: self.hub.cut_after])
            self.wfile.flush()
            self.close_connection = True
            return
        rate = self.hub.bytes_a_second if is_content else None
        for begin in range(0, len(body), 1024):
            self.wfile.write(body[begin : begin + 1024])
            if rate is not None:
                time.sleep(1024 / rate)


def _listing(repo: str, folder: Path) -> dict[str, object]:
    siblings: list[dict[str, object]] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        entry: dict[str, object] = {
            "rfilename": path.relative_to(folder).as_posix(),
            "size": size,
            "blobId": git_id(path),
        }
        if is_large(path.name):
            entry["lfs"] = {"size": size, "sha256": sha256(path), "pointerSize": 134}
        siblings.append(entry)
    return {"id": repo, "modelId": repo, "sha": commit_of(folder), "siblings": siblings}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve it at `hub.endpoint` while the block runs."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that leave
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
