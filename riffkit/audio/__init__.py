"""Audio files, sample rates, levels and joins."""
