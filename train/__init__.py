"""Everything that needs a gradient, and the data for it.

A program that imports the training modules calls `riffkit.audio.torchaudio_compat.prepare` first,
as `riff train` does.
"""
