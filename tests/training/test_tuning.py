"""LoRA and full fine-tuning on a dataset folder of small pictures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from riffkit.audio import files
from riffkit.commands.training import play_command
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.errors import ParameterError
from riffkit.models.lora_file import FILE
from riffkit.models.pipeline import load_pipeline
from riffkit.music.clip import recipe_of
from riffkit.music.replay import replay
from riffkit.progress import Advance
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND, SpectrogramParams
from riffkit.training.adapters import KOHYA_FILE, in_half
from riffkit.training.clips import TrainingClips, read_clips
from riffkit.training.plan import plan_tuning
from riffkit.training.settings import FullSettings, LoraSettings, TuningSettings, to_toml
from riffkit.training.tuning import TuningTask
from riffkit.training.tuning_run import new_network, tune
from tests.dataset.small_dataset import PARAMS, small_dataset, small_model
from tests.models.layouts import small_v1, write_layout

QUICK: dict[str, Any] = {
    "images": 16,
    "batch_size": 4,
    "warmup_images": 4,
    "learning_rate": 1e-2,
    "ema_decay": 0.8,
    "device": "cpu",
    "sample_images": 0,
    "log_images": 4,
    "checkpoint_images": 8,
    "rank": 2,
    "prior_images": 0,
}


@pytest.fixture(scope="module")
def model(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predicts noise, as riffusion does."""
    folder = tmp_path_factory.mktemp("small") / "small"
    return small_model(folder, tiny_folder, prediction_type="epsilon")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("data") / "set")


def settings(model: Path, **other: Any) -> LoraSettings:
    return LoraSettings(**{**QUICK, "model": str(model), **other})


def losses(run: Path, name: str = "loss") -> dict[int, float]:
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return {line["images"]: line[name] for line in lines if name in line}


@pytest.fixture(scope="module")
def trained(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of both networks' LoRA."""
    run = tmp_path_factory.mktemp("runs") / "metal"
    asked = settings(model, images=96, text_encoder=True, kohya=True, trigger="zorg", alpha=4.0)
    list(tune(data, run, asked))
    return run


def test_it_learns_tracks_that_it_never_saw(trained: Path) -> None:
    held_out = list(losses(trained, "held_out_loss").values())
    assert held_out[-1] < 0.9 * held_out[0]


def test_the_file_says_what_it_is(trained: Path, model: Path) -> None:
    with safe_open(trained / FILE, framework="pt") as file:
        said, names = file.metadata(), set(file.keys())
    assert {name.split(".")[0] for name in names} == {"unet", "text_encoder"}
    assert SpectrogramParams.from_dict(json.loads(said["spectrogram"])) == PARAMS
    assert json.loads(said["trigger_words"]) == ["zorg"]
    recipe = json.loads(said["recipe"])
    assert recipe["model"]["fingerprint"] == load_pipeline(str(model)).fingerprint
    assert recipe["settings"]["rank"] == 2 and recipe["dataset"]["fingerprint"]
    assert (trained / FILE).stat().st_size <= 10e6


def test_diffusers_paints_the_same_with_it(trained: Path, model: Path) -> None:
    reference = StableDiffusionPipeline.from_pretrained(model, safety_checker=None)
    reference.load_lora_weights(trained)
    ours = load_pipeline(str(model), device="cpu", loras=[trained])
    base = load_pipeline(str(model), device="cpu")
    noisy = torch.randn((1, 4, 16, 32), generator=torch.Generator().manual_seed(0))
    tokens = base.tokenizer("zorg", padding="max_length", return_tensors="pt").input_ids

    def painted(unet: Any, text_encoder: Any) -> torch.Tensor:
        with torch.no_grad():
            return unet(noisy, 500, text_encoder(tokens).last_hidden_state).sample

    mine = painted(ours.unet, ours.text_encoder)
    torch.testing.assert_close(
        mine, painted(reference.unet, reference.text_encoder), atol=1e-5, rtol=0
    )
    assert (mine - painted(base.unet, base.text_encoder)).abs().max() > 1e-3
    assert (mine - painted(ours.unet, base.text_encoder)).abs().max() > 1e-5


def test_kohya_s_layout_is_the_same_lora(trained: Path, model: Path) -> None:
    one = load_pipeline(str(model), device="cpu", loras=[trained])
    other = load_pipeline(str(model), device="cpu", loras=[trained / KOHYA_FILE])
    for part in ("unet", "text_encoder"):
        weights = getattr(other, part).state_dict()
        for name, weight in getattr(one, part).state_dict().items():
            torch.testing.assert_close(weight, weights[name], msg=name, atol=1e-6, rtol=0)
    assert any(n.startswith("lora_te_text_model_") for n in load_file(trained / KOHYA_FILE))


def test_resumed_after_a_kill_equals_uninterrupted(
    model: Path, data: Path, tmp_path: Path, root: Path
) -> None:
    asked = settings(model, prior_images=1, prior_share=0.25, prior_prompts=("drums",), keep=2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    list(tune(data, whole, asked))
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[4])\n"
        "from riffkit.imports import prepare; prepare()\n"
        "from pathlib import Path; from riffkit.training.settings import LoraSettings\n"
        "from riffkit.training.tuning_run import tune\n"
        "asked = LoraSettings.model_validate_json(sys.argv[3])\n"
        "for line in tune(Path(sys.argv[1]), Path(sys.argv[2]), asked):\n"
        "    if line['images'] == 12 and 'loss' in line: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data), str(parts), asked.model_dump_json(), str(root)],
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert max(losses(parts)) == 12
    list(tune(data, parts, asked))
    assert losses(parts) == losses(whole)
    assert "prior" in json.loads((whole / "log.jsonl").read_text().splitlines()[0])
    first, second = load_file(whole / FILE), load_file(parts / FILE)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert len(list(parts.glob("state-*.pt"))) == 2


def test_a_finished_run_goes_on_to_more_images(model: Path, data: Path, tmp_path: Path) -> None:
    list(tune(data, tmp_path, settings(model)))
    before, seen = load_file(tmp_path / FILE), losses(tmp_path)
    list(tune(data, tmp_path, settings(model, images=24)))
    after = load_file(tmp_path / FILE)
    assert list(losses(tmp_path)) == [*seen, 20, 24]
    assert losses(tmp_path).items() > seen.items()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert json.loads((tmp_path / "recipe.json").read_text())["settings"]["images"] == 24


def test_two_processes_equal_one(model: Path, data: Path, tmp_path: Path, root: Path) -> None:
    """Five images a step, so that the shares are uneven."""
    asked = settings(model, images=15, batch_size=5, log_images=5, precision="no")
    list(tune(data, tmp_path / "one", asked))
    config = tmp_path / "asked.toml"
    config.write_text(to_toml(asked))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--cpu",
            "--num_processes",
            "2",
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
            str(root / "cli.py"),
            "train",
            "lora",
            str(data),
            str(tmp_path / "two"),
            "--config",
            str(config),
        ],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert list(one) == [5, 10, 15]
    assert list(one.values()) == pytest.approx(list(two.values()), abs=1e-4)
    log = (tmp_path / "two" / "log.jsonl").read_text()
    assert log.count('"loss"') == 3  # one of them writes
    assert done.stdout.count("\n") == 1 and "--lora" in done.stdout  # and speaks
    first, second = load_file(tmp_path / "one" / FILE), load_file(tmp_path / "two" / FILE)
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=2e-3, rtol=0)


def test_checkpointed_and_accumulated_gradients_are_the_same(
    tiny_folder: Path, tmp_path: Path
) -> None:
    """Circular in time with a bar cue, where the second pass must be circular as well."""
    model = small_model(tmp_path / "model", tiny_folder, bar_cue=True)
    data = small_dataset(tmp_path / "bars", bpm=120.0)
    list(tune(data, tmp_path / "a", settings(model, images=4)))
    other = settings(model, images=4, gradient_checkpointing=True, accumulation=3)
    list(tune(data, tmp_path / "b", other))
    first, second = losses(tmp_path / "a"), losses(tmp_path / "b")
    assert list(first.values()) == pytest.approx(list(second.values()), abs=1e-5)


@pytest.mark.parametrize("text_encoder", [False, True])
def test_half_precision_learns_the_same(
    model: Path, data: Path, tmp_path: Path, text_encoder: bool
) -> None:
    """bfloat16 has eight bits; a CPU without it is only slow."""
    series = []
    for precision in ("no", "bf16"):
        asked = settings(model, images=16, precision=precision, text_encoder=text_encoder)
        list(tune(data, tmp_path / precision, asked))
        series.append(losses(tmp_path / precision))
    assert series[0] != series[1]
    assert series[1] == pytest.approx(series[0], rel=0.02)


@pytest.mark.parametrize("kind", [LoraSettings, FullSettings])
def test_prior_pictures_are_denoised_as_before(
    model: Path, data: Path, tmp_path: Path, kind: type[TuningSettings]
) -> None:
    """Before the first step there is nothing to regain; later more is kept than without them."""
    values = {n: v for n, v in QUICK.items() if n != "rank" or kind is LoraSettings}
    values |= {"model": str(model), "text_encoder": True, "images": 48, "precision": "no"}
    many = {"prior_images": 4, "prior_share": 1.0, "prior_weight": 10.0}
    drifts = []
    for name, prior in (("with", many), ("without", {})):
        run = tmp_path / name
        list(tune(data, run, kind(**{**values, **prior})))
        lora = kind is LoraSettings
        tuned = load_pipeline(
            str(model if lora else run / "model"), device="cpu", loras=[run] if lora else []
        )
        drifts.append((seen(tuned, "piano") - seen(load_pipeline(str(model)), "piano")).norm())
    series = list(losses(tmp_path / "with", "prior").values())
    assert series[0] == 0 and max(series) > 0
    assert drifts[0] < 0.85 * drifts[1]


def test_captions_are_dropped_only_where_asked(model: Path) -> None:
    """What is painted without a caption stands behind every prompt, so a LoRA leaves it alone."""
    texts = torch.randn(3, 77, 16)  # the first is the empty caption's
    clips = TrainingClips(
        [torch.randn(4, 16, 32)] * 2, [torch.tensor([1]), torch.tensor([2])], texts
    )
    shares = []
    for dropped in ({}, {"caption_dropout": 0.3}):
        asked = settings(model, **dropped)
        network = new_network(load_pipeline(str(model), device="cpu", to_train=True), asked)
        task = TuningTask(network, load_pipeline(str(model)).scheduler.config, asked, clips)
        batch = task.draw(torch.arange(400) % 2, torch.Generator().manual_seed(0))
        shares.append(float((batch.captions == 0).float().mean()))
    assert shares[0] == 0 and shares[1] == pytest.approx(0.3, abs=0.07)


def seen(pipeline: Any, prompt: str) -> torch.Tensor:
    """What a checkpoint makes of some noise."""
    noisy = torch.randn((1, 4, 16, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        text = encode_prompts(pipeline, [prompt])
        found: torch.Tensor = pipeline.unet(noisy, 500, text).sample
    return found


def test_full_fine_tuning_leaves_a_model(model: Path, data: Path, tmp_path: Path) -> None:
    values = {name: value for name, value in QUICK.items() if name != "rank"}
    asked = FullSettings(**{**values, "images": 8, "model": str(model)})
    list(tune(data, tmp_path / "run", asked))
    new = load_pipeline(str(tmp_path / "run" / "model"), device="cpu")
    old = load_pipeline(str(model), device="cpu")
    assert new.params == PARAMS
    changed = [
        not torch.equal(a, b)
        for a, b in zip(new.unet.parameters(), old.unet.parameters(), strict=True)
    ]
    assert sum(changed) > len(changed) / 2
    for a, b in zip(new.text_encoder.parameters(), old.text_encoder.parameters(), strict=True):
        assert torch.equal(a, b)


def test_samples_are_seen_and_heard(model: Path, data: Path, tmp_path: Path) -> None:
    asked = settings(model, images=4, sample_images=4, sample_prompts=("drums", "piano"))
    list(tune(data, tmp_path, asked))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"loss", "held_out_loss"} <= set(tags["scalars"])
    assert tags["images"] == ["samples"] and len(tags["audio"]) == 2
    (sheet,) = events.Images("samples")
    assert sheet.step == 4 and sheet.height == 64 + 8
    names = [path.name for path in sorted((tmp_path / "samples").iterdir())]
    assert names == ["000004-1.png", "000004-1.wav", "000004-2.png", "000004-2.wav"]
    heard, _ = files.load(tmp_path / "samples" / "000004-1.wav")
    assert heard.abs().max() > 0.05
    image = SpectrogramImage.open(tmp_path / "samples" / "000004-2.png")
    assert image.params == PARAMS
    recipe = recipe_of(image)
    assert recipe is not None and recipe.arguments["prompt"] == "piano"
    assert "training at 4 images" in str(recipe.model["loras"])
    with pytest.raises(ParameterError, match=r"^'000004-2.wav': was made during training"):
        replay(tmp_path / "samples" / "000004-2.wav", tmp_path / "again.wav", model=str(model))


def test_stages_and_steps_are_told(model: Path, data: Path, tmp_path: Path) -> None:
    """Each stage by name, and all of its steps; a resumed run begins where it was."""
    told: list[tuple[str, int | None, int]] = []
    notes: list[str] = []

    def begin(what: str, total: int | None = None, done: int = 0) -> Advance:
        told.append((what, total, done))
        place = len(told) - 1

        def advance(n: int = 1, note: str = "") -> None:
            told[place] = (what, total, told[place][2] + n)
            notes.append(note)

        return advance

    asked = {"prior_images": 2, "prior_prompts": ("drums",)}
    list(tune(data, tmp_path, settings(model, images=8, **asked), begin=begin))
    assert told == [
        (f"loading {model}", None, 0),
        ("reading the train clips", 12, 12),
        ("reading the test clips", 4, 4),
        (f"painting {model}'s own pictures", 2, 2),
        ("training", 8, 8),
        ("writing the result", None, 0),
    ]
    assert notes[-1].startswith("loss 0.") or notes[-1].startswith("loss 1.")
    told.clear()
    list(tune(data, tmp_path, settings(model, images=16, **asked), begin=begin))
    assert told[-2] == ("training", 16, 16)
    assert notes.count("") == 12 + 4 + 2 + 12 + 4  # the pictures were kept


def test_a_plan_says_what_a_run_would_do(model: Path, data: Path, tmp_path: Path) -> None:
    asked = settings(model, images=48, trigger="zorg", sample_images=8)
    plan = plan_tuning(data, tmp_path, asked)
    assert (plan.n_train, plan.n_test, plan.n_songs, plan.images_done) == (12, 4, 1, 0)
    assert plan.seconds == pytest.approx(16 * 1.28) and plan.seconds_left is None
    assert plan.captions == ("zorg, loud drums", "zorg, quiet piano")
    words = "\n".join(plan.lines())
    assert "12 clips for training and 4 held out" in words and "each clip 4 times" in words
    assert plan.prompt == "zorg, loud drums"
    command = play_command(plan.prompt, Path("my run"), asked)
    assert command == f"riff generate 'zorg, loud drums' --model {model} --lora 'my run'"
    list(tune(data, tmp_path, settings(model, images=8, trigger="zorg")))
    later = plan_tuning(data, tmp_path, asked)
    assert later.images_done == 8
    assert later.images_per_second and later.seconds_left == 40 / later.images_per_second


@pytest.mark.slow
def test_other_programs_say_nothing_to_a_python_user(
    model: Path, data: Path, tmp_path: Path, root: Path
) -> None:
    """Nor is what the user chose to hear of them changed."""
    file = write_layout(small_v1(), "safetensors", tmp_path)
    file.with_name("spectrogram.json").write_text(json.dumps(PARAMS.to_dict()))
    code = (
        "import sys, riffkit, transformers\n"
        "chosen = transformers.utils.logging.get_verbosity()\n"
        "common = dict(images=4, batch_size=4, device='cpu', sample_images=4)\n"
        "lora = riffkit.LoraSettings(model=sys.argv[2], prior_images=1, **common)\n"
        "list(riffkit.tune(sys.argv[1], 'a', lora))\n"
        "list(riffkit.tune(sys.argv[1], 'b', riffkit.FullSettings(model=sys.argv[3], **common)))\n"
        "riffkit.load(sys.argv[2], loras=['a']).generate('drums', steps=1, quality='preview')\n"
        "assert transformers.utils.logging.get_verbosity() == chosen\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data), str(model), str(file)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


def refused(data: Path, run: Path, asked: TuningSettings) -> str:
    with pytest.raises(ParameterError) as error:
        list(tune(data, run, asked))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_run_of_something_else_is_refused(
    model: Path, tiny_folder: Path, data: Path, trained: Path, tmp_path: Path
) -> None:
    same = {"images": 96, "text_encoder": True, "kohya": True, "trigger": "zorg", "alpha": 4.0}
    assert "rank=2" in refused(data, trained, settings(model, **same, rank=4))
    other = small_model(tmp_path / "other", tiny_folder)
    weights = next((other / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert "another model" in refused(data, trained, settings(other, **same))
    more = small_dataset(tmp_path / "more", n_train=13)
    assert "another dataset" in refused(more, trained, settings(model, **same))
    full = FullSettings(model=str(model), device="cpu")
    assert "riff train lora" in refused(data, trained, full)


@pytest.mark.parametrize("name", ["holiday.jpg", "state.pt"])
def test_a_folder_of_other_files_is_no_run(
    model: Path, data: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / ".DS_Store").touch()
    assert plan_tuning(data, tmp_path, settings(model))
    (tmp_path / name).touch()
    assert "is not empty and has no run" in refused(data, tmp_path, settings(model))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("content", ["[1]", "{}", '{"kind": "lora", "model": {}}'])
def test_a_damaged_recipe_is_said(model: Path, data: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "recipe.json").write_text(content)
    (tmp_path / "state.pt").touch()
    said = refused(data, tmp_path, settings(model))
    assert "recipe.json is damaged; choose another folder" in said


def test_a_damaged_log_stops_no_run(model: Path, data: Path, tmp_path: Path) -> None:
    list(tune(data, tmp_path, settings(model, images=8)))
    log = tmp_path / "log.jsonl"
    whole = log.read_text()
    log.write_text(f"3\n[]\n{whole}")
    assert plan_tuning(data, tmp_path, settings(model)).seconds_left is None
    list(tune(data, tmp_path, settings(model)))
    assert log.read_text().startswith(whole)
    assert list(losses(tmp_path)) == [4, 8, 12, 16]


def test_a_single_file_becomes_a_folder(data: Path, tmp_path: Path) -> None:
    """With what it learned, and what it was told of its pictures and its music."""
    file = write_layout(small_v1(), "safetensors", tmp_path)
    file.with_name("spectrogram.json").write_text(json.dumps(PARAMS.to_dict()))
    file.with_name("riffkit.json").write_text(json.dumps({"default_steps": 3}))
    values = {name: value for name, value in QUICK.items() if name != "rank"}
    list(tune(data, tmp_path / "run", FullSettings(**values, model=str(file))))
    folder = tmp_path / "run" / "model"
    old, new = (load_pipeline(str(path), device="cpu") for path in (file, folder))
    assert (new.params, new.traits, new.notes) == (old.params, old.traits, old.notes)
    apart = (seen(new, "piano") - seen(old, "piano")).norm() / seen(old, "piano").norm()
    assert apart > 0.05
    kept = old.vae.state_dict()
    for name, tensor in new.vae.state_dict().items():
        assert torch.equal(tensor, kept[name].half().float())
    theirs = StableDiffusionPipeline.from_pretrained(folder)
    ids = theirs.tokenizer("a piano").input_ids
    assert ids == old.tokenizer("a piano").input_ids
    assert torch.equal(theirs.unet.conv_out.weight, new.unet.conv_out.weight)


def test_latents_of_an_older_dataset_are_not_taken(model: Path, data: Path, tmp_path: Path) -> None:
    pipeline, cache = load_pipeline(str(model)), tmp_path / "latents.safetensors"
    old = read_clips(data, "train", pipeline, cache=cache).latents
    again = Path(shutil.copytree(data, tmp_path / "again"))
    lines = (data / "metadata.jsonl").read_text()
    (again / "metadata.jsonl").write_text(lines.replace("0000", "1"))
    save_file({name: t + 1 for name, t in load_file(cache).items()}, cache, metadata=meta_of(cache))
    taken = read_clips(data, "train", pipeline, cache=cache).latents
    assert torch.equal(taken[0], old[0] + 1)
    assert torch.equal(read_clips(again, "train", pipeline, cache=cache).latents[0], old[0])


def meta_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


def test_a_dataset_that_cannot_be_trained_on_is_refused(
    model: Path, tiny_folder: Path, data: Path, tmp_path: Path
) -> None:
    in_bars = small_model(tmp_path / "in-bars", tiny_folder, bar_cue=True)
    assert "is cut by seconds" in refused(data, tmp_path / "run", settings(in_bars))
    asked = settings(model)
    other = small_dataset(tmp_path / "other", n_train=1, n_test=0, params=FULL_BAND)
    assert "full-band" in refused(other, tmp_path / "run", asked)
    untrained = small_dataset(tmp_path / "untrained", n_train=0)
    assert "train split is empty" in refused(untrained, tmp_path / "run", asked)
    none = small_dataset(tmp_path / "none", n_train=0, n_test=0)
    assert "no shards" in refused(none, tmp_path / "run", asked)
    assert "riff dataset build" in refused(tmp_path, tmp_path / "run", asked)


def test_layers_that_are_not_there_are_named(model: Path, data: Path, tmp_path: Path) -> None:
    assert "to_q" in refused(data, tmp_path, settings(model, targets=("to_z",)))


def test_a_missing_8_bit_optimiser_is_said(model: Path, data: Path, tmp_path: Path) -> None:
    if find_spec("bitsandbytes") is None:
        said = refused(data, tmp_path, settings(model, optimizer="adamw8bit"))
        assert "pip install bitsandbytes" in said


def test_a_file_too_large_keeps_its_strongest_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    down = torch.randn((8, 40), generator=generator)
    up = torch.randn((30, 8), generator=generator) * torch.logspace(0, -4, 8)
    layers = {"a.lora_A.weight": down, "a.lora_B.weight": up}
    kept = in_half(layers, max_bytes=2 * 70 * 4)
    assert kept["a.lora_A.weight"].shape == (4, 40)
    product = kept["a.lora_B.weight"].float() @ kept["a.lora_A.weight"].float()
    whole = up @ down
    assert (product - whole).norm() < 0.02 * whole.norm()
    assert in_half(layers, max_bytes=10_000)["a.lora_A.weight"].shape == (8, 40)
