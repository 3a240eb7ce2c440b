"""`riff serve` and `riff studio`: the server, and its page in the browser."""

from __future__ import annotations

import threading
from dataclasses import fields
from importlib.util import find_spec
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riffkit.commands.loading import Loading
from riffkit.commands.painting import of_loading
from riffkit.commands.parameters import annotated, with_parameters
from riffkit.commands.printing import print_line
from riffkit.errors import ParameterError

if TYPE_CHECKING:
    from riffkit.server.settings import Settings

_NEEDED = ("fastapi", "uvicorn", "python_multipart", "filelock")
_Host = Annotated[
    str, typer.Option(help="Address to listen at; one that others reach needs --token.")
]
_Port = Annotated[int, typer.Option(help="Port to listen at; 0 picks a free one.")]
_Data = Annotated[Path, typer.Option(help="Folder for clips, uploads and the library.")]
_Token = Annotated[
    str | None,
    typer.Option(envvar="RIFFKIT_TOKEN", help="Secret that clients send; the page asks for it."),
]
_Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")]
_OWN: dict[str, tuple[Any, Any]] = {
    "host": (_Host, "127.0.0.1"),
    "port": (_Port, 8000),
    "data": (_Data, Path("~/riffkit")),
    "token": (_Token, None),
}


def add_serving(app: typer.Typer, is_asked: bool) -> None:
    """Add both commands; their options only if they are asked for."""
    opened = {**_OWN, "browser": (_Browser, True)}
    for run, own in ((serve, _OWN), (studio, opened)):
        made = with_parameters(run, _parameters(own)) if is_asked else lambda: None
        app.command(run.__name__, help=run.__doc__)(made)


def serve(ctx: Any, **values: Any) -> None:
    """Serve the studio's API and page to this computer."""
    _serve(**values, browser=False)


def studio(ctx: Any, **values: Any) -> None:
    """Make, see, paint and loop music in your browser."""
    _serve(**values)


def _parameters(own: dict[str, tuple[Any, Any]]) -> list[Parameter]:
    return [*annotated(own), *of_loading()]


def _serve(
    *, host: str, port: int, data: Path, token: str | None, browser: bool, **values: Any
) -> None:
    if any(find_spec(module) is None for module in _NEEDED):
        raise ParameterError("the studio needs more packages: pip install 'riffkit[studio]'")
    from riffkit.server.settings import Settings

    loading = Loading(**{one.name: values[one.name] for one in fields(Loading)})
    settings = Settings(
        data=data,
        host=host,
        port=port,
        token=token,
        model=loading.model,
        loras=tuple(loading.lora or ()),
        device=loading.device,
        dtype=loading.dtype,
        compile=loading.compile,
        offload=loading.offload,
    )
    loading.check()
    run_server(settings, browser=browser)


def run_server(settings: Settings, *, browser: bool = False) -> None:
    """Serve until Ctrl-C; OutputError for a taken port or a folder that can't be used."""
    from dataclasses import replace

    from riffkit.commands.models import fetch_missing
    from riffkit.server.app import create_app
    from riffkit.server.listening import Server, listen

    with listen(settings.host, settings.port) as socket:
        settings = replace(settings, port=socket.getsockname()[1])
        app = create_app(settings)
        fetch_missing(settings.model, quiet=False)
        print_line(f"{settings.address} (clips in {app.state.folder.clips}; Ctrl-C stops)")
        server = Server(app)
        if browser:
            opening = (server, settings.address)
            threading.Thread(target=_open_page, args=opening, daemon=True).start()
        server.run(sockets=[socket])


def _open_page(server: Any, address: str) -> None:
    """Open the page once the server answers."""
    import webbrowser

    if server.is_answering.wait(60) and not webbrowser.open(address):
        print_line(f"no browser was found; open {address}", error=True)
