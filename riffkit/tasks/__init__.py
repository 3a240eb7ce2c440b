"""The painting commands, a module each; riffkit/music/registry.py finds them.

A module holds a request, a `Task`, and what it plans and paints. torch is imported inside of the
latter two, so that `riff --help` and a user's mistake are answered at once.
"""
