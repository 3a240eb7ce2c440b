"""Waveform ⇄ mel magnitudes ⇄ pixels ⇄ PNG, with the parameters in the file's own tags."""
