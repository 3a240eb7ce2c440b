"""A multichannel Wiener filter: sources told apart by where they are, too.

One step of expectation-maximization for the local Gaussian model (Duong, Vincent and Gribonval,
IEEE TASLP 2010; Nugraha, Liutkus and Vincent, IEEE TASLP 2016): from a first guess of the sources
come their powers, and at each frequency how each lies between left and right; from these, a better
guess.
"""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float
from torch import Tensor

_FLOOR = 1e-5  # of the mix's power, against singular covariances


def refined(
    mix: Complex[Tensor, "2 bin frame"], sources: Complex[Tensor, "source 2 bin frame"]
) -> Complex[Tensor, "source 2 bin frame"]:
    """The sources that add up to the mix, but for a hundred-thousandth of its power."""
    left, right = sources[:, 0], sources[:, 1]
    power = 0.5 * (_power(left) + _power(right))
    total = power.sum(dim=2, keepdim=True).clamp_min(1e-20)
    of_left = _power(left).sum(dim=2, keepdim=True) / total
    of_right = _power(right).sum(dim=2, keepdim=True) / total
    of_both = (left * right.conj()).sum(dim=2, keepdim=True) / total
    floor = _FLOOR * 0.5 * (_power(mix[0]) + _power(mix[1])) + 1e-12
    mix_left, mix_right = ((power * share).sum(dim=0) + floor for share in (of_left, of_right))
    mix_both = (power * of_both).sum(dim=0)
    determinant = mix_left * mix_right - _power(mix_both)
    white_left = (mix_right * mix[0] - mix_both * mix[1]) / determinant
    white_right = (mix_left * mix[1] - mix_both.conj() * mix[0]) / determinant
    return torch.stack(
        (
            power * (of_left * white_left + of_both * white_right),
            power * (of_both.conj() * white_left + of_right * white_right),
        ),
        dim=1,
    )


def _power(spectrum: Complex[Tensor, ...]) -> Float[Tensor, ...]:
    return spectrum.real.square() + spectrum.imag.square()
