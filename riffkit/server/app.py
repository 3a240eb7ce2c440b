"""The application: its routes, and the page.

from riffkit.server.app import create_app
app = create_app(Settings(data=Path("~/riffkit")))
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

import riffkit
from riffkit.server import routes
from riffkit.server.access import Access, Guesses
from riffkit.server.answers import add_handlers, refused
from riffkit.server.events import Events
from riffkit.server.folder import Folder
from riffkit.server.schema import openapi_of
from riffkit.server.settings import Settings
from riffkit.server.store import Store
from riffkit.server.supervisor import Supervisor

PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings, *, folder: Folder | None = None) -> FastAPI:
    """The server's application, with `app.state.{settings, store, folder, supervisor, events}`.

    Args:
        settings: how it runs.
        folder: the data folder, if it is open already.

    Returns:
        The application; the folder is open, and the worker starts with the first request loop.

    Raises:
        OutputError: the data folder can't be written, or another server uses it.

    Example:
        uvicorn.run(create_app(Settings(data=Path("music"))), port=8000)
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Folder(settings.data)
            folder.open()
        stack.callback(folder.close)
        store = Store(folder.database)
        stack.callback(store.close)
        folder.recover(store)
        closing = stack.pop_all()
    events = Events(store)
    supervisor = Supervisor(settings, store, folder)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with closing:
            events.begin()
            for part in app.state.parts:
                part.start()
            try:
                yield
            finally:
                events.close()
                for part in app.state.parts:
                    part.stop()

    app = FastAPI(
        title="riffkit studio",
        version=riffkit.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.folder, app.state.store = settings, folder, store
    app.state.events, app.state.supervisor = events, supervisor
    app.state.parts, app.state.guesses = [supervisor], Guesses()
    add_handlers(app)
    for name in sorted(info.name for info in pkgutil.iter_modules(routes.__path__)):
        module = importlib.import_module(f"{routes.__name__}.{name}")
        if hasattr(module, "begin"):
            module.begin(app)
        app.include_router(module.router)
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True))
    app.add_middleware(Access, settings=settings, refuse=refused, guesses=app.state.guesses)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app
