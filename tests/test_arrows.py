"""The packages' arrows point one way (CONTRIBUTING.md, "The rooms")."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Collection
from pathlib import Path

import pytest

# Each package may import those of earlier rows; siblings of a row don't import each other.
ROWS = [
    {"errors", "imports"},
    {"limits", "memory"},
    {"atomic", "compiled", "device", "engine", "html", "kinds", "progress", "provenance"},
    {"audio"},
    {"spectrogram"},
    {"vocoder", "analysis"},
    {"prompt", "score"},
    {"models"},
    {"diffusion"},
    {"music"},
    {"tasks"},
    {"export"},
    {"dataset"},
    {"training"},
    {"evaluation", "server"},
    {"genre"},
    {"commands"},
    {"train"},
    {"cli"},
]
RANK = {package: rank for rank, row in enumerate(ROWS) for package in row}


def package_of(module: str) -> str | None:
    """The project's package that a module name lies in; the riffkit facade has none."""
    parts = module.split(".")
    if parts[0] == "riffkit":
        return parts[1] if len(parts) > 1 and parts[1] != "__main__" else None
    return parts[0] if parts[0] in ("train", "cli") else None


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def sources(root: Path) -> dict[Path, str]:
    """Every source file with the package it lies in."""
    files = {}
    for path in [*root.glob("riffkit/**/*.py"), *root.glob("train/**/*.py"), root / "cli.py"]:
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        package = package_of(module.removesuffix(".__init__"))
        if package is not None:
            files[path] = package
    return files


def test_every_package_has_a_row(root: Path) -> None:
    assert set(sources(root).values()) <= set(RANK)


def test_arrows_point_one_way(root: Path) -> None:
    wrong = []
    for path, package in sources(root).items():
        for module in imports_of(path):
            target = package_of(module)
            if target in RANK and target != package and RANK[target] >= RANK[package]:
                wrong.append(f"{path.relative_to(root)} imports {module}")
    assert not wrong


def test_torchaudio_is_imported_in_one_place(root: Path) -> None:
    importers = {
        path.relative_to(root).as_posix()
        for path in sources(root)
        if any(module.split(".")[0] == "torchaudio" for module in imports_of(path))
    }
    assert importers <= {"riffkit/imports/torchaudio_compat.py"}


@pytest.mark.parametrize("module", ["riffkit", "cli"])
def test_importing_is_light(module: str, root: Path) -> None:
    """Neither torch nor diffusers is imported until a command needs it."""
    import subprocess
    import sys

    code = (
        f"import sys, {module}; print(sorted({{'torch', 'diffusers', 'numba'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_module_imports_itself_through_others(root: Path) -> None:
    """No circle, not even by imports within functions; those for types alone don't count."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sources(root)
    }
    imported = {name: run_time_imports(path, modules.keys()) for name, path in modules.items()}
    order = graphlib.TopologicalSorter({name: found - {name} for name, found in imported.items()})
    order.prepare()  # a CycleError names the circle


def run_time_imports(path: Path, modules: Collection[str]) -> set[str]:
    """The modules, of those given, that a file imports but for types."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(modules)
            found |= inner or {node.module}
        waiting.extend(ast.iter_child_nodes(node))
    return found & set(modules)
