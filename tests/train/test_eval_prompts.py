"""The fixed prompts: what they say is true, and no caption says it so."""

from __future__ import annotations

import pytest

from riffkit.errors import ParameterError
from riffkit.evaluation.prompts import HELD_OUT, Evaluation, eval_prompts
from riffkit.prompt.key import named_key, parse_key
from riffkit.score import captions, write_score
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.styles import STYLES
from train.judges.eval_prompts import eval_prompts as write_prompts
from train.judges.held_out_prompts import GENRES, NICKNAMES, held_out_prompts


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


def test_the_held_out_ones_are_as_they_were_written_before_any_result() -> None:
    prompts = eval_prompts(HELD_OUT)
    assert prompts == tuple(held_out_prompts())
    assert len({prompt.text for prompt in prompts}) == 100
    known = {prompt.seed for prompt in eval_prompts()}
    assert not known & {prompt.seed for prompt in prompts}


def test_the_held_out_ones_ask_for_what_they_are_labeled_with() -> None:
    assert set(NICKNAMES) == set(INSTRUMENTS) and set(GENRES) == set(STYLES)
    for prompt in eval_prompts(HELD_OUT):
        for instrument in prompt.instruments:
            assert any(name in prompt.text for name in NICKNAMES[instrument]), prompt.text
        if prompt.style is not None:
            assert any(name in prompt.text for name in GENRES[prompt.style]), prompt.text
        if prompt.key is not None:
            assert named_key(prompt.text) == parse_key(prompt.key), prompt.text
        if not prompt.drums:
            assert any(word in prompt.text for word in _NOT_DRUMMED), prompt.text


_NOT_DRUMMED = (
    *("nothing else", "on its own", "no drums", "without a drummer", "no percussion"),
    *("No band", "practising", "nobody else", "unaccompanied"),
)


def test_the_held_out_ones_are_of_many_kinds() -> None:
    prompts = eval_prompts(HELD_OUT)
    alone = [p.instruments[0] for p in prompts if len(p.instruments) == 1 and not p.drums]
    assert len(set(alone)) >= 28
    assert {2, 3, 4, 5, 7} == {prompt.beats_per_bar for prompt in prompts}
    assert len({prompt.style for prompt in prompts}) > 20
    assert sum(prompt.key is not None for prompt in prompts) > 30
    assert any(not prompt.instruments for prompt in prompts)


def test_a_list_is_asked_for_by_its_name() -> None:
    asked = Evaluation(3, prompt_list=HELD_OUT).requests()
    assert [prompt for prompt, _ in asked] == list(eval_prompts(HELD_OUT)[:3])
    with pytest.raises(ParameterError, match="prompts=101: must be between 2 and 100"):
        Evaluation(101, prompt_list=HELD_OUT)
    with pytest.raises(ParameterError, match=r"prompt_list='helt-out'.*held-out"):
        eval_prompts("helt-out")
