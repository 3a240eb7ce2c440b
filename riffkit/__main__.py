"""`python -m riffkit`: the same as `riff`."""

from riffkit.commands.app import main

main()
