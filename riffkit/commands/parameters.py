"""Arguments and options made from the fields of a request, for any command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, Signature
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from riffkit.music.fields import About, about_of
from riffkit.music.values import inner, is_span, words_of


def with_parameters(
    run: Callable[..., None], parameters: Sequence[Parameter]
) -> Callable[..., None]:
    """A command body with these arguments and options, passed to it by keyword."""
    context = Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context)
    run.__signature__ = Signature([context, *parameters])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (context, *parameters)}
    return run


def of_request(request: type[Any]) -> list[Parameter]:
    """All fields of a request, in their order."""
    about, hints = about_of(request), get_type_hints(request)
    return [of_field(field, about[field.name], hints[field.name]) for field in fields(request)]


def of_field(field: Any, about: About, hint: Any, is_optional: bool = False) -> Parameter:
    """A field as an argument or option."""
    kind, default = _command_line_type(hint), field.default
    if field.name == "seed":
        kind, default = int | None, None
    is_required = not isinstance(default, str | int | float | None)
    if about.positional:
        argument = typer.Argument(metavar=about.metavar, help=about.help)
        if is_optional:
            return parameter(field.name, kind | None, argument, None)
        return parameter(field.name, kind, argument, Parameter.empty if is_required else default)
    names = (f"--{field.name.replace('_', '-')}",) if kind is bool else ()
    option = typer.Option(*names, metavar=about.metavar, help=about.help)
    if is_required:
        return parameter(field.name, kind | None, option, None)
    return parameter(field.name, kind, option, default)


def _command_line_type(hint: Any) -> Any:
    """The type typer parses for a field: spans as A:B, several values as several words."""
    if is_span(hint) or words_of(hint):
        return str | None
    if get_origin(inner(hint)) is tuple:
        return list[str]
    if get_origin(inner(hint)) is Literal:
        words = tuple(map(str, get_args(inner(hint))))
        return Literal[words] if hint is inner(hint) else Literal[words] | None
    return hint


def parameter(name: str, kind: Any, info: Any, default: Any) -> Parameter:
    """One argument or option: `info` is typer's."""
    annotation = Annotated[kind, info]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def is_argument(one: Parameter) -> bool:
    """Whether it is an argument, and not an option."""
    return isinstance(get_args(one.annotation)[1], type(typer.Argument()))


def annotated(named: Mapping[str, Any]) -> list[Parameter]:
    """Arguments and options by name: what typer reads of each, and its default."""
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in named.items()
    ]
