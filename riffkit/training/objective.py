"""The training objective of a denoiser: noise levels, prediction target and loss weighting.

Prediction types and schedules are the checkpoint's own: noise ("epsilon", Ho et al. 2020,
arXiv:2006.11239), velocity ("v_prediction", Salimans & Ho 2022, arXiv:2202.00512) or the clean
latents ("sample").
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDPMScheduler
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.errors import ParameterError

MIN_SNR_GAMMA = 5.0


def stratified_timesteps(
    n: int, generator: torch.Generator, *, n_timesteps: int = 1000
) -> Int[Tensor, " {n}"]:
    """One noise level in each n-th of the schedule: the loss varies far more with the level than
    with anything else."""
    drawn = (torch.arange(n) + torch.rand(n, generator=generator)) / n
    return (drawn * n_timesteps).long().clamp(max=n_timesteps - 1)  # the last may round up


class Objective:
    """The noise schedule of a scheduler's configuration; γ = 0 weights all errors equally."""

    def __init__(self, config: Any, *, min_snr_gamma: float = MIN_SNR_GAMMA) -> None:
        self._scheduler = DDPMScheduler.from_config(config)
        self.prediction = str(self._scheduler.config["prediction_type"])
        self.n_timesteps = int(self._scheduler.config["num_train_timesteps"])
        self.weights = min_snr_weights(
            self._scheduler.alphas_cumprod, self.prediction, gamma=min_snr_gamma
        )

    def noised(
        self,
        clean: Float[Tensor, "batch channel row column"],
        noise: Float[Tensor, "batch channel row column"],
        timesteps: Int[Tensor, " batch"],
    ) -> tuple[Float[Tensor, "batch channel row column"], Float[Tensor, "b c r t"]]:
        """The network's input, and its target."""
        noisy = self._scheduler.add_noise(clean, noise, timesteps)
        if self.prediction == "epsilon":
            return noisy, noise
        if self.prediction == "sample":
            return noisy, clean
        return noisy, self._scheduler.get_velocity(clean, noise, timesteps)

    def errors(
        self,
        output: Float[Tensor, "batch channel row column"],
        target: Float[Tensor, "batch channel row column"],
        timesteps: Int[Tensor, " batch"],
    ) -> Float[Tensor, " batch"]:
        """The weighted squared error of each item."""
        error = (output.float() - target.to(output.device)).square().mean(dim=(1, 2, 3))
        return self.weights[timesteps].to(error) * error


def min_snr_weights(
    alphas_cumprod: Float[Tensor, " timestep"],
    prediction: str = "v_prediction",
    *,
    gamma: float = MIN_SNR_GAMMA,
) -> Float[Tensor, " timestep"]:
    """Min-SNR-γ (Hang et al. 2023, arXiv:2303.09556) for a kind of prediction.

    For v min(SNR + 1, γ) / (SNR + 1), as the terminal SNR may be zero: the paper's
    min(SNR, γ) / (SNR + 1) vanishes at high noise, where the caption is all there is to go by.
    """
    if gamma == 0:
        return torch.ones_like(alphas_cumprod)
    snr = alphas_cumprod / (1 - alphas_cumprod)
    if prediction == "v_prediction":
        return (snr + 1).clamp(max=gamma) / (snr + 1)
    if prediction == "epsilon":
        return snr.clamp(max=gamma) / snr.clamp(min=1e-8)
    if prediction == "sample":
        return snr.clamp(max=gamma)
    raise ParameterError(
        f"prediction_type={prediction!r}: must be epsilon, v_prediction or sample for training"
    )
