"""The only place that imports torchaudio, and makes it importable over a CPU-only torch.

torchaudio's Linux wheel holds an extension that is linked against CUDA. Where that cannot be
loaded, `import torchaudio` fails, and so does `import transformers`, which imports torchaudio
wherever it is installed. All that riffkit wants of torchaudio is plain Python, so there the
extension's module stays empty.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NoReturn

_EXTENSION = "torchaudio._extension"


def prepare() -> None:
    """Let `import torchaudio`, whoever does it, do without the extension. Imports nothing itself;
    idempotent.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def torchaudio() -> ModuleType:
    """The torchaudio module; raises ImportError only where it isn't installed."""
    prepare()
    return importlib.import_module("torchaudio")


class _Finder(MetaPathFinder):
    """Finds the extension, which may then fail to load."""

    def find_spec(
        self, fullname: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname == _EXTENSION else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own kind of module."""

    def exec_module(self, module: ModuleType) -> None:
        try:
            self._loader.exec_module(module)
        except (ImportError, OSError, RuntimeError):
            vars(module).update(  # as in a build without compiled parts
                _IS_TORCHAUDIO_EXT_AVAILABLE=False,
                _IS_ALIGN_AVAILABLE=False,
                _check_cuda_version=lambda: None,
                _load_lib=lambda library: False,
                fail_if_no_align=_fail_without_extension,
            )


def _fail_without_extension(function: object) -> object:
    """The decorator that torchaudio puts on functions which need the compiled part."""

    def fail(*args: object, **kwargs: object) -> NoReturn:
        name = getattr(function, "__name__", "this function")
        raise RuntimeError(f"torchaudio.{name} needs torchaudio's compiled extension")

    return fail
