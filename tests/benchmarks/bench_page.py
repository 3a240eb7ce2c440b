"""The studio's page: from the key that sends the words to the first sound, and what it weighs.

    python tests/benchmarks/bench_page.py [--short]

Two bars in four steps. The first sound is when the clip's samples are due on the audio clock of a
page in Chromium; its ratio is to `Riff.generate` on a loaded model, in turn, both with one thread.
The page's files are weighed as gzip packs them. Needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tests.server.running import Running, until  # noqa: E402 (after the threads are set)

PROMPT, BARS, STEPS = "lo-fi piano", 2, 4
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
FIRST_SOUND = """() => new Promise((resolve) => {
  const { engine } = riffkit.app;
  const begin = performance.now();
  const before = engine.run.get();
  const look = () => {
    const run = engine.run.get();
    if (run && run !== before && engine.playing.get() && engine.position() > 0)
      resolve((performance.now() - begin) / 1e3);
    else requestAnimationFrame(look);
  };
  look();
})"""


def first_sound(page: Any) -> float:
    """Seconds from the keys that send the words to the sound."""
    page.evaluate("riffkit.app.engine.stop()")
    heard = page.evaluate_handle(f"({{ promise: ({FIRST_SOUND})() }})")
    page.get_by_test_id("field-prompt").press("Control+Enter")
    seconds: float = heard.evaluate("(waiting) => waiting.promise")
    heard.dispose()
    return seconds


def in_python(riff: Any, seed: int) -> float:
    begin = time.perf_counter()
    riff.generate(PROMPT, bars=BARS, steps=STEPS, loop=True, seed=seed)
    return time.perf_counter() - begin


def opened(browser: Any, server: Running) -> Any:
    """The page with its form filled in."""
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(str(server.client.base_url))
    page.get_by_test_id("field-prompt").fill(PROMPT)
    page.get_by_test_id("field-bars").fill(str(BARS))
    page.get_by_test_id("count").fill("1")
    page.get_by_test_id("more-options").locator("summary").click()
    page.get_by_test_id("field-steps").fill(str(STEPS))
    return page


def weigh() -> None:
    page = ROOT / "riffkit" / "server" / "page"
    files = [path.read_bytes() for path in page.rglob("*") if path.is_file()]
    packed = sum(len(gzip.compress(one, 9)) for one in files)
    print(f"page: {packed / 1e3:.0f} kB gzipped, {sum(map(len, files)) / 1e3:.0f} kB in all")


def compare(server: Running, n_runs: int) -> None:
    from playwright.sync_api import sync_playwright

    import riffkit

    riff = riffkit.load("mini", device="cpu")
    until(lambda: server.client.get("/health").json()["status"] == "ok", 300)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = opened(browser, server)
        in_python(riff, 0), first_sound(page)  # what is compiled or read once
        runs = [(first_sound(page), in_python(riff, 1 + n)) for n in range(n_runs)]
        browser.close()
    heard, python = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"{BARS} bars, {STEPS} steps: heard after {heard:.2f} s; Riff.generate {python:.2f} s")
    print(
        f"  {heard - 1.3 * python:+.2f} s beside 1.3 × that; ratio to Python: {heard / python:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer runs")
    is_short = parser.parse_args().short
    weigh()
    if CHROMIUM is None:
        print("first sound: not measured; there is no chromium")
        return
    with tempfile.TemporaryDirectory() as name:
        server = Running(Path(name) / "data", ("--device", "cpu"))
        server.start()
        try:
            compare(server, 2 if is_short else 9)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
