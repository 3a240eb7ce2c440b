"""Stable Diffusion models: finding, reading and loading them, and add-ons such as LoRAs."""

from riffkit.audio.torchaudio_compat import prepare

prepare()  # diffusers and transformers can be imported from here on
