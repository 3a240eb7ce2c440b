"""Stable Diffusion models: finding, reading and loading them, and what is added to them."""

from riffkit.audio.torchaudio_compat import prepare

prepare()  # diffusers and transformers can be imported from here on
