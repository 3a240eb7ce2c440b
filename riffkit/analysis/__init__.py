"""Measurements of clips: tempo, key, loudness."""
