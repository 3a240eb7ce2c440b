"""The wheel: what it holds, and the installed command from another folder."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(__file__).parent.parent
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, root],
        check=True,
    )
    return next(folder.glob("riffkit-*.whl"))


@pytest.mark.slow
def test_wheel_is_small_and_whole(wheel: Path) -> None:
    assert wheel.stat().st_size <= 50e6
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "weights/mini/unet/diffusion_pytorch_model.safetensors"):
        assert f"riffkit/{name}" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"riffkit"}


@pytest.mark.slow
def test_installed_command_generates_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """A new environment that borrows the installed dependencies, and riffkit from the wheel."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    borrowed = subprocess.run(
        [sys.executable, "-c", "import numpy; print(numpy.__path__[0].rpartition('numpy')[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            purelib,
            wheel,
        ],
        check=True,
    )
    # not a .pth file there: an editable riffkit in the borrowed folder would come first
    (Path(purelib) / "borrowed.pth").write_text(borrowed + "\n")
    work = tmp_path / "elsewhere"
    work.mkdir()
    arguments = ["generate", "piano", "--bars", "1", "--steps", "4", "-o", "a.wav", "--json"]
    done = subprocess.run(
        [python, "-m", "riffkit", *arguments], cwd=work, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert soundfile.info(work / "a.wav").duration == pytest.approx(
        json.loads(done.stdout)["seconds"], abs=1e-3
    )
    where = subprocess.run(
        [python, "-c", "import riffkit; print(riffkit.__file__)"],
        cwd=work,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.startswith(str(environment))
