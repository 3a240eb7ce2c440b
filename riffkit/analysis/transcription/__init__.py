"""Which notes and drum strokes a sound has, told by a small network of our own.

Its weights are in riffkit/weights/transcriber, its training is in train/listeners/transcriber.
"""
