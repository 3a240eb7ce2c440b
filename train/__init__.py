"""Everything that needs a gradient, and the data for it."""

from riffkit.audio.torchaudio_compat import prepare

prepare()  # diffusers and transformers can be imported from here on
