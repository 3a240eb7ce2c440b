"""Text, image and mask to image, on diffusers' networks and schedulers."""

from riffkit.audio.torchaudio_compat import prepare

prepare()  # diffusers and transformers can be imported from here on
