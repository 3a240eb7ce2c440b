"""Audio files: exact samples and lengths, tags that survive, faults in one line, no half file."""

import json
import math
import os
import signal
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from riffkit.audio.files import iter_blocks, load, save
from riffkit.audio.reader import describe, read_tags
from riffkit.errors import AudioFileError, OutputError, ParameterError

EXTENSIONS = [".wav", ".flac", ".ogg", ".mp3"]
RECIPE = {
    "title": "Späte Nacht",
    "artist": "me",
    "riffkit": json.dumps({"prompt": '雨 lo-fi 🎹 "quoted"\n', "mask": "y" * 9_000}),
}


def _noise(n_samples: int, n_channels: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (0.2 * torch.randn(n_channels, n_samples, generator=generator)).clamp(-1, 1)


def _tone(n_samples: int, hz: float = 440.0, rate: int = 44_100) -> torch.Tensor:
    return 0.5 * torch.sin(2 * math.pi * hz / rate * torch.arange(n_samples))[None].repeat(2, 1)


def _one_line(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert message.count("\n") == 0 < len(message)
    return message


@pytest.mark.parametrize(("extension", "bits"), [(".wav", 16), (".wav", 24), (".wav", 32)])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_pcm_in_wav_is_exact_to_the_bit(tmp_path, extension, bits, n_channels) -> None:
    _assert_pcm_is_exact(tmp_path / f"clip{extension}", bits, n_channels)


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_pcm_in_flac_is_exact_to_the_bit(tmp_path, bits, n_channels) -> None:
    _assert_pcm_is_exact(tmp_path / "clip.flac", bits, n_channels)


def _assert_pcm_is_exact(path: Path, bits: int, n_channels: int) -> None:
    """Every step that float32 can hold, the ends of the range among them, comes back."""
    top = 2 ** (bits - 1)
    spread = torch.linspace(-top, top - 1, 20_001, dtype=torch.float64).round()
    steps = torch.cat([spread, torch.arange(-50, 50), torch.tensor([-top, top - 1])])
    waveform = (steps / top).float().clamp(max=1 - 2**-24).repeat(n_channels, 1)
    save(path, waveform, 44_100, subtype=f"PCM_{bits}")
    loaded, rate = load(path)
    assert rate == 44_100
    assert torch.equal(loaded, waveform)
    again = path.with_stem("again")
    save(again, loaded, rate, subtype=f"PCM_{bits}")
    assert again.read_bytes() == path.read_bytes()


def test_float_wav_is_exact_beyond_full_scale(tmp_path) -> None:
    waveform = 3 * _noise(10_001)
    save(tmp_path / "clip.wav", waveform, 44_100, subtype="FLOAT")
    assert torch.equal(load(tmp_path / "clip.wav")[0], waveform)


@pytest.mark.parametrize("extension", [".wav", ".flac"])
def test_16_bits_are_rounded_without_bias_and_clipped(tmp_path, extension) -> None:
    waveform = torch.cat([_noise(50_000), torch.tensor([[1.5, -1.5]] * 2)], -1)
    save(tmp_path / f"clip{extension}", waveform, 44_100)
    loaded = load(tmp_path / f"clip{extension}")[0]
    error_steps = (loaded - waveform)[:, :-2] * 32_768
    assert error_steps.abs().max() <= 0.501
    assert abs(error_steps.mean()) < 0.01
    assert loaded[0, -2:].tolist() == [32_767 / 32_768, -1.0]


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("n_samples", [1, 5, 1_000, 44_117])
@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_the_length_comes_back_to_the_sample(tmp_path, extension, n_samples, rate) -> None:
    path = tmp_path / f"clip{extension}"
    save(path, _noise(n_samples) + 0.1, rate)
    assert load(path, allow_silence=True)[0].shape == (2, n_samples)
    info = describe(path)
    assert (info.sample_rate, info.n_channels, info.n_samples) == (rate, 2, n_samples)


@pytest.mark.parametrize(("extension", "min_snr_db"), [(".ogg", 30), (".mp3", 30)])
def test_a_lossy_file_keeps_the_sound_in_time(tmp_path, extension, min_snr_db) -> None:
    tone = _tone(44_100)
    save(tmp_path / f"clip{extension}", tone, 44_100)
    loaded = load(tmp_path / f"clip{extension}")[0]
    noise = (loaded - tone).square().mean()
    assert 10 * math.log10(tone.square().mean() / noise) > min_snr_db


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_tags_of_several_kilobytes_survive(tmp_path, extension) -> None:
    path = tmp_path / f"clip{extension}"
    save(path, _noise(3_001), 44_100, tags=RECIPE)
    assert read_tags(path) == RECIPE
    assert load(path)[0].shape == (2, 3_001)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("name", ["clip", "clip.mp3", "clip.wav", "clip.txt"])
def test_the_content_counts_and_not_the_extension(tmp_path, extension, name) -> None:
    path = tmp_path / f"original{extension}"
    save(path, _noise(3_001), 44_100, tags=RECIPE)
    path.rename(tmp_path / name)
    assert load(tmp_path / name)[0].shape == (2, 3_001)
    assert read_tags(tmp_path / name) == RECIPE


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_file_without_tags_has_none(tmp_path, extension) -> None:
    save(tmp_path / f"clip{extension}", _noise(3_001), 44_100)
    assert "riffkit" not in read_tags(tmp_path / f"clip{extension}")


def test_another_programs_tags_are_read_as_they_are(tmp_path) -> None:
    with soundfile.SoundFile(tmp_path / "clip.wav", "w", 44_100, 1) as file:
        file.title, file.comment = "A song", "not ours"
        file.write(np.ones(10))
    assert read_tags(tmp_path / "clip.wav") == {"title": "A song", "comment": "not ours"}


def test_players_are_shown_the_title(tmp_path) -> None:
    save(tmp_path / "clip.flac", _noise(100), 44_100, tags={"title": "A song", "riffkit": "{}"})
    with soundfile.SoundFile(tmp_path / "clip.flac") as file:
        assert file.title == "A song"


def test_the_same_sound_gives_the_same_bytes(tmp_path) -> None:
    """libsndfile writes the second into float WAVs: a second must pass between the two."""
    kinds = [(extension, None) for extension in EXTENSIONS] + [(".wav", "FLOAT")]
    written: list[list[bytes]] = [[], []]
    for contents in written:
        for extension, subtype in kinds:
            path = tmp_path / f"clip{extension}"
            save(path, _noise(20_000), 44_100, subtype=subtype, tags=RECIPE)
            contents.append(path.read_bytes())
        time.sleep(1.05)
    assert written[0] == written[1]


def test_ogg_streams_of_different_sound_have_different_serials(tmp_path) -> None:
    for seed in (1, 2):
        save(tmp_path / f"{seed}.ogg", _noise(100, seed=seed), 44_100)
    serials = {(tmp_path / f"{seed}.ogg").read_bytes()[14:18] for seed in (1, 2)}
    assert len(serials) == 2


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_loading_resamples(tmp_path, extension) -> None:
    save(tmp_path / f"clip{extension}", _tone(48_000, 1_000, 48_000), 48_000)
    loaded, rate = load(tmp_path / f"clip{extension}", sample_rate=44_100)
    assert (rate, loaded.shape) == (44_100, (2, 44_100))
    middle = slice(2_000, 42_000)
    expected = _tone(44_100, 1_000, 44_100)
    assert (loaded - expected)[:, middle].abs().max() < 0.02


@pytest.mark.parametrize("block_samples", [1_000, 65_536, 100_000, 500_000])
def test_blocks_joined_are_the_whole(tmp_path, block_samples) -> None:
    save(tmp_path / "clip.wav", _noise(200_001), 48_000)
    blocks = list(iter_blocks(tmp_path / "clip.wav", block_samples))
    assert {block.shape[-1] for block in blocks[:-1]} <= {block_samples}
    assert torch.equal(torch.cat(blocks, -1), load(tmp_path / "clip.wav")[0])


def test_resampled_blocks_joined_are_the_whole(tmp_path) -> None:
    save(tmp_path / "clip.wav", _noise(200_001), 48_000)
    blocks = list(iter_blocks(tmp_path / "clip.wav", 7_000, sample_rate=44_100))
    whole = load(tmp_path / "clip.wav", sample_rate=44_100)[0]
    assert {block.shape[-1] for block in blocks[:-1]} == {7_000}
    assert torch.cat(blocks, -1).shape == whole.shape
    assert (torch.cat(blocks, -1) - whole).abs().max() < 1e-6


def test_a_bad_block_size_is_named(tmp_path) -> None:
    with pytest.raises(ParameterError, match="block_samples=0"):
        next(iter_blocks(tmp_path / "clip.wav", 0))


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("share", [0.999, 0.98, 0.6, 0.3, 0.01])
def test_a_truncated_file_is_refused(tmp_path, extension, share) -> None:
    path = tmp_path / f"clip{extension}"
    save(path, _noise(100_000), 44_100)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(AudioFileError) as error:
        load(path)
    assert "truncated" in _one_line(error)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty (0 bytes)"),
        (b"hello world\n" * 1_000, "not audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5_000), "not audio"),
        (np.random.default_rng(0).bytes(50_000), "not audio"),
        (b"RIFF\x24\x00\x00\x00WAVE", "damaged"),
        (b"fLaC" + bytes(1_000), "damaged"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(1_000), "damaged"),
    ],
)
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_what_is_not_audio_is_refused(tmp_path, capfd, extension, content, reason) -> None:
    path = tmp_path / f"clip{extension}"
    path.write_bytes(content)
    with pytest.raises(AudioFileError) as error:
        load(path)
    assert reason in _one_line(error)
    if reason != "damaged":
        assert capfd.readouterr().err == ""


def test_raw_samples_are_refused(tmp_path) -> None:
    (tmp_path / "clip.raw").write_bytes(b"RIFF" + bytes(1_000))
    with pytest.raises(AudioFileError, match="not audio"):
        load(tmp_path / "clip.raw")


def test_a_file_without_samples_is_refused(tmp_path) -> None:
    soundfile.write(tmp_path / "clip.wav", np.zeros((0, 1)), 44_100)
    with pytest.raises(AudioFileError, match="0 samples"):
        load(tmp_path / "clip.wav")


def test_seven_channels_are_refused(tmp_path) -> None:
    soundfile.write(tmp_path / "clip.wav", np.ones((100, 7)) / 2, 44_100)
    with pytest.raises(AudioFileError, match="7 channels"):
        load(tmp_path / "clip.wav")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_is_refused_in_the_file_and_in_the_waveform(tmp_path, bad) -> None:
    samples = np.ones(100_000, np.float32)
    samples[90_000] = bad
    soundfile.write(tmp_path / "clip.wav", samples, 44_100, subtype="FLOAT")
    with pytest.raises(AudioFileError, match="NaN"):
        load(tmp_path / "clip.wav")
    with pytest.raises(AudioFileError, match="NaN"):
        list(iter_blocks(tmp_path / "clip.wav", 10_000))
    with pytest.raises(ParameterError, match="NaN"):
        save(tmp_path / "out.wav", torch.from_numpy(samples)[None], 44_100)
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("level", [0.0, 0.5, 1 / 40_000])
def test_silence_is_refused_unless_allowed(tmp_path, level) -> None:
    """Zeros, a constant (which isn't heard) and flicker of the last bit."""
    flicker = torch.ones(1, 1_000)
    if 0 < level < 0.1:
        flicker[:, ::2] = -1
    save(tmp_path / "clip.wav", level * flicker, 44_100, subtype="FLOAT")
    with pytest.raises(AudioFileError, match="silent"):
        load(tmp_path / "clip.wav")
    assert load(tmp_path / "clip.wav", allow_silence=True)[0].shape == (1, 1_000)


@pytest.mark.parametrize("rate", [0, 10, 2_000_000])
def test_an_absurd_rate_is_refused(tmp_path, rate) -> None:
    soundfile.write(tmp_path / "clip.wav", np.ones(100) / 2, 44_100)
    content = bytearray((tmp_path / "clip.wav").read_bytes())
    content[24:28] = struct.pack("<I", rate)
    (tmp_path / "clip.wav").write_bytes(content)
    with pytest.raises(AudioFileError) as error:
        load(tmp_path / "clip.wav")
    _one_line(error)


def test_a_missing_file_and_a_folder_are_refused(tmp_path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(AudioFileError, match="can't be read"):
            load(path)


def test_a_streamed_wav_of_unknown_size_is_read(tmp_path) -> None:
    """What `ffmpeg … -f wav -` leaves: 0xFFFFFFFF for the sizes it couldn't go back to."""
    soundfile.write(tmp_path / "clip.wav", np.ones(1_000) / 2, 44_100)
    content = bytearray((tmp_path / "clip.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "clip.wav").write_bytes(content)
    assert load(tmp_path / "clip.wav", allow_silence=True)[0].shape == (1, 1_000)


@pytest.mark.parametrize("name", ["clip.aiff", "clip", "clip.wav.txt"])
def test_an_unknown_extension_is_refused(tmp_path, name) -> None:
    with pytest.raises(OutputError) as error:
        save(tmp_path / name, _noise(100), 44_100)
    assert ".flac" in _one_line(error)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "rate", "subtype", "words"),
    [
        ("clip.mp3", 96_000, None, "sample_rate=96000"),
        ("clip.mp3", 44_099, None, "44100"),
        ("clip.ogg", 384_000, None, "192,000"),
        ("clip.flac", 44_100, "FLOAT", "PCM_24"),
        ("clip.wav", 44_100, "IMA_ADPCM", "PCM_24"),
        ("clip.wav", 0, None, "sample_rate=0"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, name, rate, subtype, words) -> None:
    with pytest.raises(ParameterError) as error:
        save(tmp_path / name, _noise(100), rate, subtype=subtype)
    assert words in _one_line(error)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("shape", [(3, 100), (1, 0), (0, 100)])
def test_a_waveform_without_sound_or_with_three_channels_is_refused(tmp_path, shape) -> None:
    with pytest.raises(ParameterError, match="waveform has"):
        save(tmp_path / "clip.wav", torch.zeros(shape), 44_100)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("n_missing", [1, 1_000, 6_000])
def test_a_full_disk_leaves_the_older_file(tmp_path, extension, n_missing) -> None:
    """Short of one byte is the hard case: libsndfile tells nothing of what fails as it closes."""
    resource = pytest.importorskip("resource")
    path = tmp_path / f"clip{extension}"
    save(path, _noise(20_000), 44_100)
    n_bytes = path.stat().st_size
    path.write_bytes(b"older")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes - n_missing, limits[1]))
    try:
        with pytest.raises(OutputError) as error:
            save(path, _noise(20_000), 44_100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "full" in _one_line(error)
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes() == b"older"


def test_ctrl_c_leaves_no_file(tmp_path) -> None:
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (main_thread, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "clip.mp3", _noise(200 * 44_100), 44_100)
    timer.join()
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path) -> None:
    with pytest.raises(OutputError) as error:
        save(tmp_path / "none" / "clip.wav", _noise(100), 44_100)
    assert "folder" in _one_line(error)


def test_a_folder_in_the_files_place_is_named(tmp_path) -> None:
    (tmp_path / "clip.wav").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        save(tmp_path / "clip.wav", _noise(100), 44_100)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder_is_named(tmp_path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match="permission"):
        save(tmp_path / "clip.wav", _noise(100), 44_100)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_recorder_that_crashed_left_its_sound(tmp_path, subtype) -> None:
    path, rate = tmp_path / "a.wav", 44_100
    soundfile.write(path, _noise(30_000).numpy().T, rate, subtype=subtype)
    whole, _ = load(path)
    content = bytearray(path.read_bytes())
    place = content.find(b"data") + 4
    n_sound = len(content) - place - 4
    assert struct.unpack_from("<I", content, place)[0] == n_sound
    for riff_size in (0, 36):
        struct.pack_into("<I", content, 4, riff_size)
        struct.pack_into("<I", content, place, 0)
        path.write_bytes(content)
        assert torch.equal(load(path)[0], whole)
        assert describe(path).n_samples == 30_000
    path.write_bytes(content[: place + 4])
    with pytest.raises(AudioFileError, match="empty"):
        load(path)
    path.write_bytes(content[: place + 4] + b"LIST\x04\0\0\0INFO")
    with pytest.raises(AudioFileError, match="empty"):
        load(path)


def test_chained_streams_are_read_to_the_end(tmp_path) -> None:
    sounds = []
    for name, n_samples, n_channels in (("a", 90_000, 2), ("b", 70_001, 2), ("c", 5_000, 1)):
        save(tmp_path / f"{name}.ogg", _noise(n_samples, n_channels, seed=n_samples), 44_100)
        sounds.append(load(tmp_path / f"{name}.ogg")[0])
    a, b, c = ((tmp_path / f"{name}.ogg").read_bytes() for name in "abc")
    path = tmp_path / "chained.ogg"
    path.write_bytes(a + b)
    assert torch.equal(load(path)[0], torch.cat(sounds[:2], -1))
    assert describe(path).n_samples == 160_001
    assert torch.equal(torch.cat(list(iter_blocks(path, 12_345)), -1), torch.cat(sounds[:2], -1))
    path.write_bytes(a + c)
    with pytest.raises(AudioFileError, match="different rates or channels"):
        load(path)
