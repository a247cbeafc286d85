"""How long ``burnish --help`` takes, beside a bare Python in the same run, and whether it loads torch.

    python -m benchmarks.cli_startup [--json FILE] [--rounds N]

Wall time, median over rounds that alternate between the two commands, so that a busy machine slows both. The first
round warms the disk cache and is not counted. Not covered: the time of any verb beyond its help.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.goals import Goal, below, report

LIMIT_S = 0.5
HELP = [str(Path(sys.executable).with_name("burnish")), "--help"]
BARE = [sys.executable, "-c", "pass"]
LOADED = [sys.executable, "-c", "import burnish.cli, sys; print('torch' in sys.modules)"]


def wall_s(command: Sequence[str]) -> float:
    """Seconds one run of ``command`` takes; raises CalledProcessError when it fails."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(rounds: int) -> list[Goal]:
    """Time both commands ``rounds`` times and look for torch."""
    pairs = [(wall_s(BARE), wall_s(HELP)) for _ in range(rounds + 1)][1:]
    bare = statistics.median(pair[0] for pair in pairs)
    shown = statistics.median(pair[1] for pair in pairs)
    loaded = subprocess.run(LOADED, check=True, capture_output=True, text=True).stdout.strip() == "True"
    return [
        below("burnish --help, s", shown, LIMIT_S, "s"),
        Goal("python -c pass, s", bare, "baseline", True),
        Goal("help / bare Python", shown / bare, "shown", True),
        Goal("torch imported by burnish.cli", float(loaded), "0", not loaded),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time `burnish --help` against a bare Python.")
    parser.add_argument("--json", type=Path, help="write the goals to this file, too")
    parser.add_argument("--rounds", type=int, default=7, help="timed runs of each command")
    options = parser.parse_args(arguments)
    report(measure(options.rounds), options.json)


if __name__ == "__main__":
    main()
