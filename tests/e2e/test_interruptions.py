"""Whatever moment a run is interrupted, the same command finishes with what an unbroken run gives."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

from burnish.fsio import digest_folder
from tests.e2e.run_program import burnish, small_tune, summary_of, texts_of

MOMENTS = 6
AGAIN = 4
"""Durable moments that every attempt spends on beginning: events, and the mark of the stage it goes on with."""


def test_six_interruptions_leave_the_table_of_an_unbroken_run(unbroken: Path, tiny_model: Path, tmp_path: Path) -> None:
    total = int((unbroken / "count").read_text())
    rng = random.Random(0)
    arguments = small_tune(tiny_model)
    positions = sorted(rng.sample(range(1, total * 9 // 10), MOMENTS))
    for attempt, (before, position) in enumerate(pairwise([0, *positions])):
        signal = "SIGINT" if attempt % 2 else "SIGKILL"
        moment = position - before + (AGAIN if attempt else 0)
        broken = burnish([signal, str(moment), *arguments], tmp_path, program=("-m", "tests.e2e.kill_at_fsync"))
        if signal == "SIGKILL":
            assert broken.returncode == -9, broken.stderr
        else:
            assert broken.returncode == 130, broken.stderr
            assert "error: interrupted\n  -> Finished work is kept" in broken.stderr
    final = burnish(arguments, tmp_path)
    assert final.returncode == 0, final.stderr
    here, there = tmp_path / "runs" / "tune", unbroken / "runs" / "tune"
    assert summary_of(here) == summary_of(there)
    for stage in ("measure-base", "measure-sft"):
        assert texts_of(here, stage) == texts_of(there, stage)
    for folder in ("sft/adapter", "merge/model"):
        assert digest_folder(here / folder) == digest_folder(there / folder)
