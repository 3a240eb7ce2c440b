"""Sound sources of the training data: soundfonts, an own synthesiser, effects, guides.

A source plays the notes of one track of a score (riffkit.score) as one turn of a loop at 44,100 Hz:
what rings past the end is folded into the start. All chance comes from a generator that the caller
seeds with a clip number, so a clip sounds the same in every process.
"""
