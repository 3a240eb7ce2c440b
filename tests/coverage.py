"""Which lines of riffkit and train the tests run.

    RIFFKIT_COVERAGE=FOLDER python -m pytest ...    each process leaves its lines there
    python -m tests.coverage FOLDER                 adds them up; fails below FLOOR

slipcover takes its probes out once a line has run, so tests are as fast as without it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from slipcover import FileMatcher, ImportManager, Slipcover, merge_coverage

ROOT = Path(__file__).parent.parent
FLOOR = 90.0
_SOURCES = [str(ROOT / name) for name in ("riffkit", "train")]
# numba compiles their functions from what slipcover would have changed
_COMPILED = [
    str(path)
    for source in _SOURCES
    for path in Path(source).rglob("*.py")
    if "numba" in (text := path.read_text(encoding="utf-8")) or "import compiled" in text
]
_slipcover = Slipcover(source=_SOURCES, omit=_COMPILED)


def begin() -> None:
    """Measure what is imported from here on. Call it behind jaxtyping's hook."""
    from jaxtyping import _import_hook as hook

    class Loader(hook._JaxtypingLoader):  # type: ignore[misc]
        """slipcover asks for the code, which jaxtyping changes as it is run."""

        def get_code(self, fullname: str) -> Any:
            cached = hook.ft.partial(
                hook._optimized_cache_from_source, self._typechecker.get_hash()
            )
            with patch("importlib._bootstrap_external.cache_from_source", cached):
                return super().get_code(fullname)

    hook._JaxtypingLoader = Loader
    ImportManager(_slipcover, FileMatcher(sources=_SOURCES, omit=_COMPILED)).__enter__()


def write(folder: Path) -> None:
    """This process's lines."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = json.dumps(_slipcover.get_coverage())
    (folder / f"{os.getpid()}.json").write_text(lines, encoding="utf-8")


def main() -> None:
    found = [json.loads(path.read_text()) for path in Path(sys.argv[1]).glob("*.json")]
    whole = found[0]
    for one in found[1:]:
        merge_coverage(whole, one)
    percent = whole["summary"]["percent_covered"]
    print(f"lines of riffkit and train that these tests run: {percent:.1f} %")
    if percent < FLOOR:
        for name, file in sorted(
            whole["files"].items(), key=lambda item: -len(item[1]["missing_lines"])
        )[:20]:
            print(f"  {name}: {len(file['missing_lines'])} lines are not run")
        sys.exit(f"below {FLOOR:g} %")


if __name__ == "__main__":
    main()
