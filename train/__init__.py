"""Everything that needs a gradient, and the data for it."""

from riffkit.imports import prepare

prepare()  # before a module of this package imports diffusers
