"""Loops that the score writer writes, rendered to a dataset folder, and the bundled seeds."""
