"""`python -m riffkit`: the same as `riff`."""

from riffkit.commands.entry import main

main()
