"""The separator (riffkit/analysis/separation/): its training on mixtures of rendered tracks."""
