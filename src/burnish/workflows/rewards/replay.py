"""``burnish reward replay RUN|FILE``: score existing samples by other reward shapes.

    completions.jsonl, rollouts.jsonl -> verdicts (cache first) -> every shape -> signal, agreement, bias, mistakes

A run is a folder of ``burnish run`` or ``burnish evaluate``; each of its stages with completions counts. Verdicts
come from the run's cache, and missing ones are verified again; a saved timeout is kept, since timeouts are not cached.

Left out on purpose: training on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish.config.reward import RewardReplayConfig
from burnish.config.verify import VerifyConfig
from burnish.data.tasks.task_sets import require_rust
from burnish.errors import DataError
from burnish.records import Task, Verdict
from burnish.score.rewards.comparison import Sample, compare_shape
from burnish.score.rewards.score_verdict import score_verdict
from burnish.workflows.rewards.stored_answers import Written, origin_of, read_written, rollout_files, task_of
from burnish.workflows.verify.judge import open_verifier


def replay_rewards(source: Path, config: RewardReplayConfig) -> dict[str, Any]:
    """Return ``samples``, ``judged`` (saved, from the cache, verified again) and ``shapes`` (`ShapeReport`).

    Raises DataError when there are no completions or a task is unknown, and what `Verifier.verify` raises.
    """
    written = [answer for file in rollout_files(source) for answer in read_written(file)]
    if not written:
        raise DataError(f"{source} has no completions.", "Give a run with evaluations, or a file of completions.")
    origin = origin_of(source, config.tasks, config.seed)
    tasks = {task.id: task for task in origin.tasks}
    require_rust([task_of(answer, tasks) for answer in written])
    verdicts, judged = _judge(written, tasks, config.verify or origin.verify, origin.cache_folder)
    samples = [
        Sample((answer.file, answer.step, answer.completion.task_id), answer.completion.text, verdict)
        for answer, verdict in zip(written, verdicts, strict=True)
    ]
    reports = []
    for shape in config.shapes:
        scores = [score_verdict(shape, verdict, tasks[verdict.task_id]) for verdict in verdicts]
        reports.append(compare_shape(shape.kind, samples, scores, config.top))
    return {"samples": len(written), "judged": judged, "shapes": [asdict(report) for report in reports]}


def _judge(
    written: Sequence[Written], tasks: dict[str, Task], verify: VerifyConfig, cache_folder: Path
) -> tuple[list[Verdict], dict[str, int]]:
    """Return verdicts in order, and counts by their origin."""
    kept = {i: v for i, answer in enumerate(written) if (v := answer.verdict) is not None and v.reason == "timeout"}
    pending = [i for i in range(len(written)) if i not in kept]
    fresh: list[Verdict] = []
    if pending:
        with open_verifier(verify, cache_folder) as verifier:
            pairs = [(tasks[written[i].completion.task_id], written[i].completion) for i in pending]
            fresh = verifier.verify(pairs)
    verdicts = kept | dict(zip(pending, fresh, strict=True))
    cached = sum(verdict.cached for verdict in fresh)
    judged = {"saved_timeouts": len(kept), "from_cache": cached, "verified_again": len(fresh) - cached}
    return [verdicts[i] for i in range(len(written))], judged
