"""How often each degree of a key, in semitones above the tonic, sounds in pieces of either mode.

From Albrecht and Shanahan, "The use of large corpora to train a new type of key-finding algorithm",
Music Perception 31(1), 2013. Light: no torch.
"""

MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
