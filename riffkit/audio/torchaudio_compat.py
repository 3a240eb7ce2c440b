"""The only place that imports torchaudio, and makes it importable over a CPU-only torch.

torchaudio's Linux wheel holds an extension that is linked against CUDA. Where that cannot be
loaded, `import torchaudio` fails, and so does `import transformers`, which imports torchaudio
wherever it is installed. All that riffkit wants of torchaudio is plain Python, so there an empty
extension stands in for the real one. Call `prepare` before importing diffusers or transformers.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, NoReturn

_PACKAGE = "torchaudio"
_EXTENSION = "torchaudio._extension"


def prepare() -> None:
    """Make `import torchaudio` work where it is installed; elsewhere do nothing. Idempotent."""
    if _PACKAGE not in sys.modules and importlib.util.find_spec(_PACKAGE) is None:
        return
    try:
        importlib.import_module(_PACKAGE)
    except (ImportError, OSError, RuntimeError):
        _forget_half_imported()
        sys.modules[_EXTENSION] = _stand_in()
        importlib.import_module(_PACKAGE)


def torchaudio() -> ModuleType:
    """The torchaudio module; raises ImportError only where it isn't installed."""
    prepare()
    return importlib.import_module(_PACKAGE)


def _forget_half_imported() -> None:
    for name in list(sys.modules):
        if name == _PACKAGE or name.startswith(f"{_PACKAGE}."):
            del sys.modules[name]


def _stand_in() -> ModuleType:
    """What torchaudio._extension looks like in a build without compiled parts."""
    module: Any = ModuleType(
        _EXTENSION, "An empty stand-in for torchaudio's extension, added by riffkit."
    )
    module._IS_TORCHAUDIO_EXT_AVAILABLE = False
    module._IS_ALIGN_AVAILABLE = False
    module._check_cuda_version = lambda: None
    module._load_lib = lambda library: False
    module.fail_if_no_align = _fail_without_extension
    return module


def _fail_without_extension(function: object) -> object:
    """The decorator that torchaudio puts on functions which need the compiled part."""

    def fail(*args: object, **kwargs: object) -> NoReturn:
        name = getattr(function, "__name__", "this function")
        raise RuntimeError(f"torchaudio.{name} needs torchaudio's compiled extension")

    return fail
