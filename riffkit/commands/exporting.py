"""Files for other programs: `riff export KIND FILE`, a command for each exporter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riffkit.commands.options import Force, Json, Quiet, explicit
from riffkit.commands.parameters import annotated, of_request, with_parameters
from riffkit.commands.printing import say, show_notes
from riffkit.commands.stages import stages

if TYPE_CHECKING:
    from riffkit.export.exporter import Exporter

_HELP = "Write a clip for other programs: DAWs, samplers, video."
_Clip = Annotated[Path, typer.Argument(help="Audio file, or PNG of riffkit's.")]


def add_exporters(app: typer.Typer, is_asked: bool) -> None:
    """Add the group; its commands only where they will be parsed."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    group.callback()(lambda: None)
    app.add_typer(group, name="export")
    if not is_asked:
        return
    from riffkit.export.registry import exporter, kinds

    for kind in kinds():
        found = exporter(kind)
        group.command(kind, help=found.summary)(_command(found))


def _command(found: Exporter) -> Callable[..., None]:
    from riffkit.export.exporter import FOLDER

    is_folder = found.endings == (FOLDER,)
    what = "Folder" if is_folder else f"File ({' or '.join(filter(None, found.endings))})"
    named = f"NAME-{found.kind}" if FOLDER in found.endings else f"NAME{found.endings[0]}"
    output = typer.Option(
        "-o", "--output", help=f"{what} to write. Default: {named}, beside the clip."
    )
    common = {"force": (Force, False), "as_json": (Json, False), "quiet": (Quiet, False)}

    def run(
        ctx: Any,
        clip: Path,
        output: Path | None,
        force: bool,
        as_json: bool,
        quiet: bool,
        **values: Any,
    ) -> None:
        path = output or _beside(clip, found)
        _check(path, clip, found, force=force)
        options = found.options(explicit(ctx, values))
        with stages(quiet=quiet) as begin:
            told = {"begin": begin} if found.tells_stages else {}
            exported = found.export(clip, path, **told, **options)
        show_notes(exported.notes, quiet=quiet)
        facts = {found.kind: str(exported.path), **exported.facts}
        say(facts, f"{exported.path}: {exported.summary}", as_json=as_json)

    parameters = [
        *annotated({"clip": (_Clip, None), "output": (Annotated[Path | None, output], None)}),
        *of_request(found.request),
        *annotated(common),
    ]
    parameters[0] = parameters[0].replace(default=parameters[0].empty)
    return with_parameters(run, parameters)


def _beside(clip: Path, found: Exporter) -> Path:
    """A name beside the clip, which isn't the clip's own."""
    from riffkit.export.exporter import FOLDER

    if FOLDER in found.endings:
        return clip.with_name(f"{clip.stem}-{found.kind}")
    path = clip.with_suffix(found.endings[0])
    return path if path != clip else clip.with_name(f"{clip.stem}-export{path.suffix}")


def _check(path: Path, clip: Path, found: Exporter, *, force: bool) -> None:
    """Raise OutputError before anything is read, if it can't be written there."""
    from riffkit.music.outputs import check_stems, check_target

    found.check_name(path)
    if path.suffix.lower() in found.endings and path.suffix:
        check_target(path, inputs=[clip], force=force, is_own=found.is_own)
    else:
        check_stems(path, inputs=[clip], force=force, is_own=found.is_own)
