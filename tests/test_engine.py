"""Tasks on processes and on Ray: in order, errors with their item, nobody left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riffkit.engine import run_tasks
from riffkit.errors import ParameterError, WorkerError

SLEEPERS = """
import subprocess
from riffkit.engine import run_tasks
if __name__ == "__main__":
    for told in run_tasks(subprocess.getoutput, ["echo ready", *["exec sleep 60"] * 3], workers=2):
        print(told, flush=True)
"""


STARTERS = """
import subprocess
from riffkit.engine import run_tasks
def commands():
    print("ready", flush=True)
    yield from ["exec sleep 60"] * 4
if __name__ == "__main__":
    list(run_tasks(subprocess.getoutput, commands(), workers=2))
"""
"""Is ready when its processes have only just begun to start."""


def in_worker(module: str, expression: str) -> str:
    """For `eval`: the expression on a module that the worker imports."""
    return f"__import__({module!r}, fromlist=['_']).{expression}"


def test_results_come_in_the_items_order() -> None:
    items = ["sleep 0.5; echo 0", *(f"echo {n}" for n in range(1, 40))]
    results = run_tasks(subprocess.getoutput, iter(items), workers=2)
    assert list(results) == [str(n) for n in range(40)]


def test_work_is_shared_by_other_processes() -> None:
    items = [in_worker("time", "sleep(0.2)"), in_worker("os", "getpid()")] * 3
    pids = {pid for pid in run_tasks(eval, items, workers=2) if pid is not None}
    assert os.getpid() not in pids
    assert set(run_tasks(eval, items[1:2], workers=1)) == {os.getpid()}


def test_each_process_computes_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    asked = in_worker("os", "environ['OMP_NUM_THREADS']")
    assert set(run_tasks(eval, [asked] * 2, workers=2)) == {"1"}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_names_its_item_after_the_results_before_it(workers: int) -> None:
    results = run_tasks(int, ["1", "two", "3"], workers=workers)
    assert next(results) == 1
    with pytest.raises(ValueError, match="invalid literal") as caught:
        next(results)
    assert "at two" in caught.value.__notes__


@pytest.mark.parametrize("workers", [1, 2])
def test_a_users_mistake_keeps_its_class(workers: int) -> None:
    bad = in_worker("riffkit.engine", "run_tasks(int, [], workers=0)")
    with pytest.raises(ParameterError, match=r"^song b: workers=0: must be at least 1$"):
        list(run_tasks(eval, ["1", bad], workers=workers, name={"1": "song a", bad: "song b"}.get))


def test_a_result_that_cannot_travel_is_said() -> None:
    with pytest.raises(TypeError, match="a result can't be pickled"):
        list(run_tasks(eval, ["lambda: 0"] * 2, workers=2))


def test_a_worker_that_dies_is_noticed() -> None:
    with pytest.raises(WorkerError, match=r"^3: its process died"):
        list(run_tasks(os._exit, [3, 3], workers=2))


def test_unknown_engine_and_worker_counts_are_refused() -> None:
    with pytest.raises(ParameterError, match="must be one of local, ray"):
        run_tasks(int, [], engine="spark")
    with pytest.raises(ParameterError, match="workers=0"):
        run_tasks(int, [], workers=0)


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ParameterError, match=r"pip install 'riffkit\[ray\]'"):
        run_tasks(int, ["1"], engine="ray")


def group_members(group: int) -> set[int]:
    """Processes of a group that run; those that ended and await their parent don't count."""
    members = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # ended meanwhile
            continue
        if int(of_group) == group and state != "Z":
            members.add(int(stat.parent.name))
    return members


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("code", [SLEEPERS, STARTERS], ids=["sleepers", "starters"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_no_worker_stays(
    end: signal.Signals, code: str, tmp_path: Path, root: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(code)
    with subprocess.Popen(
        [sys.executable, str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        workers = group_members(process.pid) - {process.pid}
        assert len(workers) >= 2
        for pid in workers:  # Ctrl-C is the parent's affair, even for those that still start
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
        if end is signal.SIGINT:  # from a terminal it reaches the whole group
            os.killpg(process.pid, end)
        else:
            process.send_signal(end)
        deadline = time.monotonic() + 10
        while pythons(group_members(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = pythons(group_members(process.pid))
        for pid in group_members(process.pid):
            os.kill(pid, signal.SIGKILL)  # sleeps that a killed worker had started
        assert not left
        assert process.stderr.read().count("Traceback") == (end is signal.SIGINT)


def pythons(pids: set[int]) -> set[int]:
    """Those that run Python: the workers, not what they started themselves."""
    found = set()
    for pid in pids:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"python" in command.split(b"\0")[0]:
            found.add(pid)
    return found


@pytest.mark.slow
def test_ray_gives_what_local_processes_give(tiny_folder: Path, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    from riffkit.engine.cluster import connection

    items = range(30)
    with connection(workers=2):
        assert list(run_tasks(math.sqrt, items, engine="ray")) == list(run_tasks(math.sqrt, items))
        with pytest.raises(ValueError, match="invalid literal") as caught:
            list(run_tasks(int, ["1", "two"], engine="ray"))
        assert "at two" in caught.value.__notes__
        bad = in_worker("riffkit.engine", "run_tasks(int, [], workers=0)")
        with pytest.raises(ParameterError, match=r"^song b: workers=0: must be at least 1$"):
            list(run_tasks(eval, [bad], engine="ray", name=lambda item: "song b"))
        with pytest.raises(WorkerError, match=r"^3: its worker died"):
            list(run_tasks(os._exit, [3], engine="ray"))
        assert clip_by("ray", tiny_folder, tmp_path) == clip_by("local", tiny_folder, tmp_path)
    assert not ray.is_initialized()


def clip_by(engine: str, model: Path, folder: Path) -> list[bytes]:
    """The bytes of a clip's two files."""
    from riffkit.music.batch import list_calls, make_all
    from riffkit.music.batch_list import entries_of

    fast = {"bars": 1, "bpm": 240.0, "steps": 1, "quality": "preview"}
    clips = list_calls(entries_of(["piano"]), folder / engine, seed=5, defaults=fast)
    loading = {"model": str(model), "device": "cpu"}
    (made,) = make_all(clips, loading, engine=engine, workers=1)
    assert made.error == "" and not made.kept
    return [made.path.read_bytes(), made.path.with_suffix(".png").read_bytes()]


@pytest.mark.parametrize(
    ("n_gpus", "n_workers", "share"),
    [(0, 8, 0.0), (4, 4, 1.0), (4, 2, 1.0), (4, 8, 0.5), (2, 5, 1 / 3)],
)
def test_gpus_are_spread(n_gpus: int, n_workers: int, share: float) -> None:
    from riffkit.engine.cluster import gpu_share

    assert gpu_share(n_gpus, n_workers) == share
