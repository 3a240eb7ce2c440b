"""`python -m riffkit`, which is `riff`."""

from riffkit.commands.entry import main

main()
