"""Mel magnitudes to sound: one contract, a registry, Griffin-Lim."""
