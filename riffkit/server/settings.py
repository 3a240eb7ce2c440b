"""How a server runs: where it listens, what it loads, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.limits import check_device

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # hosts that can be listened at, but not opened
DEFAULT_DATA = Path("~/riffkit")
DEFAULT_PORT = 8000


@dataclass(frozen=True)
class Limits:
    """What a client may ask of the server; `least_free_bytes` of the disk are left to others, and
    to the database, which could not say otherwise that the disk is full.
    """

    upload_bytes: int = 256 << 20
    upload_seconds: float = 3600.0
    body_bytes: int = 1 << 20
    queue_length: int = 100
    least_free_bytes: int = 64 << 20


@dataclass(frozen=True)
class Settings:
    """`data` is the folder of clips, uploads and the database. `token` is None where none is asked.

    `model`, `loras`, `device`, `dtype`, `compile` and `offload` are those of `riffkit.load`.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str | None = field(default=None, repr=False)
    model: str = "mini"
    loras: tuple[str, ...] = ()
    device: str = "auto"
    dtype: str = "auto"
    compile: bool = False
    offload: bool = False
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        check_device(self.device)
        if not 0 <= self.port <= 65_535:
            raise ParameterError(f"port={self.port}: must be between 0 and 65535")
        if self.token is not None and (not self.token.isascii() or len(self.token) < 8):
            raise ParameterError("token: must have at least 8 letters, digits or signs of ASCII")
        if self.token is None and not self.is_local:
            raise ParameterError(
                f"host={self.host!r}: can be reached by other computers; set a `token` for them"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this computer reaches it."""
        return self.host in LOOPBACK

    @property
    def address(self) -> str:
        """Where the page is, on this computer."""
        host = _ANY.get(self.host, self.host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}"
