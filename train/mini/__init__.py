"""What makes the bundled model riff-mini from nothing: loops, autoencoder, text, denoiser."""
