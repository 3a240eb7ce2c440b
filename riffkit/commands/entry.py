"""Where `riff` begins: what asks for its help alone needn't wait for the command line's imports.

`help.txt` is that help; tests/face/write_methods.py writes it, and a test holds it equal.
"""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

_WIDTH = 80


def main() -> NoReturn:
    """The command line; `riff`, `riff --help` and `riff --version` at once."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may not know every character
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:]
    if words == ["--version"]:
        from riffkit import __version__

        print(f"riff {__version__}")
        sys.exit(0)
    if words in ([], ["--help"]) and _is_wide():
        with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as file:
            print(file.read(), end="", file=sys.stdout if words else sys.stderr)
        sys.exit(0 if words else 2)
    from riffkit.commands.app import main as run

    run()


def _is_wide() -> bool:
    """Whether the terminal, if there is one, shows the text as it was written."""
    try:
        return os.get_terminal_size().columns >= _WIDTH
    except OSError:
        return True
