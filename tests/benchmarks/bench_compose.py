"""How long 32 bars of notes take, beside writing two bars sixteen times.

    python tests/benchmarks/bench_compose.py [--short]

`write_score` writes the two bars that the bundled model was trained on; `compose` repeats and
varies phrases of two bars. Prints milliseconds, and their ratio.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from timing import median_seconds

from riffkit.score import STYLES, write_score
from riffkit.score.brief import Brief
from riffkit.score.compose import compose

BARS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="three runs")
    n_runs = 3 if parser.parse_args().short else 11
    styles = list(STYLES)

    def song() -> None:
        for seed, style in enumerate(styles):
            compose(Brief(style=style), bars=BARS, seed=seed)

    def pieces() -> None:
        for seed in range(len(styles) * BARS // 2):
            write_score(seed)

    ms = [median_seconds(work, n_runs) * 1000 / len(styles) for work in (song, pieces)]
    print(f"compose, {BARS} bars, mean of {len(styles)} styles: {ms[0]:.1f} ms")
    print(f"{ms[0] / ms[1]:.2f} x the time of write_score, two bars {BARS // 2} times")


if __name__ == "__main__":
    main()
