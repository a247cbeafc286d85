"""What training stages wrote on the way, for the report: rollouts of a policy, or rounds of answers with their scores.

Goes by the files that a stage left, whatever its kind: ``rollouts.jsonl`` in its folder, or folders of rounds with
completions, verdicts and scores. Left out on purpose: answers of evaluations while training.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from burnish.fsio import numbered_lines
from burnish.records import Completion, Rollout, Score, Verdict
from burnish.records.files import read_records, read_rows
from burnish.records.layout import COMPLETIONS, ROLLOUTS, SCORES, VERDICTS
from burnish.report.page.samples import ROLLOUTS_PER_STAGE, StageRollouts


def stage_rollouts(folder: Path, stage: str) -> StageRollouts | None:
    """Some of what a stage wrote, whole steps from its first to its last, without tasks; None where it kept nothing."""
    if (folder / ROLLOUTS).is_file():
        return _of_file(folder / ROLLOUTS, stage)
    rounds = [(number, path.parent) for path in folder.glob(f"*/{SCORES}") if (number := _number(path.parent))]
    found = [_Round(number, path) for number, path in sorted(rounds)]
    if not found:
        return None
    each = max(1, ROLLOUTS_PER_STAGE // len(found))
    return StageRollouts(
        stage, "round", (), [one for part in found for one in part.first(each)], sum(part.written for part in found)
    )


def spread(counts: Counter[int], most: int) -> set[int]:
    """Steps from the first to the last at equal distances, so many that their rows are about ``most`` in all."""
    steps = sorted(counts)
    wanted = min(len(steps), max(2, most * len(steps) // max(1, counts.total())))
    if wanted == 1 or len(steps) == 1:
        return set(steps[:1])
    return {steps[place * (len(steps) - 1) // (wanted - 1)] for place in range(wanted)}


def _of_file(path: Path, stage: str) -> StageRollouts:
    counts = Counter(row["step"] for row in read_rows(path, {"step": int}))
    kept = spread(counts, ROLLOUTS_PER_STAGE)
    rollouts = [one for one in read_records(Rollout, path) if one.step in kept]
    return StageRollouts(stage, "step", (), rollouts[: 2 * ROLLOUTS_PER_STAGE], counts.total())


@dataclass(frozen=True)
class _Round:
    """Answers of one round in their files."""

    number: int
    folder: Path

    @property
    def written(self) -> int:
        return sum(1 for _ in numbered_lines(self.folder / COMPLETIONS))

    def first(self, count: int) -> Iterator[Rollout]:
        verdicts = {(v.task_id, v.sample_index): v for v in read_records(Verdict, self.folder / VERDICTS)}
        scores = {(s.task_id, s.sample_index): s for s in read_records(Score, self.folder / SCORES)}
        for one in itertools.islice(read_records(Completion, self.folder / COMPLETIONS), count):
            key = (one.task_id, one.sample_index)
            yield Rollout(step=self.number, completion=one, verdict=verdicts.get(key), score=scores.get(key))


def _number(folder: Path) -> int:
    """Number of a round by the name of its folder; 0 where it has none."""
    digits = folder.name.rpartition("_")[2]
    return int(digits) if digits.isdecimal() else 0
