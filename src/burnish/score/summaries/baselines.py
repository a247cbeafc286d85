"""Measure trivial models on the same tasks: a result means little before it beats them.

| baseline | answers | kinds |
| --- | --- | --- |
| `empty` | nothing | all but Rust |
| `majority` | the right answer that is most frequent in these very tasks | all but spans and Rust |
| `unanswerable` | that the passage does not answer | spans |
| `copy` | a part of the prompt: the passage, the last number of the question, the question | spans, numbers, text |
| `chance` | any choice, each as likely as the others (expected accuracy) | multiple choice |

The majority is counted on the measured tasks, so it is slightly better than a real baseline. Not
covered: baselines of Rust tasks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from burnish.records import Task
from burnish.score.answer_text.numbers import last_number, written
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.squad import UNANSWERABLE
from burnish.score.summaries.answers import measure, row_of


def trivial_answers(tasks: Sequence[Task]) -> dict[str, list[Extracted]]:
    """Return each baseline's answers to the tasks, which are of one kind. None for Rust."""
    if not tasks or tasks[0].kind == "rust":
        return {}
    answers: dict[str, list[Extracted]] = {"empty": [Extracted(None, "empty") for _ in tasks]}
    if tasks[0].kind == "extractive_qa":
        answers["unanswerable"] = [Extracted(UNANSWERABLE) for _ in tasks]
        answers["copy"] = [Extracted(task.context or task.prompt[-1].content) for task in tasks]
        return answers
    majority, _ = Counter(task.answers[0] for task in tasks).most_common(1)[0]
    answers["majority"] = [
        Extracted(majority) if _possible(task, majority) else Extracted(None, "no_answer") for task in tasks
    ]
    if tasks[0].kind == "numeric":
        answers["copy"] = [_last_number(task) for task in tasks]
    elif tasks[0].kind == "text":
        answers["copy"] = [Extracted(task.prompt[-1].content) for task in tasks]
    return answers


def baselines(tasks: Sequence[Task], *, tolerance: float) -> dict[str, dict[str, float]]:
    """Measure each baseline on tasks of one kind (and one set of labels): baseline -> metric -> value."""
    by_baseline: dict[str, dict[str, float]] = {}
    for name, answers in trivial_answers(tasks).items():
        rows = [row_of(task, answer, tolerance=tolerance) for task, answer in zip(tasks, answers, strict=True)]
        measured = measure(rows)
        sums = measured.columns_NK.sum(axis=0)
        by_baseline[name] = _finite({metric.name: float(metric.statistic(sums)) for metric in measured.measures})
    if tasks and tasks[0].kind == "multiple_choice":
        by_baseline["chance"] = {"accuracy": sum(len(task.answers) / len(task.choices) for task in tasks) / len(tasks)}
    return by_baseline


def _possible(task: Task, answer: str) -> bool:
    """Return whether this task has the given choice."""
    return not task.choices or answer in {choice.label for choice in task.choices}


def _last_number(task: Task) -> Extracted:
    number = last_number(task.prompt[-1].content)
    return Extracted(None, "no_answer") if number is None else Extracted(written(number))


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """Remove metrics that are not defined on these tasks."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
