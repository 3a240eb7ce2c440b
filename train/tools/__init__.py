"""Converters that ran once; what they wrote ships in riffkit."""
