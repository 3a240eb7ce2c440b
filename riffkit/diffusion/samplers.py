"""Samplers by their common names: diffusers' schedulers with the model's own noise schedule."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import diffusers
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.limits import check_sampler

_DPM = "DPMSolverMultistepScheduler"
_MULTISTEP = {"algorithm_type": "dpmsolver++", "solver_order": 2}
_SDE = {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}
_PLAIN: dict[str, Any] = {"use_karras_sigmas": False}
_KARRAS = {"use_karras_sigmas": True}
_MOST_SIGMA = 80.0
"""Where Karras' spacing begins at most (arXiv:2206.00364, table 1). A noise schedule that ends in
noise alone goes to many thousands, and nearly all steps would lie there."""
_UNCLIPPED = {"clip_sample": False, "set_alpha_to_one": False}

_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", _UNCLIPPED),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}),
    "euler": ("EulerDiscreteScheduler", _PLAIN),
    "euler-karras": ("EulerDiscreteScheduler", _KARRAS),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {**_PLAIN, "clip_sample": False}),
    "dpm++2m": (_DPM, {**_MULTISTEP, **_PLAIN}),
    "dpm++2m-karras": (_DPM, {**_MULTISTEP, **_KARRAS}),
    "dpm++2m-sde": (_DPM, {**_SDE, **_PLAIN}),
    "dpm++2m-sde-karras": (_DPM, {**_SDE, **_KARRAS}),
    "unipc": ("UniPCMultistepScheduler", {"solver_order": 2, **_PLAIN}),
    "unipc-karras": ("UniPCMultistepScheduler", {"solver_order": 2, **_KARRAS}),
    "lcm": ("LCMScheduler", {"clip_sample": False}),
}


def new_scheduler(own: Any, name: str | None) -> Any:
    """A fresh scheduler of that name, with the noise schedule of the model's `own`."""
    check_sampler(name)
    if name is None:
        return type(own).from_config(own.config)
    kind, settings = _KINDS[name]
    takes = inspect.signature(getattr(diffusers, kind).__init__).parameters
    config = {key: value for key, value in own.config.items() if key in takes}
    scheduler = getattr(diffusers, kind).from_config({**config, **settings})
    if settings.get("use_karras_sigmas"):
        last = float(scheduler.alphas_cumprod[-1])
        if last * (1 + _MOST_SIGMA**2) < 1:
            scheduler.register_to_config(sigma_max=_MOST_SIGMA)
    return scheduler


def timesteps_for(scheduler: Any, steps: int, *, n_run: int, device: torch.device) -> Tensor:
    """The timesteps of the last `n_run` of `steps` steps; also sets the scheduler to start there.

    Samplers that call the network twice per step have more timesteps than steps.
    """
    n_trained = scheduler.config.num_train_timesteps
    try:
        if steps >= n_trained:
            raise ValueError
        scheduler.set_timesteps(steps, device=device)
        if scheduler.timesteps.max() >= n_trained:
            raise ValueError
    except ValueError as error:
        raise ParameterError(f"steps={steps}: too many for this sampler; use fewer") from error
    begin = (steps - n_run) * scheduler.order
    if begin and isinstance(scheduler, diffusers.PNDMScheduler) and scheduler.config.skip_prk_steps:
        # wherever it begins, its third call is at the second call's timestep again
        later = scheduler.timesteps[begin + 1 :]
        return torch.cat((later[:2], later[1:]))
    if hasattr(scheduler, "set_begin_index"):
        # at 0 too: otherwise it searches for the first timestep, which may occur twice
        scheduler.set_begin_index(begin)
    return scheduler.timesteps[begin:]


def step_options(scheduler: Any, generators: Sequence[torch.Generator] | None) -> dict[str, Any]:
    """Keyword arguments for `step`: for samplers that draw noise, one generator per item."""
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    if not takes_generator or not generators:
        return {}
    return {"generator": list(generators)}
