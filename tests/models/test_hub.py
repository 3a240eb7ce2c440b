"""Models from a hub: what is fetched, what is kept, what goes on after a break, what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DConditionModel
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

import cli
from riffkit.errors import ModelError, OutputError
from riffkit.models.hub import fetch as hub_module
from riffkit.models.hub.cache import cached
from riffkit.models.hub.fetch import pull
from riffkit.models.hub.hub_id import HubId, is_hub_id, parse_hub_id
from riffkit.models.locate import WEIGHTS
from riffkit.models.pipeline import find_model, load_pipeline
from riffkit.spectrogram.params import FULL_BAND
from tests.models.hub_server import Hub, commit_of, serving, sha256

ID = "someone/tiny"
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny model as published ones are: with a second format and precision, and extras."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "published"))
    (folder / "spectrogram.json").write_text(json.dumps(FULL_BAND.to_dict()))
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        weights = load_file(folder / part / f"{stem}.safetensors")
        halves = {name: tensor.half() for name, tensor in weights.items()}
        save_file(halves, folder / part / f"{stem}.fp16.safetensors", {"format": "pt"})
        (folder / part / f"{stem}.bin").write_bytes(b"not needed")
    for extra in (
        "README.md",
        "unet_traced.pt",
        "all.ckpt",
        "safety_checker/config.json",
        "safety_checker/model.safetensors",
        "feature_extractor/preprocessor_config.json",
    ):
        (folder / extra).parent.mkdir(exist_ok=True)
        (folder / extra).write_text("not needed")
    return folder


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server with the tiny model; huggingface_hub asks it, and keeps to an empty cache."""
    with serving(Hub({ID: {"main": folder}})) as hub:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
        clock = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
        monkeypatch.setattr("huggingface_hub.file_download.time", clock)
        yield hub


@pytest.fixture
def riff(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """The command line, in this process: what it prints on stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["riff", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == code, printed.err
        return printed.out, printed.err

    return run


def go_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def partials(tmp_path: Path) -> list[Path]:
    """What broken downloads of large files left; small ones' names have two dots."""
    return [p for p in (tmp_path / "cache").rglob("*.incomplete") if p.name.count(".") == 1]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a/b", HubId("a/b")),
        ("a/b@v1.0", HubId("a/b", "v1.0")),
        ("a/b:fp16", HubId("a/b", variant="fp16")),
        ("a/b.c@refs/pr/1:fp16", HubId("a/b.c", "refs/pr/1", "fp16")),
        ("a/b/c.ckpt", HubId("a/b", file="c.ckpt")),
        ("a/b/d/c.safetensors@x", HubId("a/b", "x", file="d/c.safetensors")),
    ],
)
def test_ids_are_read_and_written(text: str, parts: HubId) -> None:
    assert parse_hub_id(text) == parts
    assert str(parts) == text


@pytest.mark.parametrize(
    "text",
    [
        "mini",
        "./a/b",
        "/a/b",
        "~/b",
        "a/b/c",
        "a/../b",
        "a/b@../../x",
        "a/b.ckpt",
        "a--b/c",
        "a/b:",
        "../a",
        "a/b@",
    ],
)
def test_paths_and_names_are_no_ids(text: str) -> None:
    assert not is_hub_id(text)
    with pytest.raises(ModelError, match=r"owner/name\[/FILE\]"):
        parse_hub_id(text)


def test_pull_then_load_offline(
    hub: Hub, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[tuple[int, int]] = []
    pulled = pull(HubId(ID), lambda done, total: reports.append((done, total)))
    assert pulled.n_bytes == pulled.downloaded_bytes == reports[-1][0] == reports[-1][1]
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert len(reports) > 20
    here = {p.relative_to(pulled.path).as_posix() for p in pulled.path.rglob("*") if p.is_file()}
    wanted = {p.relative_to(tiny_folder).as_posix() for p in tiny_folder.rglob("*") if p.is_file()}
    assert here == wanted | {"spectrogram.json"}
    go_offline(monkeypatch)
    assert find_model(ID) == pulled.path
    loaded = load_pipeline(ID, device="cpu")
    assert loaded.params == FULL_BAND
    for name, tensor in load_file(tiny_folder / UNET).items():
        assert torch.equal(loaded.unet.state_dict()[name], tensor)


def test_weights_in_shards(
    hub: Hub, folder: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All shards and their index come, and one that is missing is fetched for loading."""
    whole = load_file(tiny_folder / UNET)
    for path in (folder / "unet").glob("diffusion_*"):
        path.unlink()
    stem, names = "diffusion_pytorch_model", sorted(whole)
    shards = [f"{stem}-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for n, shard in enumerate(shards):
        save_file({name: whole[name] for name in names[n::2]}, folder / "unet" / shard)
    where = {name: shards[n % 2] for n, name in enumerate(names)}
    index = {"metadata": {}, "weight_map": where}
    (folder / "unet" / f"{stem}.safetensors.index.json").write_text(json.dumps(index))
    pulled = pull(HubId(ID))
    assert sorted(p.name for p in (pulled.path / "unet").iterdir()) == sorted(
        ["config.json", f"{stem}.safetensors.index.json", *shards]
    )
    theirs = UNet2DConditionModel.from_pretrained(pulled.path / "unet")
    (pulled.path / "unet" / shards[1]).unlink()
    assert find_model(ID) == pulled.path
    go_offline(monkeypatch)
    ours = load_pipeline(ID, device="cpu").unet.state_dict()
    for name, tensor in whole.items():
        assert torch.equal(ours[name], tensor) and torch.equal(theirs.state_dict()[name], tensor)


def test_what_a_model_of_ours_has_beside_comes_too(hub: Hub, folder: Path) -> None:
    """The LoRA for few steps, and the detail that the autoencoder doesn't keep."""
    beside = ["few_steps/pytorch_lora_weights.safetensors", "grain/model.safetensors"]
    for name in beside:
        (folder / name).parent.mkdir()
        shutil.copy(WEIGHTS / "mini" / name, folder / name)
    pulled = pull(HubId(ID))
    assert all((pulled.path / name).is_file() for name in beside)


def test_the_cache_is_huggingface_hub_s_own(hub: Hub, tmp_path: Path) -> None:
    from huggingface_hub import scan_cache_dir, snapshot_download

    pulled = pull(HubId(ID))
    (repo,) = scan_cache_dir(tmp_path / "cache").repos
    (revision,) = repo.revisions
    assert (repo.repo_id, revision.commit_hash, revision.refs) == (ID, pulled.commit, {"main"})
    assert revision.size_on_disk == pulled.n_bytes
    assert Path(snapshot_download(ID, local_files_only=True)) == pulled.path


def test_what_is_there_is_not_fetched_again(hub: Hub) -> None:
    first = pull(HubId(ID))
    hub.asked.clear()
    again = pull(HubId(ID))
    assert (again.path, again.downloaded_bytes) == (first.path, 0)
    assert len(hub.asked) == 1  # whether the branch has moved on
    hub.asked.clear()
    assert find_model(ID) == first.path
    assert hub.asked == []


def test_a_model_that_is_not_there_is_fetched_for_loading(hub: Hub) -> None:
    assert load_pipeline(ID, device="cpu").name == ID
    assert UNET in hub.fetched()


def test_a_broken_download_goes_on_where_it_broke(hub: Hub, tmp_path: Path, folder: Path) -> None:
    hub.cut_after = 0
    with pytest.raises(ModelError, match="no connection to http") as broken:
        pull(HubId(ID))
    assert str(broken.value).count("\n") == 0 and "run the command again to resume" in str(
        broken.value
    )
    (partial,) = partials(tmp_path)
    partial.write_bytes((folder / UNET).read_bytes()[:5000])
    assert cached(HubId(ID)) is None
    hub.cut_after = None
    hub.asked.clear()
    pulled = pull(HubId(ID))
    ranges = [(path, wanted) for _, path, wanted in hub.asked if wanted]
    digest = sha256(folder / UNET)
    assert ranges and {wanted for _, wanted in ranges} == {"bytes=5000-"}
    assert f"/cdn/{digest}" in {path for path, _ in ranges}
    assert sha256(pulled.path / UNET) == digest
    assert partials(tmp_path) == []


def test_one_break_is_mended_without_a_word(hub: Hub, folder: Path) -> None:
    """Each answer brings 30 kB: several, each from where the last one ended, make the file."""
    hub.cut_after = 30_000
    pulled = pull(HubId(ID))
    assert sha256(pulled.path / UNET) == sha256(folder / UNET)
    wanted = {wanted for _, path, wanted in hub.asked if path.endswith(sha256(folder / UNET))}
    assert None in wanted and len(wanted) > 1


def test_a_server_without_ranges_sends_it_whole(hub: Hub, tmp_path: Path, folder: Path) -> None:
    blobs = tmp_path / "cache" / "models--someone--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(folder / UNET)}.incomplete").write_bytes(b"?" * 5000)
    hub.ignores_range = True
    assert sha256(pull(HubId(ID)).path / UNET) == sha256(folder / UNET)


def test_a_file_of_a_wrong_size_is_removed_and_named(hub: Hub, tmp_path: Path) -> None:
    hub.cut_to = 3000
    with pytest.raises(ModelError, match=r"unet/\S+\.safetensors has 3000 bytes"):
        pull(HubId(ID))
    assert partials(tmp_path) == [] and cached(HubId(ID)) is None


def test_what_went_wrong_in_what_had_come_is_not_taken(
    hub: Hub, tmp_path: Path, folder: Path
) -> None:
    """As long as it should be, but half of it never reached the disk."""
    blobs = tmp_path / "cache" / "models--someone--tiny" / "blobs"
    blobs.mkdir(parents=True)
    size = (folder / UNET).stat().st_size
    (blobs / f"{sha256(folder / UNET)}.incomplete").write_bytes(bytes(size))
    with pytest.raises(
        ModelError, match=r"unet/\S+\.safetensors was damaged in transfer and has been removed"
    ):
        pull(HubId(ID))
    assert partials(tmp_path) == [] and cached(HubId(ID)) is None
    assert sha256(pull(HubId(ID)).path / UNET) == sha256(folder / UNET)


def test_a_damaged_file_in_the_cache_is_fetched_again(hub: Hub, folder: Path) -> None:
    pulled = pull(HubId(ID))
    (pulled.path / UNET).resolve().write_bytes(b"short")
    again = pull(HubId(ID))
    assert again.downloaded_bytes == (folder / UNET).stat().st_size
    assert sha256(again.path / UNET) == sha256(folder / UNET)


def test_variant(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    pulled = pull(parse_hub_id(f"{ID}:fp16"))
    weights = {p.name for p in pulled.path.rglob("*.safetensors")}
    assert weights == {"diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors"}
    assert not list(pulled.path.rglob("*.bin"))
    assert cached(HubId(ID, variant="fp16")) == cached(HubId(ID)) == pulled.path
    assert cached(HubId(ID, variant="fp32")) is None
    with pytest.raises(ModelError, match=r"no variant 'bf16'; it has fp16, fp32$"):
        pull(HubId(ID, variant="bf16"))


def test_revisions(hub: Hub, folder: Path, tmp_path: Path, monkeypatch) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    (other / "riffkit.json").write_text('{"default_steps": 11}')
    hub.add(ID, other, "v2")
    paths = [find_model(name) for name in (ID, f"{ID}@v2", f"{ID}@{commit_of(other)}")]
    assert paths[0] != paths[1] == paths[2]
    hub.folders[ID]["main"] = other
    assert find_model(ID) == paths[0]
    assert pull(HubId(ID)).path == paths[1]
    go_offline(monkeypatch)
    assert find_model(ID) == paths[1]
    assert load_pipeline(f"{ID}@v2", device="cpu").traits.default_steps == 11
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        find_model(f"{ID}@v3")


def test_single_files(hub: Hub, tmp_path: Path) -> None:
    files = tmp_path / "files"
    (files / "old").mkdir(parents=True)
    (files / "a.safetensors").write_bytes(b"a" * 100)
    (files / "a.ckpt").write_bytes(b"a" * 200)
    (files / "old" / "b.ckpt").write_bytes(b"b" * 50)
    (files / "spectrogram.json").write_text(json.dumps(FULL_BAND.to_dict()))
    hub.add("someone/file", files)
    found = find_model("someone/file")
    assert found.name == "a.safetensors" and found.read_bytes() == b"a" * 100
    assert {p.name for p in found.parent.iterdir()} == {"a.safetensors", "spectrogram.json"}
    assert find_model("someone/file/old/b.ckpt").read_bytes() == b"b" * 50
    (files / "c.safetensors").write_bytes(b"c")
    with pytest.raises(ModelError, match=r"someone/file/FILE: a\.safetensors, c\.safetensors$"):
        pull(HubId("someone/file"))
    with pytest.raises(ModelError, match=r"no file d\.ckpt"):
        pull(HubId("someone/file", file="d.ckpt"))
    with pytest.raises(ModelError, match="remove :fp16"):
        pull(HubId("someone/file", variant="fp16", file="c.safetensors"))


@pytest.mark.parametrize("what", ["nothing", "half"])
def test_a_repository_of_another_kind(hub: Hub, tmp_path: Path, what: str) -> None:
    other = tmp_path / "another"
    other.mkdir()
    (other / "README.md").write_text("words")
    if what == "half":
        (other / "model_index.json").write_text("{}")
    hub.add("someone/words", other)
    with pytest.raises(ModelError, match=r"it is not a (complete )?Stable Diffusion") as refused:
        pull(HubId("someone/words"))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("someone/absent", "bundled model or public hub repository"),
        ("someone/tiny@v9", "has no revision 'v9'"),
        ("someone/closed", "`hf auth login`"),
        ("someone/tiny:ema", "no variant 'ema'"),
        ("mini", "not a hub id"),
    ],
)
def test_a_refusal_is_one_line(hub: Hub, folder: Path, riff, model: str, says: str) -> None:
    hub.add("someone/closed", folder)
    hub.gated.add("someone/closed")
    out, error = riff("models", "pull", model, code=2)
    assert out == "" and says in error and error.count("\n") == 1, error


@pytest.mark.parametrize(
    ("status", "says"), [(401, "hf auth login"), (403, "403"), (429, "wait"), (500, "try again")]
)
def test_what_else_a_server_answers(hub: Hub, riff, status: int, says: str) -> None:
    hub.refuses = status
    _, error = riff("models", "pull", ID, code=2)
    assert says in error and error.count("\n") == 1, error


def test_no_server_and_offline(hub: Hub, riff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    _, error = riff("models", "pull", ID, code=2)
    assert "no connection to http://127.0.0.1:9" in error and error.count("\n") == 1, error
    go_offline(monkeypatch)
    _, error = riff("models", "pull", ID, code=2)
    assert "HF_HUB_OFFLINE is set" in error and error.count("\n") == 1


def test_a_full_disk_is_said_before_the_download(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=20_000)
    monkeypatch.setattr(hub_module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(
        OutputError, match=r"needs [3-9]\.\d MB, but .*cache' has only 0\.0 MB left"
    ):
        pull(HubId(ID))
    assert hub.fetched() == []


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("model_index.json", {"_class_name": "StableDiffusionXLPipeline"}, "Stable Diffusion XL"),
        ("unet/config.json", {"in_channels": 9}, "inpainting"),
    ],
)
def test_another_architecture_is_refused_before_its_weights(
    hub: Hub, folder: Path, file: str, change: dict[str, object], says: str
) -> None:
    values = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**values, **change}))
    with pytest.raises(ModelError, match=says):
        pull(HubId(ID))
    assert file in hub.fetched()
    assert not [name for name in hub.fetched() if name.endswith(".safetensors")]


def test_list_show_remove(hub: Hub, riff, folder: Path, tmp_path: Path) -> None:
    out, error = riff("models", "pull", ID, "--json")
    facts = json.loads(out)
    assert facts["model"] == ID and facts["revision"] == commit_of(folder) and error == ""
    assert Path(facts["path"]).is_dir()
    assert "already complete" in riff("models", "pull", ID)[0]

    (row,) = [
        m for m in json.loads(riff("models", "list", "--json")[0])["models"] if "/" in m["name"]
    ]
    assert row["name"] == ID and row["preset"] == "full-band"
    assert (row["bytes"], row["revision"]) == (facts["bytes"], facts["revision"])
    assert (
        f"{ID}  model, from the hub ({facts['revision'][:8]}), full-band"
        in riff("models", "list")[0]
    )

    shown = json.loads(riff("models", "show", ID, "--json")[0])
    expected = sum(tensor.numel() for tensor in load_file(folder / UNET).values())
    assert shown["parameters"]["unet"] == expected
    assert shown["parts"]["unet"] == "UNet2DConditionModel"
    assert shown["spectrogram"]["preset"] == "full-band"

    assert "--yes" in riff("models", "remove", ID, code=2)[1]
    before = sum(p.lstat().st_size for p in (tmp_path / "cache").rglob("*") if p.is_file())
    freed = json.loads(riff("models", "remove", ID, "--yes", "--json")[0])["freed_bytes"]
    assert facts["bytes"] <= freed <= before
    assert ID not in riff("models", "list")[0]
    assert "models pull" in riff("models", "show", ID, code=2)[1]
    assert "not in the local cache" in riff("models", "remove", ID, "--yes", code=2)[1]


def test_removing_one_revision_keeps_the_other(
    hub: Hub, riff, folder: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    (other / "riffkit.json").write_text('{"default_steps": 11}')
    hub.add(ID, other, "v2")
    main, second = pull(HubId(ID)), pull(HubId(ID, "v2"))
    assert second.downloaded_bytes < 100_000
    freed = json.loads(riff("models", "remove", f"{ID}@v2", "--yes", "--json")[0])["freed_bytes"]
    assert 0 < freed < 20_000
    assert cached(HubId(ID)) == main.path and cached(HubId(ID, "v2")) is None
    assert load_pipeline(ID, device="cpu").params == FULL_BAND


def test_removing_one_of_two_with_the_same_commits_keeps_the_other(
    hub: Hub, riff, tmp_path: Path
) -> None:
    """A repository that was renamed is in the cache by both names."""
    pull(HubId(ID))
    cache = tmp_path / "cache"
    for k in range(6):
        shutil.copytree(
            cache / "models--someone--tiny", cache / f"models--other{k}--tiny", symlinks=True
        )
    for k in range(6):
        riff("models", "remove", f"other{k}/tiny", "--yes")
        assert cached(HubId(ID)) is not None
        assert all(cached(HubId(f"other{other}/tiny")) for other in range(k + 1, 6))
    assert [path.name for path in cache.glob("models--*")] == ["models--someone--tiny"]


def test_remove_takes_an_unfinished_download(hub: Hub, riff, tmp_path: Path) -> None:
    hub.cut_after = 0
    riff("models", "pull", ID, code=2)
    assert partials(tmp_path)
    riff("models", "remove", ID, "--yes")
    assert list((tmp_path / "cache").glob("models--*")) == []


@pytest.mark.parametrize("model", ["mini", "published", "someone/tiny:fp16"])
def test_remove_refuses_what_is_no_cached_repository(riff, folder: Path, model: str) -> None:
    _, error = riff("models", "remove", model, "--yes", code=2)
    assert error.count("\n") == 1 and model in error
    assert folder.is_dir()


def test_other_kinds_in_the_cache_are_not_listed(hub: Hub, riff, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    for name, index in (("bert", None), ("xl", "StableDiffusionXLPipeline")):
        other = tmp_path / name
        other.mkdir()
        save_file({"x": torch.zeros(2)}, other / "model.safetensors")
        (other / "config.json").write_text("{}")
        if index:
            (other / "model_index.json").write_text(json.dumps({"_class_name": index}))
        hub.add(f"someone/{name}", other)
        for path in other.iterdir():
            hf_hub_download(f"someone/{name}", path.name)
    assert "someone" not in riff("models", "list")[0]


def test_show_a_single_file(riff, tmp_path: Path) -> None:
    tensors = {
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(4, 3),
        "first_stage_model.encoder.conv_in.weight": torch.zeros(5),
        "cond_stage_model.transformer.x": torch.zeros(7),
        "alphas_cumprod": torch.zeros(2),
    }
    save_file(tensors, tmp_path / "m.safetensors")
    torch.save({"state_dict": tensors}, tmp_path / "m.ckpt")
    shown = json.loads(riff("models", "show", "m.safetensors", "--json")[0])
    assert shown["parameters"] == {"unet": 12, "vae": 5, "text_encoder": 7, "other": 2}
    assert shown["spectrogram"]["preset"] == "riffusion-v1"
    pickled = json.loads(riff("models", "show", "m.ckpt", "--json")[0])
    assert pickled["parameters"] == shown["parameters"]
    (tmp_path / "bad.safetensors").write_bytes(b"x" * 100)
    assert "copy it again" in riff("models", "show", "bad.safetensors", code=2)[1]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_has_come(hub: Hub, root: Path, tmp_path: Path, folder: Path) -> None:
    """The real command, which finds hub and cache by huggingface_hub's own variables."""
    hub.bytes_a_second = 15_000
    digest = sha256(folder / UNET)
    program = (
        "import huggingface_hub.constants as c; c.DOWNLOAD_CHUNK_SIZE = 1024; "
        "import cli; cli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "models", "pull", ID],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(root),
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_CACHE": str(tmp_path / "cache"),
        },
    )
    deadline = time.monotonic() + 60
    partial = tmp_path / "cache" / "models--someone--tiny" / "blobs" / f"{digest}.incomplete"
    while not partial.is_file() or partial.stat().st_size < 2048:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (130, "", "riff: stopped\n")
    length = partial.stat().st_size
    assert 2048 <= length < (folder / UNET).stat().st_size
    hub.bytes_a_second = None
    hub.asked.clear()
    pulled = pull(HubId(ID))
    assert f"bytes={length}-" in {wanted for _, _, wanted in hub.asked}
    for part in ("unet", "vae", "text_encoder"):
        for path in (pulled.path / part).glob("*.safetensors"):
            assert sha256(path) == sha256(folder / part / path.name)
