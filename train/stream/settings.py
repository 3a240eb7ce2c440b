"""Defaults of the stream, apart so that the command line knows them without importing torch."""

DEFAULT_MEGABYTES = 4_000
DEFAULT_AHEAD = 1_500
