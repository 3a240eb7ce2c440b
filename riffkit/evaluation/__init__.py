"""Many clips → scores."""
