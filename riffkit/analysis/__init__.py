"""Clips measured: tempo, key, loudness."""

from riffkit.analysis.facts import ClipFacts, measure

__all__ = ["ClipFacts", "measure"]
