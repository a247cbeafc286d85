"""Build the data of the sample browser: tasks, completions and verdicts of every measured stage as JSON.

A model's text is untrusted. It reaches the page only through `embed_json`, and the page's script puts it only into
text nodes, never into HTML. Not covered: its presentation (`page.js`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from burnish.records import Completion, Rollout, Score, Task, Verdict

SAMPLES_PER_STAGE = 1000
"""Most samples on a page, so that it opens quickly; the page shows the total count."""
ROLLOUTS_PER_STAGE = 400


@dataclass(frozen=True)
class StageAnswers:
    """Everything one measured stage produced. Completions and verdicts need not be in pairs or in order."""

    stage: str
    tasks: Sequence[Task]
    completions: Sequence[Completion]
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class StageRollouts:
    """Samples that a policy wrote during its training stage, all or some."""

    stage: str
    unit: str
    """Unit of ``Rollout.step``: ``step`` or ``round``."""
    tasks: Sequence[Task]
    rollouts: Sequence[Rollout]
    written: int
    """Total number of rollouts."""


def browser_data(answers: Sequence[StageAnswers], rollouts: Sequence[StageRollouts] = ()) -> dict[str, Any]:
    """Build the data for `page.js`: ``stages`` with counts, ``tasks`` by id, ``samples`` in verdict order."""
    tasks: dict[str, Any] = {}
    samples: list[dict[str, Any]] = []
    stages = []
    for stage in answers:
        completions = {(answer.task_id, answer.sample_index): answer for answer in stage.completions}
        shown = stage.verdicts[:SAMPLES_PER_STAGE]
        for verdict in shown:
            completion = completions.get((verdict.task_id, verdict.sample_index))
            samples.append(_sample_data(stage.stage, verdict, completion))
        tasks |= _tasks_data(stage.tasks, {verdict.task_id for verdict in shown})
        stages.append({"name": stage.stage, "shown": len(shown), "all": len(stage.verdicts)})
    for training in rollouts:
        judged = [(answer, answer.verdict) for answer in training.rollouts if answer.verdict is not None]
        for answer, verdict in judged:
            samples.append(
                _sample_data(training.stage, verdict, answer.completion)
                | {"when": f"{training.unit} {answer.step}", "reward": _reward_data(answer.score)}
            )
        tasks |= _tasks_data(training.tasks, {verdict.task_id for _, verdict in judged})
        stages.append({"name": training.stage, "shown": len(judged), "all": training.written})
    return {"stages": stages, "tasks": tasks, "samples": samples}


def _tasks_data(tasks: Sequence[Task], wanted: set[str]) -> dict[str, Any]:
    return {
        task.id: {
            "prompt": [{"role": message.role, "content": message.content} for message in task.prompt],
            "family": task.family,
            "level": task.level,
            "reference": task.reference,
        }
        for task in tasks
        if task.id in wanted
    }


def _reward_data(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {"value": score.value, "unscored": score.unscored_reason, "parts": dict(score.components)}


def embed_json(value: Any) -> str:
    """Encode JSON for use inside ``<script type="application/json">``.

    ``<``, ``>`` and ``&`` are written as escapes, so no text can end the element or open a comment in it; pure
    ASCII, so line separators and odd encodings cannot matter either.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sample_data(stage: str, verdict: Verdict, completion: Completion | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "task": verdict.task_id,
        "index": verdict.sample_index,
        "status": verdict.status,
        "reached": verdict.stage,
        "reason": verdict.reason,
        "code": verdict.code,
        "text": completion.text if completion is not None else "",
        "finish": completion.finish_reason if completion is not None else "",
        "tokens": completion.completion_tokens if completion is not None else 0,
        "diagnostics": [
            {"level": diagnostic.level, "code": diagnostic.code, "message": diagnostic.message, "line": diagnostic.line}
            for diagnostic in verdict.diagnostics
        ],
        "lints": list(verdict.lints),
        "when": "",
        "reward": None,
        "tests": {"run": verdict.tests.run, "passed": verdict.tests.passed, "expected": verdict.tests.expected},
        "detail": verdict.detail,
        "cpu_ms": verdict.cpu_ms,
        "cached": verdict.cached,
    }
