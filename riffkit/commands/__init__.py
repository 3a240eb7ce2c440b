"""The commands of `riff`: options in, one library call, one printed line."""
