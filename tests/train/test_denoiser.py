"""The denoiser's training on pairs: it uses its guide, drops it, resumes, and is exported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from transformers import CLIPTextConfig, CLIPTextModel

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
from riffkit.diffusion.latents import (
    draw_noise,
    guide_latents,
    latents_to_pixels,
    pixels_to_latents,
)
from riffkit.errors import ParameterError
from riffkit.models.pipeline import load_pipeline
from riffkit.spectrogram.params import CRISP
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from riffkit.training.state import load_ema
from train.denoiser import run as runs
from train.denoiser.batches import CAPTION_DROPOUT, GUIDE_DROPOUT, PairBatch, PairMusic
from train.denoiser.export import export
from train.denoiser.facts import FACTS
from train.denoiser.few_steps import FewSteps
from train.denoiser.latents import Pair, PairReader, PairRing, held_out_pairs
from train.denoiser.network import HIDDEN_SIZE, DenoiserConfig, GuidedDenoiser, read_tokenizer
from train.denoiser.run import DenoiserRun
from train.denoiser.task import DenoiserTask
from train.distill import N_STEPS, DistillTask, export_lora
from train.snapshot import FROZEN, load_snapshot, save_snapshot
from train.stream.workers import Pace
from train.vae.network import VaeConfig, new_vae

TINY = DenoiserConfig(
    sound_channels=4, channels=(16, 32), layers=(1, 1), attention=(0, 1), head_width=16, groups=8
)
TINY_VAE = VaeConfig(sound_channels=4, channels=(16, 16, 16), groups=4)
SAID = {"network": TINY.to_dict(), "autoencoder": "abc", "facts": list(FACTS)}
CONFIG = LoopConfig(
    images=96,
    batch_size=8,
    learning_rate=2e-3,
    warmup_images=8,
    schedule="constant",
    device="cpu",
    precision="no",
    ema_decay=0.9,
    more_ema_decays=(0.5,),
    log_seconds=0.0,
    checkpoint_seconds=0.0,
    sample_images=48,
)


def _text_encoder() -> CLIPTextModel:
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=49_408,
        hidden_size=HIDDEN_SIZE,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        eos_token_id=49_407,
        bos_token_id=49_406,
        pad_token_id=49_407,
    )
    encoder = CLIPTextModel(config)
    setattr(encoder.get_input_embeddings().requires_grad_(False), FROZEN, True)
    return encoder


def _network() -> GuidedDenoiser:
    encoder = _text_encoder()
    torch.manual_seed(0)
    return GuidedDenoiser(TINY, encoder, n_facts=len(FACTS))


def _pair(number: int, n_beats: int = 2, columns: int = 8) -> Pair:
    """Music of two rows that lie anywhere, and a guide that shows where."""
    generator = torch.Generator().manual_seed(number)
    places = torch.rand(1, 8, columns, generator=generator).round() * 2 - 1
    music = places * torch.tensor([1.0, -1.0, 0.7, -0.7])[:, None, None]
    guide = places.expand(4, -1, -1).clone()
    facts = {
        "n_beats": n_beats,
        "beats_per_bar": 4,
        "captions": [f"solo violin, {number} bpm"],
        "instruments": ["violin"],
        "drums": False,
        "number": number,
    }
    return Pair(music, guide, facts)


class _Endless:
    """Pairs that never come twice."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    @property
    def n_rendered(self) -> int:
        return len(self.numbers)

    def draw(self, n_pairs: int, generator: torch.Generator) -> Sequence[Pair]:
        drawn = torch.randint(2**31, (n_pairs,), generator=generator).tolist()
        self.numbers += drawn
        return [_pair(number) for number in drawn]


def _task(folder: Path, held_out: int = 16) -> DenoiserTask:
    return DenoiserTask(
        _network(),
        _Endless(),
        {"stem": [_pair(-1 - n) for n in range(held_out)]},
        tokenizer=read_tokenizer(),
        snapshots=folder / "snapshots",
        said=SAID,
    )


def _batch(task: DenoiserTask, n: int = 64) -> PairBatch:
    drawn = task.draw(torch.zeros(n, dtype=torch.int64), torch.Generator().manual_seed(1))
    assert isinstance(drawn, PairBatch)
    return drawn


def test_it_learns_to_follow_its_guide(tmp_path: Path) -> None:
    task = _task(tmp_path)
    config = replace(CONFIG, images=2_400, checkpoint_seconds=1e9, log_seconds=1e9, batch_size=16)
    *_, last = fit(task, config, tmp_path)
    assert last["stem_guided"] < 0.6 * last["stem_unguided"]
    assert last["pairs"] == last["images"] == 2_400  # none of these comes twice
    batch = _batch(task)
    shuffled = replace(batch, guide=batch.guide.roll(1, dims=0))
    with torch.no_grad():
        true, other = (float(task.loss(some)[1]["denoising"]) for some in (batch, shuffled))
    assert true < 0.8 * other


def test_guides_and_captions_are_left_out_as_often_as_said(tmp_path: Path) -> None:
    task = _task(tmp_path, held_out=1)
    batch = _batch(task, 1_000)
    blank = (batch.guide == 0).flatten(1).all(dim=1)
    assert blank.float().mean() == pytest.approx(GUIDE_DROPOUT, abs=0.04)
    assert (~batch.captioned).float().mean() == pytest.approx(CAPTION_DROPOUT, abs=0.03)
    empty = read_tokenizer()("", padding="max_length", return_tensors="pt").input_ids[0]
    assert ((batch.tokens == empty).all(dim=1) == ~batch.captioned).all()
    assert (blank & ~batch.captioned).sum() > 0  # each for itself
    assert batch.clean.shape[1] == batch.guide.shape[1] == TINY.latent_channels
    assert batch.guide[:, -1].abs().max() == 0  # the bar cue is the music's
    assert (batch.clean[:, -1] == bar_cue(8, 8, columns_per_bar=16)).all()


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole, first, second = (_task(tmp_path / name, 2) for name in ("whole", "parts", "parts"))
    list(fit(whole, CONFIG, tmp_path / "whole"))
    list(fit(first, replace(CONFIG, images=48), tmp_path / "parts"))
    list(fit(second, CONFIG, tmp_path / "parts"))
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)
    for decay in (None, 0.5):
        averages = [_network(), _network()]
        for network, name in zip(averages, ("whole", "parts"), strict=True):
            load_ema(network, tmp_path / name / "state.pt", decay=decay)
        pairs = zip(*(n.parameters() for n in averages), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


def test_averages_of_several_lengths_differ_and_others_are_refused(tmp_path: Path) -> None:
    list(fit(_task(tmp_path, 1), CONFIG, tmp_path))
    long, short = _network(), _network()
    load_ema(long, tmp_path / "state.pt")
    load_ema(short, tmp_path / "state.pt", decay=0.5)
    assert not torch.equal(long.unet.conv_in.weight, short.unet.conv_in.weight)
    with pytest.raises(ParameterError, match=r"ema_decay=0.7: the run keeps 0.5"):
        load_ema(short, tmp_path / "state.pt", decay=0.7)


def test_the_token_table_stays_and_is_in_no_snapshot(tmp_path: Path) -> None:
    task = _task(tmp_path, 1)
    before = task.network.text_encoder.get_input_embeddings().weight.clone()
    list(fit(task, CONFIG, tmp_path))
    assert torch.equal(before, task.network.text_encoder.get_input_embeddings().weight)
    assert task.network.text_encoder.final_layer_norm.weight.requires_grad
    path = tmp_path / "snapshots" / "denoiser-000000096.safetensors"
    assert path.stat().st_size < 1_000_000  # the table alone would have 6
    snapshot = load_snapshot(path)
    assert (snapshot.images_seen, snapshot.config["autoencoder"]) == (96, "abc")
    other = _network()
    snapshot.load_into(other)
    ema = _network()
    load_ema(ema, tmp_path / "state.pt")
    torch.testing.assert_close(
        other.unet.conv_out.weight, ema.unet.conv_out.weight, atol=2e-3, rtol=0
    )


def test_seconds_end_a_run_as_if_it_were_done(tmp_path: Path) -> None:
    task = _task(tmp_path, 1)
    config = replace(CONFIG, images=10**9, seconds=0.0, log_seconds=1e9, checkpoint_seconds=1e9)
    lines = list(fit(task, config, tmp_path))
    assert [line["images"] for line in lines] == [8.0, 8.0]
    assert (tmp_path / "snapshots" / "denoiser-000000008.safetensors").exists()


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    new_vae(TINY_VAE).save_pretrained(tmp_path / "vae")
    return tmp_path / "vae"


@pytest.fixture
def ring(tmp_path: Path, vae: Path) -> PairRing:
    ring = PairRing(tmp_path / "cache", CRISP, vae)
    for shard in range(2):
        ring.write(shard, [_pair(16 * shard + n, *((2, 8), (1, 4))[n % 2]) for n in range(16)])
    return ring


def test_pairs_come_back_as_they_were_written(ring: PairRing) -> None:
    stored, written = ring.pair(1, 4), _pair(20)
    torch.testing.assert_close(stored.music, written.music, atol=1e-3, rtol=0)
    assert torch.equal(stored.guide, written.guide)
    assert stored.facts == written.facts
    assert ring.sound_channels == 4


def test_a_batch_has_one_width_and_all_widths_come(ring: PairRing) -> None:
    reader = PairReader(ring, "a")
    widths = set()
    for seed in range(12):
        drawn = reader.draw(8, torch.Generator().manual_seed(seed))
        found = {pair.music.shape[-1] for pair in drawn}
        assert len(found) == 1
        assert len({pair.facts["number"] for pair in drawn}) > 3
        widths |= found
    assert widths == {8, 4}
    assert ring.n_drawn() == 96


def test_a_cache_of_another_autoencoder_is_refused(ring: PairRing, tmp_path: Path) -> None:
    torch.manual_seed(1)
    new_vae(TINY_VAE).save_pretrained(tmp_path / "other")
    with pytest.raises(ParameterError, match=f"autoencoder {ring.fingerprint}, not recipe"):
        PairRing(ring.folder, CRISP, tmp_path / "other")
    with pytest.raises(ParameterError, match="is not an autoencoder"):
        PairRing(ring.folder, CRISP, tmp_path / "nowhere")


def test_held_out_pairs_are_drawn_once(ring: PairRing) -> None:
    numbers = []

    def draw(number: int, *, kind: str) -> Pair:
        numbers.append(number)
        return _pair(number)

    first, again = (held_out_pairs(ring, draw, {"stem": 2, "mix": 1}) for _ in range(2))
    assert len(numbers) == len(set(numbers)) == 3
    assert min(numbers) >= 1_000_000_000
    assert torch.equal(first["mix"][0].guide, again["mix"][0].guide)


@pytest.fixture
def finished(ring: PairRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short run on what the ring holds."""
    monkeypatch.setattr(runs, "read_text_encoder", _text_encoder)
    monkeypatch.setattr(PairRing, "drawer", lambda self, fonts: lambda n, kind: _pair(n))
    monkeypatch.setattr("train.stream.run.find_soundfonts", list)
    run = DenoiserRun(tmp_path / "run", ring, workers=0, pace=Pace(0), held_out={"stem": 2})
    list(run.fit(network=TINY, images=16, batch_size=8, learning_rate=1e-3, device="cpu"))
    return tmp_path / "run"


def test_a_run_is_tied_to_its_network_and_autoencoder(
    finished: Path, ring: PairRing, tmp_path: Path
) -> None:
    said = json.loads((finished / "denoiser.json").read_text())
    assert said["autoencoder"] == ring.fingerprint
    run = DenoiserRun(finished, ring, workers=0, pace=Pace(0), held_out={"stem": 2})
    wider = replace(TINY, channels=(32, 32))
    with pytest.raises(ParameterError, match="was started with another network"):
        next(run.fit(network=wider, images=32, learning_rate=1e-3, device="cpu"))
    foreign = tmp_path / "foreign.safetensors"
    save_snapshot(foreign, _network(), 5, SAID)
    new = DenoiserRun(tmp_path / "new", ring, workers=0, pace=Pace(0), held_out={"stem": 2})
    with pytest.raises(ParameterError, match="is of another autoencoder"):
        next(new.fit(network=TINY, start=foreign, images=32, learning_rate=1e-3, device="cpu"))
    own = finished / "snapshots" / "denoiser-000000016.safetensors"
    lines = list(
        new.fit(network=TINY, start=own, images=24, batch_size=8, learning_rate=1e-3, device="cpu")
    )
    assert lines[-1]["images"] == 24


def test_a_run_keeps_its_facts_when_scores_tell_more(
    finished: Path, ring: PairRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "FACTS", ("instrument theremin", *FACTS))
    own = finished / "snapshots" / "denoiser-000000016.safetensors"
    for folder, start in ((finished, None), (tmp_path / "new", own)):
        run = DenoiserRun(folder, ring, workers=0, pace=Pace(0), held_out={"stem": 2})
        fitted = run.fit(
            network=TINY, start=start, images=24, batch_size=8, learning_rate=1e-3, device="cpu"
        )
        assert [line["images"] for line in fitted][-1] == 24
        assert json.loads((folder / "denoiser.json").read_text())["facts"] == list(FACTS)


def test_the_exported_folder_paints_and_folds(finished: Path, vae: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    export(finished, vae, folder, CRISP)
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionInstructPix2PixPipeline"
    pipeline = load_pipeline(str(folder), device="cpu")
    assert pipeline.traits.guided
    assert (pipeline.stride, pipeline.fold, pipeline.guide_channels) == (16, 4, 5)
    pixels = torch.full((512, 128, 3), 255, dtype=torch.uint8).numpy()
    pixels[200, 30:60] = 0
    guide = guide_latents(pipeline, pixels, circular=True)
    assert guide.shape == (1, 5, 32, 8)
    text, none = encode_prompts(pipeline, ["solo violin", ""])[:, None]
    noise = draw_noise(pipeline, n_columns=8, seed=0)
    windows = [Window(0, 8, text, none)]
    painted = denoise(pipeline, noise, windows, SamplerConfig(2, 2.0, circular=True), guide=guide)
    image = latents_to_pixels(pipeline, painted, circular=True)
    assert image.shape == pixels.shape
    rolled = latents_to_pixels(pipeline, painted.roll(3, dims=-1), circular=True)
    assert abs(rolled.astype(int) - torch.from_numpy(image).roll(48, dims=1).numpy()).max() <= 1


def test_diffusers_alone_folds_by_the_folder_s_pipeline(
    finished: Path, vae: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    export(next((finished / "snapshots").iterdir()), vae, folder, CRISP)
    theirs = DiffusionPipeline.from_pretrained(
        folder, custom_pipeline=str(folder), trust_remote_code=True
    )
    ours = load_pipeline(str(folder), device="cpu")
    pixels = torch.randint(0, 256, (512, 64, 3), dtype=torch.uint8).numpy()
    signal = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        latents = theirs.vae.encode(signal).latent_dist.mode()
        torch.testing.assert_close(
            latents, pixels_to_latents(ours, pixels, circular=False), atol=1e-3, rtol=0
        )
        decoded = theirs.vae.decode(latents, return_dict=False)[0]
    image = (decoded[0] + 1).mul(127.5).round().clamp(0, 255).permute(1, 2, 0)
    same = torch.from_numpy(latents_to_pixels(ours, latents, circular=False))
    assert (image - same).abs().max() <= 1
    assert theirs.vae_scale_factor == 16


def test_weights_of_another_autoencoder_are_not_exported(finished: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    new_vae(TINY_VAE).save_pretrained(tmp_path / "other")
    with pytest.raises(ParameterError, match="was trained with the autoencoder"):
        export(finished, tmp_path / "other", tmp_path / "model", CRISP)


def test_sizes_that_do_not_fit_together_are_said() -> None:
    with pytest.raises(ParameterError, match="one per level"):
        DenoiserConfig(channels=(64, 96), layers=(1,), attention=(0, 1))
    with pytest.raises(ParameterError, match="multiples of 16"):
        DenoiserConfig(channels=(60, 96), layers=(1, 1), attention=(0, 1))
    with pytest.raises(ParameterError, match="needs one level"):
        DenoiserConfig(channels=(64, 96), layers=(1, 1), attention=(0, 0))
    assert DenoiserConfig.from_dict(json.loads(json.dumps(TINY.to_dict()))) == TINY


def test_few_steps_are_distilled_after_guides(
    finished: Path, ring: PairRing, vae: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    export(finished, vae, model, CRISP)
    run = FewSteps(tmp_path / "few", model, ring, held_out={"stem": 8})
    *_, last = run.fit(
        workers=0,
        pace=Pace(0),
        images=320,
        batch_size=8,
        learning_rate=1e-2,
        warmup_images=8,
        ema_decay=0.9,
        device="cpu",
        precision="no",
        checkpoint_seconds=1e9,
    )
    assert last["held_out_error"] < 0.92 * last["undistilled_error"]
    export_lora(model, tmp_path / "few" / "state.pt", model)
    assert load_pipeline(str(model), device="cpu").guidance_for(N_STEPS) == 1
    pairs = PairMusic(_Endless(), [_pair(n) for n in range(4)], read_tokenizer())
    (music,) = pairs.held_out(4)
    task = DistillTask(model, pairs)
    errors = []
    for guide in (music.guide, music.guide.roll(1, dims=0)):
        drawn = task._with_noise(
            replace(music, guide=guide), 0, False, torch.Generator().manual_seed(0)
        )
        errors.append(float(task._error(task.network, drawn).detach()))
    assert errors[0] != errors[1]
    with pytest.raises(ParameterError, match="is no model folder"):
        next(FewSteps(tmp_path / "x", tmp_path, ring).fit(workers=0, pace=Pace(0)))
