"""Training of the bundled model on a handful of invented loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from riffkit.dataset.formats import read_dataset_info, read_metadata, read_shards
from riffkit.diffusion.bar_cue import bar_cue
from riffkit.diffusion.circular import circular_in_time
from riffkit.errors import ParameterError
from riffkit.models.pipeline import WEIGHTS
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from riffkit.training.objective import min_snr_weights
from train.facts import fact_words
from train.mini.autoencoder import (
    LATENT_CHANNELS,
    N_SOUND_CHANNELS,
    AutoencoderTask,
    new_autoencoder,
    standardize_latents,
    texture_distance,
)
from train.mini.crops import Crops, pixels_to_signal
from train.mini.full import SCHEDULE, DiffusionTask, TextToLatents, load_networks, new_unet
from train.mini.latents import CachedClips, cache_latents, read_latents
from train.mini.loops import clip_of, finish, read_loops, write_loops
from train.mini.text import HIDDEN_SIZE, byte_letters, new_text_encoder, principal_components

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A dataset of 40 images: two levels of gray, by caption."""
    clips = []
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 40, (40, 512, 128, 3), dtype=np.uint8)
    for row in range(40):
        dark = row % 2
        pixels[row] += np.uint8(20 + 140 * dark)
        captions = ["loud drums"] * 2 if dark else ["quiet piano"] * 2
        facts = {"beats_per_bar": 4, "instruments": ["drums" if dark else "piano"], "key": None}
        image = SpectrogramImage(pixels[row], FULL_BAND, grid=BeatGrid(120.0, 2))
        clips.append(clip_of(row, image, captions, facts, lufs=-16.0))
    write_loops(tmp_path, 0, clips)
    finish(tmp_path, seed=0)
    return tmp_path


def signals(data: Path, n: int) -> torch.Tensor:
    """The first images of it."""
    return pixels_to_signal(np.stack([loop.pixels() for loop in read_loops(data)[:n]]))


def test_rendered_loops_are_a_dataset(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    loops, records = read_loops(data), read_metadata(data)
    assert len(loops) == 40 == len(records)
    assert loops[1].facts["instruments"] == ["drums"] and loops[1].captions[0] == "loud drums"
    samples = [*read_shards(data, "train"), *read_shards(data, "test")]
    for loop, sample in zip(loops, samples, strict=True):
        assert loop.width == 128
        assert np.array_equal(loop.pixels(), sample.image.pixels.transpose(2, 0, 1))
        assert sample.record.captions == loop.captions
    assert [s.record.file_name for s in samples[-2:]] == [f"test/{n:08d}.flac" for n in (19, 39)]
    assert read_dataset_info(data).params == FULL_BAND
    with pytest.raises(ParameterError, match="riff train render"):
        read_loops(tmp_path_factory.mktemp("empty"))


def test_autoencoder_learns(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = LoopConfig(
        images=40,
        batch_size=2,
        learning_rate=1e-3,
        warmup_images=1,
        ema_decay=0.5,
        device="cpu",
        log_seconds=0.0,
        checkpoint_seconds=1e9,
    )
    task = AutoencoderTask(Crops(data))
    before = task.evaluate(task.network)["held_out_levels"]
    *_, last = fit(task, config, tmp_path / "run")
    assert last["held_out_levels"] < 0.92 * before


def test_a_decoder_learns_on_and_its_latents_stay(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = standardize_latents(new_autoencoder(), Crops(data))
    images = signals(data, 4)
    with torch.no_grad(), circular_in_time(network):
        latents = network.encode(images).latent_dist.mean
    config = LoopConfig(
        images=40,
        batch_size=2,
        learning_rate=1e-3,
        warmup_images=1,
        ema_decay=0.5,
        device="cpu",
        log_seconds=0.0,
        checkpoint_seconds=1e9,
    )
    task = AutoencoderTask(Crops(data), decoder_of=network)
    before = task.evaluate(network)["held_out_levels"]
    *_, last = fit(task, config, tmp_path / "run")
    assert last["held_out_levels"] < 0.95 * before
    with torch.no_grad(), circular_in_time(network):
        after = network.eval().encode(images).latent_dist.mean
    torch.testing.assert_close(after, latents)


def test_standardized_latents(data: Path) -> None:
    torch.manual_seed(0)
    network = new_autoencoder()
    images = signals(data, 16)
    with torch.no_grad(), circular_in_time(network):
        raw = network.encode(images).latent_dist.mean
        raw[:, N_SOUND_CHANNELS:] = 0
        expected = network.decode(raw).sample
        standardize_latents(network, Crops(data))
        latents = network.encode(images).latent_dist.mean
        sound, cue = latents[:, :N_SOUND_CHANNELS], latents[:, N_SOUND_CHANNELS:].clone()
        latents[:, N_SOUND_CHANNELS:] = 123.0  # whatever the cue says, the decoder ignores it
        after = network.decode(latents).sample
    assert cue.abs().max() == 0
    assert sound.mean(dim=(0, 2, 3)).abs().max() < 0.3
    assert (sound.std(dim=(0, 2, 3)) - 1).abs().max() < 0.3
    torch.testing.assert_close(after, expected, atol=1e-3, rtol=0)


def test_texture_sees_missing_grain_wherever_it_lies() -> None:
    generator = torch.Generator().manual_seed(0)
    grain = 0.2 * torch.randn((1, 3, 64, 64), generator=generator)
    other = 0.2 * torch.randn((1, 3, 64, 64), generator=generator)
    smooth = torch.zeros_like(grain)
    assert texture_distance(grain, other) < 0.2 * texture_distance(grain, smooth)


def tiny_network() -> TextToLatents:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32),
        layers_per_block=1,
        cross_attention_dim=HIDDEN_SIZE,
        attention_head_dim=2,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    config = CLIPTextConfig(
        vocab_size=49_408,
        hidden_size=HIDDEN_SIZE,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=49_406,
        eos_token_id=49_407,
    )
    return TextToLatents(unet, CLIPTextModel(config), n_facts=2)


@pytest.fixture
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(str(WEIGHTS / "mini" / "tokenizer"))


def test_latents_are_cached_with_their_captions(
    data: Path, tmp_path: Path, tokenizer: CLIPTokenizer
) -> None:
    torch.manual_seed(0)
    autoencoder = standardize_latents(new_autoencoder(), Crops(data))
    assert sum(cache_latents(data, tmp_path / "latents", autoencoder, tokenizer)) == 40
    assert sum(cache_latents(data, tmp_path / "latents", autoencoder, tokenizer)) == 0
    clips = read_latents(tmp_path / "latents")[128]
    assert clips.latents.shape == (40, N_SOUND_CHANNELS, 32, 8)
    assert "loud" in tokenizer.decode(clips.tokens[1, 0])
    assert "quiet" in tokenizer.decode(clips.tokens[0, 1])
    assert clips.facts[:2].tolist() == [[False, True], [True, False]]  # drums, piano


def test_a_run_without_latents_is_told_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="riff train latents"):
        read_latents(tmp_path / "latents")


def test_facts_that_captions_may_tell() -> None:
    words = fact_words({"key": "A", "mode": "minor", "drums": True, "mood": ["sad"], "bpm": 90.0})
    assert words == {"key A", "mode minor", "key A minor", "drums True", "mood sad"}


def test_both_networks_learn(tmp_path: Path, tokenizer: CLIPTokenizer) -> None:
    """Latents are +1 where the caption says loud, -1 where quiet."""
    captions = ["quiet piano", "loud drums"]
    tokens = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
    sign = torch.tensor([-1.0, 1.0]).repeat(20)
    clips = CachedClips(
        latents=sign[:, None, None, None].expand(40, N_SOUND_CHANNELS, 32, 8).clone(),
        tokens=tokens[:, None].repeat(20, 1, 1).to(torch.int32),
        beats_per_bar=torch.full((40,), 4),
        facts=torch.stack((sign < 0, sign > 0), dim=1),
    )
    empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]
    task = DiffusionTask(tiny_network(), {128: clips}, empty_tokens=empty)
    before = task.evaluate(task.network)["held_out_loss"]
    config = LoopConfig(
        images=1280,
        batch_size=16,
        learning_rate=3e-3,
        warmup_images=32,
        device="cpu",
        precision="no",
        ema_decay=0.9,
        log_seconds=1e9,
        checkpoint_seconds=1e9,
    )
    *_, last = fit(task, config, tmp_path / "run")
    assert last["held_out_loss"] < 0.65 * before
    start = dict(tiny_network().named_parameters())
    moved = {n for n, p in task.network.named_parameters() if not torch.equal(p, start[n])}
    assert {name.split(".")[0] for name in moved} == {"unet", "text_encoder", "fact_head"}
    assert last["held_out_facts"] < 0.2  # of 1.39 by chance
    assert any("final_layer_norm" in name for name in moved)


def test_the_cue_is_the_last_channel_and_follows_the_metre() -> None:
    clips = CachedClips(
        latents=torch.zeros(40, N_SOUND_CHANNELS, 32, 24),
        tokens=torch.zeros(40, 2, 77, dtype=torch.int32),
        beats_per_bar=torch.full((40,), 3),
        facts=torch.zeros(40, 2, dtype=torch.bool),
    )
    empty = torch.zeros(77, dtype=torch.int64)
    task = DiffusionTask(tiny_network(), {384: clips}, empty_tokens=empty)
    seen = []

    class Spy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def forward(self, noisy, timestep, tokens):
            seen.append((noisy, timestep))
            return noisy * self.weight, torch.zeros(len(noisy), 2)

    task.network = Spy()
    task.loss(task.draw(torch.arange(32), torch.Generator().manual_seed(0)))
    noisy, timestep = seen[0]
    clean = noisy[timestep.argmin(), -1]  # hardly any noise is left there
    expected = bar_cue(32, 24, columns_per_bar=12)
    assert (clean - expected).abs().mean() < 0.1


def test_a_warm_start_has_the_shape_of_a_new_run() -> None:
    warm = load_networks(WEIGHTS / "mini").state_dict()
    new = TextToLatents(new_unet(), new_text_encoder()).state_dict()
    assert {n: t.shape for n, t in warm.items()} == {n: t.shape for n, t in new.items()}
    assert {tensor.dtype for tensor in warm.values() if tensor.is_floating_point()} == {
        torch.float32
    }


def test_min_snr_weights() -> None:
    scheduler = DDPMScheduler(**SCHEDULE)
    alphas = scheduler.alphas_cumprod
    weights = min_snr_weights(alphas)
    snr = alphas / (1 - alphas)
    fine = int((snr - 9).abs().argmin())
    assert float(weights[fine]) == pytest.approx(0.5, abs=0.02)
    assert weights[0] < 0.01
    assert float(weights[-1]) == pytest.approx(1.0)


def test_byte_letters_are_clip_s() -> None:
    letters = byte_letters()
    assert len(set(letters)) == 256
    assert letters[:3] == ["!", '"', "#"]
    assert letters[188] == "Ā"  # byte 0, the first that isn't printable


def test_principal_components_keep_distances() -> None:
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn((200, 4), generator=generator) @ torch.randn((4, 16), generator=generator)
    reduced = principal_components(flat, 4)
    assert reduced.shape == (200, 4)
    ratio = torch.pdist(reduced) / torch.pdist(flat)
    assert ratio.std() / ratio.mean() < 1e-3
