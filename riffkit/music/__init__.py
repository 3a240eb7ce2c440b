"""Bars and beats: which images are painted, and how they join."""
