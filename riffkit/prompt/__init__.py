"""Words become one `Prompt`: what a model reads, what isn't wanted, tempo, key, style."""
