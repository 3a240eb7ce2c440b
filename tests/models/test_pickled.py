"""Pickled weights: what they name is never run, and what is no harmless class is refused."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import subprocess
import sys
import types
import zipfile
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch

from riffkit.errors import ModelError
from riffkit.models.pipeline import load_pipeline
from riffkit.models.weights.weight_file import read_weights


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file that malicious pickles would create."""
    return tmp_path / "mark"


class Calls:
    """Pickled as a call, which unpickling makes."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def save(path: Path, value: Any, *, legacy: bool = False, **options: Any) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not legacy, **options)
    return path


def with_program(path: Path, program: bytes) -> Path:
    """A file of torch's with another pickle in it."""
    buffer = io.BytesIO()
    torch.save({"state_dict": {"x": torch.zeros(2)}}, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, program if name.endswith("data.pkl") else old.read(name))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as error:
        load_pipeline(str(path), device="cpu")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_call_is_refused_and_not_made(tmp_path: Path, mark: Path, legacy: bool) -> None:
    command = f"touch {mark}"
    calls = [
        Calls(os.system, command),
        Calls(subprocess.check_call, ["touch", str(mark)]),
        Calls(subprocess.Popen, ["touch", str(mark)]),
        Calls(eval, f"open({str(mark)!r}, 'w')"),
        Calls(exec, f"open({str(mark)!r}, 'w')"),
        Calls(getattr, "x", "upper"),
        Calls(open, str(mark), "w"),
        Calls(torch.load, str(mark)),
        Calls(torch.hub.load, "owner/name", "model"),
        Calls(np.save, str(mark), [0]),
        Calls(shutil.copy, __file__, str(mark)),
        Calls(__import__, "this"),
    ]
    for call in calls:
        hidden = {"state_dict": OrderedDict(w=torch.zeros(2)), "callbacks": {"a": [(1, call)]}}
        path = save(tmp_path / "bad.ckpt", hidden, legacy=legacy)
        said = refusal(path)
        assert "would run code" in said
        assert call.call[0].__name__ in said
        assert not mark.exists()


def test_the_same_pickle_would_have_done_it(tmp_path: Path, mark: Path) -> None:
    """That the calls above are real ones."""
    path = save(tmp_path / "bad.ckpt", {"x": Calls(os.system, f"touch {mark}")})
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_other_opcodes_are_refused_too(tmp_path: Path, mark: Path) -> None:
    touch = f"touch {mark}".encode()
    text = b"X" + len(touch).to_bytes(4, "little") + touch
    inst = b"(S'" + touch + b"'\nios\nsystem\n."
    programs = {
        "GLOBAL, REDUCE": b"\x80\x02cos\nsystem\n" + text + b"\x85R.",
        "INST": b"\x80\x02" + inst,
        "OBJ": b"\x80\x02(cos\nsystem\n" + text + b"o.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + text + b"\x85R.",
        "from the memo": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93"
        + text
        + b"\x85R.",
        "NEWOBJ": b"\x80\x02csubprocess\nPopen\n" + text + b"\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04csubprocess\nPopen\n" + text + b"\x85}\x92.",
        "BUILD of a function": b"\x80\x02cbuiltins\nexec\n}b.",
        "dotted": b"\x80\x04\x8c\x05torch\x8c\x09os.system\x93" + text + b"\x85R.",
        "by a module of torch's": b"\x80\x02ctorch.serialization\nos.system\n" + text + b"\x85R.",
        "copyreg": b"\x80\x02ccopyreg\n__newobj__\ncos\nsystem\n\x85R.",
        "an extension": b"\x80\x02\x82\x01.",
        "python 2's name": b"\x80\x02c__builtin__\neval\n" + text + b"\x85R.",
        "posix": b"\x80\x02cposix\nsystem\n" + text + b"\x85R.",
        "in a persistent id": b"\x80\x02cos\nsystem\n" + text + b"\x85RQ.",
        "a foreign function": b"\x80\x02cpip\nmain\n]" + text + b"a\x85R.",
        "functools": b"\x80\x02cfunctools\npartial\ncos\nsystem\n" + text + b"\x86R.",
        "operator": b"\x80\x02coperator\nattrgetter\nX\x06\x00\x00\x00system\x85R.",
    }
    unread = {"INST", "OBJ", "STACK_GLOBAL", "NEWOBJ_EX", "dotted", "an extension", "from the memo"}
    for name, program in programs.items():
        said = refusal(with_program(tmp_path / "bad.ckpt", program))
        assert ("can't be loaded" if name in unread else "would run code") in said, (name, said)
        assert not mark.exists(), name


def test_a_name_within_builtins_is_refused_in_the_old_format(tmp_path: Path) -> None:
    head = [pickle.dumps(part, 2) for part in (torch.serialization.MAGIC_NUMBER, 1001, {})]
    (tmp_path / "x.ckpt").write_bytes(b"".join(head) + b"\x80\x02cbuiltins\nprint.Call\n.")
    assert "would run code" in refusal(tmp_path / "x.ckpt")


def test_what_stands_for_a_class_does_nothing(tmp_path: Path, mark: Path) -> None:
    """However a pickle makes one and whatever state it sets."""
    touch = f"touch {mark}".encode()
    text = b"X" + len(touch).to_bytes(4, "little") + touch
    state = b"}(X\x08\x00\x00\x00__dict__}X\x09\x00\x00\x00__class__K\x01u"
    for make in (text + b"\x85R", text + b"\x85\x81"):
        for then in (b"b.", b"\x86b.", state + b"b."):
            path = with_program(tmp_path / "x.ckpt", b"\x80\x02csubprocess_\nPopen\n" + make + then)
            refusal(path)
            assert not mark.exists()


def test_the_makers_of_tensors_can_t_be_changed(tmp_path: Path) -> None:
    """BUILD sets attributes: of a function it would last for the next file."""
    good = save(tmp_path / "good.ckpt", {"x": torch.arange(3.0)})
    state = b"}X\x05\x00\x00\x00_callK\x01s"
    for target in (b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n)R"):
        for program in (target + b"N" + state + b"\x86b.", target + state + b"b."):
            refusal(with_program(tmp_path / "bad.ckpt", b"\x80\x02" + program))
            stored = read_weights(good, named="x")
            assert stored.tensors["x"].tolist() == [0, 1, 2]


def test_damage_is_said(tmp_path: Path) -> None:
    ends = {
        "a huge memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "no end": b"\x80\x02}",
        "no such memo": b"\x80\x02h\x07.",
        "a bad persistent id": b"\x80\x02K\x01Q.",
        "a storage of no type": b"\x80\x02(X\x07\x00\x00\x00storageK\x01K\x01K\x01K\x01tQ.",
        "deep": b"\x80\x02" + b"]" * 10 + b"a" * 9 + b".",
    }
    for name, program in ends.items():
        said = refusal(with_program(tmp_path / "bad.ckpt", program))
        assert "can't be loaded" in said or "no weights" in said, name
    whole = save(tmp_path / "whole.ckpt", {"x": torch.zeros(1000)}).read_bytes()
    old = save(tmp_path / "old.ckpt", {"x": torch.zeros(1000)}, legacy=True).read_bytes()
    for data in (whole[:2000], old[:2000], old[:20], b"", b"version https://git-lfs\n", b"<html>"):
        (tmp_path / "cut.ckpt").write_bytes(data)
        assert "can't be loaded" in refusal(tmp_path / "cut.ckpt"), data[:20]


def test_a_tensor_stays_within_its_storage(tmp_path: Path) -> None:
    """Sizes and strides are the file's to say: past the storage lies another's memory."""
    path = save(tmp_path / "x.ckpt", {"x": torch.arange(6.0)[2:4], "y": torch.arange(6.0)})
    with zipfile.ZipFile(path) as archive:
        program = archive.read("x/data.pkl")
    assert b"K\x02\x85" in program
    long = program.replace(b"K\x02\x85", b"K\x40\x85")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "y.ckpt", "w") as new:
        for name in old.namelist():
            new.writestr(name, long if name.endswith("data.pkl") else old.read(name))
    assert "can't be loaded" in refusal(tmp_path / "y.ckpt")


@pytest.mark.parametrize("legacy", [False, True])
def test_harmless_classes_stand_for_nothing(
    tmp_path: Path, legacy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("some_trainer.callbacks")

    class ModelCheckpoint:
        def __init__(self, best: Any) -> None:
            self.best = best

    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = module.__name__, "ModelCheckpoint"
    module.ModelCheckpoint = ModelCheckpoint  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "some_trainer", types.ModuleType("some_trainer"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    base = torch.arange(12.0).reshape(3, 4)
    value = {
        "callbacks": {ModelCheckpoint: ModelCheckpoint(np.float64(0.5))},
        "hyper_parameters": {
            "set": {1},
            "path": PurePosixPath("a"),
            "array": np.arange(3),
            "counts": Counter("ab"),
            "lists": defaultdict(list, a=[1]),
            "queue": deque([1]),
        },
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3)}}}],
        "state_dict": OrderedDict(
            whole=base,
            turned=base.T,
            part=base[1:, ::2],
            scalar=torch.tensor(7),
            half=base.half(),
            brain=base.bfloat16(),
            empty=torch.empty(0, 3),
            parameter=torch.nn.Parameter(base + 1),
            flags=torch.tensor([True, False]),
        ),
    }
    path = save(tmp_path / "x.ckpt", value, legacy=legacy)
    monkeypatch.delitem(sys.modules, module.__name__)
    monkeypatch.delitem(sys.modules, "some_trainer")
    stored = read_weights(path, named="x")
    assert "some_trainer" not in sys.modules
    assert stored.tensors.keys() == value["state_dict"].keys()  # type: ignore[union-attr]
    for name, tensor in value["state_dict"].items():  # type: ignore[union-attr]
        assert stored.tensors[name].dtype == tensor.dtype
        assert torch.equal(stored.tensors[name], tensor), name


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_another_protocol_is_refused_with_what_to_do(tmp_path: Path, protocol: int) -> None:
    value = {"a": torch.arange(4.0), "b": b"bytes", "c": {1, 2}}
    said = refusal(save(tmp_path / "x.bin", value, pickle_protocol=protocol))
    assert "save its state dict again" in said


def test_a_pickle_that_is_none_of_torch_s(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(pickle.dumps({"a": 1}))
    assert "can't be loaded" in refusal(tmp_path / "x.ckpt")
