"""A clip as files for other programs."""
