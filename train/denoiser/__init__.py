"""The denoiser of riff-mini 2: pairs of music and guide, its network, its training, its export."""
