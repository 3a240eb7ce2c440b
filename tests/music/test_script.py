"""A story's script as the page writes it."""

from __future__ import annotations

import json
from pathlib import Path

from riffkit.music.values import call_of
from riffkit.tasks.story import STORY

WEB = Path(__file__).parents[2] / "web" / "test"


def test_what_the_page_writes_is_the_story_that_it_shows() -> None:
    """web/test/story.test.ts holds that the page makes the script of the request."""
    request = json.loads((WEB / "story.json").read_text(encoding="utf-8"))
    written = call_of(STORY, {"script": WEB / "story.toml"}, seed=5)
    assert written.request == call_of(STORY, request, seed=5).request
    assert written.inputs["theme"] == "house" and len(written.request.keyframes) == 3
