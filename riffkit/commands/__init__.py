"""The commands of `riff`: options in, one call into the library, one printed line."""
