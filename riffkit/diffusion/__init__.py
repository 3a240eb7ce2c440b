"""Text, image and mask to image, on diffusers' networks and schedulers."""
