"""Parts of libraries that diffusers and transformers import whether they are used or not.

They take longer than all that is used. Each becomes a module whose code runs, whole and in its
place, at the first use of one of its names, so that nobody who needs it notices. Names that are
imported in passing, for a decorator, an `isinstance` or a call that seldom comes, stand for what
they name until it is used.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_COMPILER = "torch._dynamo"
_LAZY: dict[str, tuple[str, ...]] = {
    # torch's compiler, with sympy, and models that are spread over many computers
    _COMPILER: ("allow_in_graph", "assume_constant_result", "disable"),
    f"{_COMPILER}._trace_wrapped_higher_order_op": ("TransformGetItemToIndex",),
    "torch.distributed._composable.fsdp": ("fully_shard",),
    "torch.distributed.checkpoint": (),
    "torch.distributed.checkpoint.hf_storage": (
        "HuggingFaceStorageReader",
        "HuggingFaceStorageWriter",
    ),
    "torch.distributed.fsdp": (
        "CPUOffloadPolicy",
        "FullyShardedDataParallel",
        "MixedPrecisionPolicy",
    ),
    "torch.distributed.tensor": ("DTensor", "Partial", "Replicate", "Shard", "distribute_tensor"),
    "torch.distributed.tensor._utils": ("compute_local_shape_and_global_offset",),
    "torch.distributed.tensor.placement_types": ("Shard", "_StridedShard"),
    "transformers.distributed.expert_parallel": ("apply_expert_parallelism",),
    "transformers.distributed.tensor_parallel": (
        "apply_tensor_parallelism",
        "gather_state_dict_for_save",
        "get_kv_heads_per_rank",
        "verify_tp_plan",
    ),
    # LoRA layers as diffusers' own pipelines have them; riffkit/models/lora.py needs none
    "peft": (),
    "peft.tuners": (),
    "peft.tuners.tuners_utils": ("BaseTunerLayer",),
    # what those pipelines offer to save memory
    "diffusers.hooks": (),
    # dozens of networks each
    "diffusers.models.autoencoders": (),
    "diffusers.models.transformers": (),
    "diffusers.models.unets": (),
    "transformers.models": (),
    # a parser of C, for numba's functions that take some
    "pycparser": (),
    # losses of object detectors, one spacing of sampling steps, peaks and systems beside filters
    "scipy.integrate": (),
    "scipy.interpolate": ("BSpline", "make_interp_spline"),
    "scipy.optimize": ("linear_sum_assignment",),
    "scipy.signal": (),
    "scipy.stats": ("scoreatpercentile",),
}
"""Each module, with the names that can be imported from it without running it."""
_WITH_PARTS_OF_THEIR_OWN = frozenset(
    {
        "diffusers.hooks",
        "diffusers.models.autoencoders",
        "diffusers.models.transformers",
        "diffusers.models.unets",
        "transformers.models",
    }
)
"""Packages of which one part can be imported without running the package, which imports all."""


def prepare() -> None:
    """Let these modules wait for their use, whoever imports them. Imports nothing; idempotent."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _LAZY:
            was_there = fullname in sys.modules
            _run_package_of(fullname)
            module = None if was_there else sys.modules.get(fullname)  # the package has imported it
            return ModuleSpec(fullname, _Present(module)) if module else None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LazyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Not yet."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader


class _Present(Loader):
    """Loads nothing: the module has been imported since somebody asked for it."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__
        module.__spec__ = None  # else the import system would take this one, and load it again

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _LazyModule(ModuleType):
    """A module whose code has not run; it becomes an ordinary one when it has."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        vars(self)["__lazy__"] = _Waiting()

    def __getattr__(self, name: str) -> Any:
        if not (waiting := _waiting(self)) or (_is_dunder(name) and name != "__all__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if not waiting.is_running and name in _LAZY[self.__name__]:
            return _STAND_INS.get(f"{self.__name__}.{name}", _StandIn)(self, name)
        run(self)
        if _waiting(self):  # it asks for what it has yet to define
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self, name)


class _Waiting:
    """What a module that has not run has to remember."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.is_running = False
        self.decorated: list[tuple[str, Any]] = []


def _waiting(module: ModuleType) -> _Waiting | None:
    return vars(module).get("__lazy__")


def run(module: ModuleType) -> None:
    """Run a lazy module's code, if it has not run yet."""
    if (waiting := _waiting(module)) is None:
        return
    with waiting.lock:
        _run_package_of(module.__name__)  # which may run it
        if waiting.is_running or _waiting(module) is None:
            return
        waiting.is_running = True
        try:
            assert module.__spec__ is not None and module.__spec__.loader is not None
            module.__spec__.loader.exec_module(module)
        finally:
            waiting.is_running = False
        module.__class__ = ModuleType
        del vars(module)["__lazy__"]
        if (other := sys.modules[module.__name__]) is not module:  # it has put one in its place
            vars(module)["__getattr__"] = functools.partial(getattr, other)
    for decorator, function in waiting.decorated:
        getattr(module, decorator)(function)


def _run_package_of(name: str) -> None:
    """A part of a package can rely on what the package did before."""
    package = name.rpartition(".")[0]
    if package in _LAZY and package not in _WITH_PARTS_OF_THEIR_OWN:
        run(sys.modules[package])


class _StandIn:
    """A name of a module that has not run; a use of it runs the module."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:
        run(self._module)
        return getattr(self._module, self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if _is_dunder(name):
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        """Nothing is of a class that has not been defined."""
        return _waiting(self._module) is None and isinstance(instance, self._real())

    def __subclasscheck__(self, other: type) -> bool:
        return _waiting(self._module) is None and issubclass(other, self._real())

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return (self._real(),)

    def __or__(self, other: Any) -> Any:
        """In an annotation, where it says nothing until somebody looks."""
        return Any

    __ror__ = __or__


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _remembered(module: ModuleType, name: str) -> Callable[[Any], Any]:
    """A decorator that tells the compiler of a function, once there is a compiler."""

    def decorate(function: Any) -> Any:
        if (waiting := _waiting(module)) is None:
            return getattr(module, name)(function)
        waiting.decorated.append((name, function))
        return function

    return decorate


def _disable(module: ModuleType, name: str) -> Callable[..., Any]:
    """`torch._dynamo.disable`: without the compiler a function is as it should be."""

    def disable(function: Any = None, *args: Any, **kwargs: Any) -> Any:
        if function is None:
            return lambda function: disable(function, *args, **kwargs)
        if not inspect.isfunction(function):
            return getattr(module, name)(function, *args, **kwargs)

        @functools.wraps(function)
        def call(*own: Any, **options: Any) -> Any:
            if _waiting(module) is not None:
                return function(*own, **options)
            return getattr(module, name)(function, *args, **kwargs)(*own, **options)

        return call

    return disable


_STAND_INS: dict[str, Callable[[ModuleType, str], Any]] = {
    f"{_COMPILER}.allow_in_graph": _remembered,
    f"{_COMPILER}.assume_constant_result": _remembered,
    f"{_COMPILER}.disable": _disable,
}
"""The stand-ins that can do without the module even when they are called."""
