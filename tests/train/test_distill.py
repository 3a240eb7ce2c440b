"""Few steps: the LoRA that is distilled, and the checkpoint that takes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.denoise import Inpainting, SamplerConfig, Window, denoise
from riffkit.errors import ModelError
from riffkit.models.distilled import FOLDER, with_lora
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from train.distill import N_STEPS, DistillTask, Music, export_lora

pytestmark = pytest.mark.slow

WORDS = 3_000, 4_000  # of the vocabulary


class TwoKinds:
    """Forty loops of two kinds, each with its caption; the last two are held out."""

    n_items = 38

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        kinds = torch.arange(40) % 2
        latents = (
            0.3 * torch.randn((40, 3, 8, 8), generator=generator) + 2.0 * kinds[:, None, None, None]
        )
        cue = bar_cue(8, 8, columns_per_bar=4).expand(40, 1, -1, -1)
        tokens = torch.full((40, 77), 49_407)
        tokens[:, :2] = torch.tensor([[49_406, word] for word in WORDS])[kinds]
        self._all = Music(torch.cat((latents, cue), dim=1), tokens, latents[:, :0])

    def draw(self, items: Tensor, generator: torch.Generator) -> Music:
        return Music(self._all.latents[items], self._all.tokens[items], self._all.guide[items])

    def held_out(self, size: int) -> Iterator[Music]:
        yield self.draw(torch.arange(38, 40), torch.Generator())


@pytest.fixture(scope="module")
def distilled(
    tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, float]]:
    """A model folder with few steps, and the last figures of the training."""
    folder = tmp_path_factory.mktemp("distilled")
    model = folder / "model"
    shutil.copytree(tiny_folder, model)
    config = LoopConfig(
        images=640,
        batch_size=8,
        learning_rate=3e-3,
        warmup_images=8,
        ema_decay=0.9,
        device="cpu",
        log_seconds=1e9,
        checkpoint_seconds=1e9,
        precision="no",
    )
    *_, figures = fit(DistillTask(model, TwoKinds()), config, folder / "run")
    export_lora(model, folder / "run" / "state.pt", model)
    return model, figures


def painted(pipeline: Pipeline, n_steps: int, guidance: float) -> Tensor:
    """The sound channels of eight pictures of one of the captions, one beat a bar."""
    caption = pipeline.tokenizer.decode([WORDS[0]])
    text, none = encode_prompts(pipeline, [caption, ""])[:, None]
    mask = torch.tensor([1.0, 1.0, 1.0, 0.0])[None, :, None, None]
    cue = (1 - mask) * bar_cue(8, 8, columns_per_bar=4)
    pictures = []
    for seed in range(8):
        noise = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(seed))
        how = SamplerConfig(n_steps, guidance, circular=True)
        inpainting = Inpainting(latents=cue, mask=mask)
        pictures.append(
            denoise(pipeline, noise, [Window(0, 8, text, none)], how, inpainting=inpainting)
        )
    return torch.cat(pictures)[:, :-1]


def test_the_student_comes_nearer_to_its_teacher(distilled: tuple[Path, dict[str, float]]) -> None:
    _, figures = distilled
    assert figures["held_out_error"] < 0.85 * figures["undistilled_error"]


def test_few_unguided_steps_take_the_lora_and_others_do_not(
    tiny: Pipeline, distilled: tuple[Path, dict[str, float]]
) -> None:
    model = load_pipeline(str(distilled[0]), device="cpu")
    assert model.guidance_for(N_STEPS) == 1
    assert model.guidance_for(20) == tiny.guidance_for(N_STEPS) == model.traits.default_guidance
    same = painted(tiny, 12, 1.0), painted(tiny, N_STEPS, 3.0)
    torch.testing.assert_close(painted(model, 12, 1.0), same[0])
    torch.testing.assert_close(painted(model, N_STEPS, 3.0), same[1])
    assert (painted(model, N_STEPS, 1.0) - painted(tiny, N_STEPS, 1.0)).abs().mean() > 0.01


def test_four_distilled_steps_are_nearer_to_the_guided_ones(
    tiny: Pipeline, distilled: tuple[Path, dict[str, float]]
) -> None:
    model = load_pipeline(str(distilled[0]), device="cpu")
    wanted = painted(tiny, 4 * N_STEPS, tiny.traits.default_guidance)
    student = (painted(model, N_STEPS, 1.0) - wanted).square().mean()
    bare = (painted(tiny, N_STEPS, 1.0) - wanted).square().mean()
    assert student < 0.9 * bare


def test_diffusers_loads_the_same_lora(distilled: tuple[Path, dict[str, float]]) -> None:
    model = load_pipeline(str(distilled[0]), device="cpu")
    reference = StableDiffusionPipeline.from_pretrained(distilled[0], safety_checker=None)
    reference.load_lora_weights(distilled[0] / FOLDER)
    reference.fuse_lora()
    reference.unload_lora_weights()
    ours = with_lora(model.unet, distilled[0] / FOLDER).state_dict()
    theirs = reference.unet.state_dict()
    changed = [n for n, w in model.unet.state_dict().items() if not torch.equal(w, ours[n])]
    assert len(changed) > 20
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], msg=name)


def test_a_damaged_lora_is_one_line(
    tmp_path: Path, distilled: tuple[Path, dict[str, float]]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(distilled[0], model)
    (file,) = (model / FOLDER).glob("*.safetensors")
    file.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"few_steps.*copy the whole model"):
        painted(load_pipeline(str(model), device="cpu"), N_STEPS, 1.0)
