"""Captions of one player alone are true, and hold the prompt that stems are painted with."""

from __future__ import annotations

from riffkit.score import write_score
from riffkit.score.stem_captions import stem_captions, stem_facts
from riffkit.score.stems import stems_of


def test_half_are_the_prompt_and_none_names_another_player() -> None:
    n_prompts = n_all = 0
    for seed in range(60):
        score = write_score(seed)
        for stem in stems_of(score):
            texts = stem_captions(score.facts, stem.tracks, 8, seed)
            n_prompts += sum(text.startswith(stem.words) for text in texts)
            n_all += len(texts)
            others = {t.instrument for t in score.tracks if not t.is_drums} - {
                stem.tracks[0].instrument
            }
            for text in texts:
                if stem.is_drums:
                    assert "solo" not in text
                    assert not any(f"{name}," in text for name in others if "drum" not in name)
                else:
                    assert "with drums" not in text
                    assert "drums only" not in text
    assert 0.45 < n_prompts / n_all < 0.6


def test_a_stem_s_facts_are_the_player_s() -> None:
    score = next(
        s for s in map(write_score, range(99)) if s.facts.texture == "band" and s.facts.drums
    )
    for stem in stems_of(score):
        facts = stem_facts(score.facts, stem.tracks)
        assert facts.style == score.facts.style
        if stem.is_drums:
            assert (facts.texture, facts.key, facts.instruments) == ("drums only", None, ())
            assert facts.kit == score.facts.kit
        else:
            assert (facts.texture, facts.key) == ("solo", score.facts.key)
            assert facts.instruments == (stem.tracks[0].instrument,)
            assert not facts.drums
