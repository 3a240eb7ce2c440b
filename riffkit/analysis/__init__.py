"""Clips measured: tempo, key, loudness."""
