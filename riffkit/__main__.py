"""`python -m riffkit`, which is `riff`."""

from riffkit.commands.app import main

main()
