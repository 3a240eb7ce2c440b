"""Parses text to a `Prompt`: the model's wording, unwanted things, tempo, key, style."""
