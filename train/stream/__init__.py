"""The training data as a stream: clips are drawn by number while a trainer reads them.

`recipe` says what clip n is, `ring` keeps clips on disk up to a size, `workers` fill it, and
`reader` draws training crops from what is there.
"""

# Defaults, here so that the command line knows them without importing torch.
DEFAULT_MEGABYTES = 4_000
DEFAULT_AHEAD = 1_500
DEFAULT_VIEWS = 8
