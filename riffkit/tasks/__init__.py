"""The painting tasks, one per module; riffkit/music/registry.py finds them.

A module has a request, a `Task`, and functions that plan and paint. torch is imported inside those
functions, so that `riff --help` and errors in the request are answered at once.
"""
