"""Collect samples of training stages for the report: rollouts of a policy, or rounds of answers with scores.

Chosen by the files of a stage, whatever its kind: ``rollouts.jsonl`` in its folder, or folders of rounds with
completions, verdicts and scores. Left out on purpose: answers of evaluations while training.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from burnish.fsio import numbered_lines
from burnish.records import Completion, Rollout, Score, Verdict
from burnish.records.files import read_records, read_rows
from burnish.records.layout import COMPLETIONS, ROLLOUTS, SCORES, VERDICTS
from burnish.report.page.samples import ROLLOUTS_PER_STAGE, StageRollouts


def stage_rollouts(folder: Path, stage: str) -> StageRollouts | None:
    """Return some samples of a stage, whole steps from first to last, without tasks; None without any."""
    if (folder / ROLLOUTS).is_file():
        return _of_file(folder / ROLLOUTS, stage)
    rounds = [(number, path.parent) for path in folder.glob(f"*/{SCORES}") if (number := _number(path.parent))]
    if not rounds:
        return None
    per_round = max(1, ROLLOUTS_PER_STAGE // len(rounds))
    samples = [sample for number, place in sorted(rounds) for sample in _of_round(number, place, per_round)]
    written = sum(1 for _, place in rounds for _ in numbered_lines(place / COMPLETIONS))
    return StageRollouts(stage, "round", (), samples, written)


def spread(counts: Counter[int], most: int) -> set[int]:
    """Choose steps at equal distances from first to last, so that their rows are about ``most`` in all."""
    steps = sorted(counts)
    wanted = min(len(steps), max(2, most * len(steps) // max(1, counts.total())))
    if wanted == 1 or len(steps) == 1:
        return set(steps[:1])
    return {steps[place * (len(steps) - 1) // (wanted - 1)] for place in range(wanted)}


def _of_file(path: Path, stage: str) -> StageRollouts:
    counts = Counter(row["step"] for row in read_rows(path, {"step": int}))
    kept = spread(counts, ROLLOUTS_PER_STAGE)
    rollouts = [rollout for rollout in read_records(Rollout, path) if rollout.step in kept]
    return StageRollouts(stage, "step", (), rollouts[: 2 * ROLLOUTS_PER_STAGE], counts.total())


def _of_round(number: int, folder: Path, count: int) -> Iterator[Rollout]:
    """Read the first answers of a round from its files."""
    verdicts = {(v.task_id, v.sample_index): v for v in read_records(Verdict, folder / VERDICTS)}
    scores = {(s.task_id, s.sample_index): s for s in read_records(Score, folder / SCORES)}
    for completion in itertools.islice(read_records(Completion, folder / COMPLETIONS), count):
        key = (completion.task_id, completion.sample_index)
        yield Rollout(step=number, completion=completion, verdict=verdicts.get(key), score=scores.get(key))


def _number(folder: Path) -> int:
    """Return the number of a round by its folder's name; 0 without one."""
    digits = folder.name.rpartition("_")[2]
    return int(digits) if digits.isdecimal() else 0
