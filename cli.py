"""`python cli.py`: the command `riff` of a checkout, installed or not."""

from __future__ import annotations

from riffkit.commands.app import application
from riffkit.commands.entry import main

__all__ = ["application", "main"]

if __name__ == "__main__":
    main()
