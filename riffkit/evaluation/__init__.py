"""Evaluation: clips → scores."""
