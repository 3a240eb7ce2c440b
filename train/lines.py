"""What the commands here print."""

from __future__ import annotations


def print_line(line: dict[str, float]) -> None:
    """A logged line of a training."""
    print("  ".join(f"{name} {value:.6g}" for name, value in line.items()), flush=True)
