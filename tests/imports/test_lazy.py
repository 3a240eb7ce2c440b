"""Modules that wait for their use: unused they cost nothing, used they are as ever."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from riffkit.imports import lazy


def program(text: str, root: Path) -> str:
    """What a fresh process prints that runs the text after `import riffkit`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import riffkit, sys\n{text}"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_clip_needs_none_but_the_filters(root: Path, golden_folder: Path, tmp_path: Path) -> None:
    said = program(
        "from riffkit.imports import lazy\n"
        f"riff = riffkit.load({str(golden_folder)!r}, device='cpu')\n"
        "clip = riff.generate('house', bars=1, loop=True, steps=2, quality='preview')\n"
        f"clip.save({str(tmp_path / 'a.wav')!r})\n"
        "print(*(name for name in lazy._LAZY if name in sys.modules"
        " and '__lazy__' not in vars(sys.modules[name])))\n"
        "print(*({'peft.tuners.lora', 'sympy', 'torch._inductor'} & set(sys.modules)))\n",
        root,
    )
    ran, others = said.split("\n")[:2]
    assert set(ran.split()) <= {"scipy.signal"}
    assert others == ""


def test_what_is_used_later_is_all_there(root: Path) -> None:
    """After the networks, in an order that goes through the packages backwards."""
    said = program(
        "import riffkit.models.pipeline, torch\n"
        "from torch.distributed.tensor import DTensor, Shard\n"
        "assert not isinstance(torch.zeros(1), DTensor)\n"
        "assert Shard(1).dim == 1\n"
        "assert isinstance(Shard(1), sys.modules['torch.distributed.tensor'].Shard)\n"
        "import scipy.stats, scipy.optimize, scipy.signal\n"
        "assert abs(scipy.stats.norm.cdf(0) - 0.5) < 1e-9\n"
        "assert scipy.optimize.linear_sum_assignment([[1, 0], [0, 1]])[1].tolist() == [1, 0]\n"
        "assert scipy.signal.find_peaks([0, 1, 0])[0].tolist() == [1]\n"
        "from diffusers.hooks import apply_group_offloading, apply_layerwise_casting\n"
        "from diffusers.models.unets import UNet1DModel, UNet2DConditionModel\n"
        "from diffusers.models.transformers import FluxTransformer2DModel\n"
        "assert UNet2DConditionModel is riffkit.models.pipeline.UNet2DConditionModel\n"
        "import transformers.models\n"
        "assert 'CLIPTextModel' in dir(transformers.models.clip)\n"
        "from diffusers import StableDiffusionPipeline\n"
        "from peft import LoraConfig, inject_adapter_in_model\n"
        "linear = torch.nn.Sequential(torch.nn.Linear(2, 2))\n"
        "inject_adapter_in_model(LoraConfig(target_modules=['0']), linear)\n"
        "print(type(linear[0]).__name__)\n",
        root,
    )
    assert said == "Linear\n"


def test_torch_compiles_as_ever(root: Path) -> None:
    """What was decorated before the compiler was there is decorated."""
    said = program(
        "import torch\n"
        "@torch.compiler.disable\n"
        "def apart(x): return x + torch.compiler.is_compiling()\n"
        "@torch.compiler.disable(reason='because')\n"
        "def apart_too(x): return x + torch.compiler.is_compiling()\n"
        "from torch._dynamo import allow_in_graph\n"
        "@allow_in_graph\n"
        "def whole(x): return x if torch.compiler.is_compiling() else x + 1\n"
        "assert '__lazy__' in vars(torch._dynamo)\n"
        "assert int(apart(torch.ones(1))) == 1 and apart.__name__ == 'apart'\n"
        "graphs = []\n"
        "def backend(graph, inputs):\n"
        "    graphs.append(graph)\n"
        "    return graph\n"
        "work = torch.compile(lambda x: whole(apart_too(apart(2 * x)) * 3), backend=backend)\n"
        "print(int(work(torch.ones(1))), len(graphs))\n"
        "names = [str(node.target) for graph in graphs for node in graph.graph.nodes]\n"
        "print(sum('whole' in name for name in names), sum('apart' in name for name in names))\n",
        root,
    )
    assert said == "7 2\n1 0\n"


def test_each_name_that_stands_in_is_one_of_the_library() -> None:
    for module, names in lazy._LAZY.items():
        if importlib.util.find_spec(module.split(".")[0]) is None:
            continue
        lazy.run(found := importlib.import_module(module))
        for name in names:
            assert hasattr(found, name), f"{module} has no {name} any more"


Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a package of lazy modules; its name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    counter = len([name for name in sys.modules if name.startswith("waiting")])
    package = f"waiting{counter}"

    def write_files(names: dict[str, tuple[str, ...]], **files: str) -> str:
        (tmp_path / package).mkdir()
        for name, text in files.items():
            (tmp_path / package / f"{name}.py").write_text(text)
        for name, stand_ins in names.items():
            monkeypatch.setitem(lazy._LAZY, f"{package}.{name}".rstrip("."), stand_ins)
        importlib.invalidate_caches()
        return package

    return write_files


def is_waiting(name: str) -> bool:
    return "__lazy__" in vars(sys.modules[name])


def test_a_module_runs_once_however_many_ask(write: Write) -> None:
    package = write(
        {"slow": ()},
        __init__="",
        slow="import time\nRUNS = globals().get('RUNS', 0) + 1\ntime.sleep(0.2)\nLAST = 1\n",
    )
    slow = importlib.import_module(f"{package}.slow")
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(slow.LAST)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 4
    assert slow.RUNS == 1
    assert slow.__spec__ is not None and "lazy" not in str(slow.__spec__.loader)


def test_a_module_that_fails_is_tried_again(write: Write) -> None:
    package = write(
        {"failing": ()},
        __init__="STATE = []\n",
        failing="from . import STATE\nSTATE.append(1)\nif len(STATE) < 2:\n    1 / 0\nDONE = 5\n",
    )
    failing = importlib.import_module(f"{package}.failing")
    with pytest.raises(ZeroDivisionError):
        _ = failing.DONE
    assert failing.DONE == 5
    with pytest.raises(AttributeError, match="NOTHING"):
        _ = failing.NOTHING


def test_a_part_finds_its_package_run(write: Write) -> None:
    """And it is one and the same, where the package itself imports it."""
    package = write(
        {"": ()},
        __init__="SET = 3\nfrom . import part\n",
        part="import sys\nPARENT = vars(sys.modules[__package__])['SET']\n"
        "RUNS = globals().get('RUNS', 0) + 1\n",
    )
    whole = importlib.import_module(package)
    assert is_waiting(package)
    part = importlib.import_module(f"{package}.part")
    assert part.PARENT == 3
    assert part.RUNS == 1
    assert part is whole.part is sys.modules[f"{package}.part"]
    assert part.__spec__ is not None and part.__spec__.origin is not None


def test_names_imported_in_passing_do_not_run_it(write: Write) -> None:
    package = write(
        {"things": ("Kind", "work")},
        __init__="",
        things="class Kind:\n    made = 2\n\ndef work(x):\n    return x + 1\n",
    )
    things = importlib.import_module(f"{package}.things")
    kind, work = things.Kind, things.work
    assert not isinstance(3, kind)
    assert not issubclass(int, kind)
    assert is_waiting(f"{package}.things")
    assert work(1) == 2
    assert not is_waiting(f"{package}.things")
    assert isinstance(things.Kind(), kind)
    assert isinstance(kind(), things.Kind)
    assert issubclass(type("Sub", (things.Kind,), {}), kind)
    assert kind.made == 2

    class Sub(kind):  # type: ignore[misc, valid-type]
        pass

    assert issubclass(Sub, things.Kind)


def test_a_module_may_put_another_in_its_place(write: Write) -> None:
    package = write(
        {"other": ()},
        __init__="",
        other="import sys, types\nsys.modules[__name__] = types.SimpleNamespace(VALUE=9)\n",
    )
    assert importlib.import_module(f"{package}.other").VALUE == 9


def test_nothing_is_drawn_where_weights_are_read() -> None:
    from riffkit.models.networks import _Undrawn

    with _Undrawn():
        table = torch.nn.Embedding(2, 3, _weight=torch.full((2, 3), 7.0))
        torch.nn.init.normal_(table.weight)
        torch.nn.init.kaiming_uniform_(table.weight)
        table.weight.data.uniform_()
    assert (table.weight == 7).all()
