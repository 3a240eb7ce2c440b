"""The judges of riff eval: the listener, its prompts, and what real renders measure."""
