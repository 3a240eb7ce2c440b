"""The fixed prompts: what they say is true, and no caption says it so."""

from __future__ import annotations

from riffkit.evaluation.prompts import eval_prompts
from riffkit.prompt.key import named_key, parse_key
from riffkit.score import captions, write_score
from train.judges.eval_prompts import eval_prompts as write_prompts


def test_they_are_what_the_writer_writes() -> None:
    assert eval_prompts() == tuple(write_prompts())
    assert len({prompt.text for prompt in eval_prompts()}) == 200


def test_they_name_what_they_ask_for() -> None:
    for prompt in eval_prompts():
        assert all(instrument in prompt.text for instrument in prompt.instruments), prompt.text
        assert prompt.style is None or prompt.style in prompt.text
        if prompt.key is not None:
            assert named_key(prompt.text) == parse_key(prompt.key), prompt.text
        assert prompt.instruments or prompt.drums


def test_they_ask_for_all_kinds_of_things() -> None:
    prompts = eval_prompts()
    assert len({prompt.style for prompt in prompts}) > 20
    assert len({name for prompt in prompts for name in prompt.instruments}) > 35
    keys = [prompt.key for prompt in prompts if prompt.key]
    assert len(keys) > 70 and len(set(keys)) > 20
    assert 0.3 < sum(prompt.drums for prompt in prompts) / len(prompts) < 0.9


def test_no_caption_is_worded_so() -> None:
    words = ("genre:", "performed by", "set in", "tonality", "short film", "file under")
    for seed in range(200):
        facts = write_score(seed).facts
        assert not any(word in text for text in captions(facts, 8, 0) for word in words)
