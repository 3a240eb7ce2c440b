"""A file is written whole or not at all."""

import errno
import os

import pytest

from riffkit import atomic
from riffkit.atomic import _usual_mode, atomic_path, check_output_path, sign_temporaries
from riffkit.errors import OutputError


def test_the_file_takes_its_name_only_when_whole(tmp_path) -> None:
    path = tmp_path / "clip.png"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert not path.exists()
    assert os.listdir(tmp_path) == ["clip.png"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_any_fault_passes_on_and_leaves_the_older_file(tmp_path, fault) -> None:
    path = tmp_path / "clip.wav"
    path.write_text("older")
    with pytest.raises(fault), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise fault
    assert os.listdir(tmp_path) == ["clip.wav"]
    assert path.read_text() == "older"


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "full"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_the_systems_refusal_becomes_one_line_of_advice(tmp_path, number, advice) -> None:
    with pytest.raises(OutputError) as error, atomic_path(tmp_path / "clip.wav") as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))
    assert advice in str(error.value)
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for path, advice in [
        (tmp_path / "none" / "clip.wav", "doesn't exist"),
        (tmp_path / "file" / "clip.wav", "is a file"),
        (tmp_path, "is a folder"),
    ]:
        with pytest.raises(OutputError, match=advice):
            check_output_path(path)
    check_output_path(tmp_path / "clip.wav")


def test_the_files_mode_is_the_users_own(tmp_path) -> None:
    mask = os.umask(0o022)
    try:
        with atomic_path(tmp_path / "clip.wav") as temporary:
            temporary.write_text("new")
            temporary.chmod(0o600)  # as safetensors leaves its files
    finally:
        os.umask(mask)
    assert (tmp_path / "clip.wav").stat().st_mode & 0o777 == 0o644


def test_a_probe_leaves_nothing_when_it_is_stopped(tmp_path, monkeypatch) -> None:
    def stopped(self, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(type(tmp_path), "stat", stopped)
        _usual_mode(tmp_path / ".riffkit-probe")
    assert not list(tmp_path.iterdir())


def test_a_process_may_sign_its_temporary_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(atomic, "_owner", "")
    sign_temporaries("studio")
    with atomic_path(tmp_path / "clip.wav") as temporary:
        assert temporary.name.startswith(".riffkit-studio-")
        temporary.write_text("new")
