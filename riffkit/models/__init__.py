"""Stable Diffusion models: finding, reading and loading them, and add-ons such as LoRAs."""
