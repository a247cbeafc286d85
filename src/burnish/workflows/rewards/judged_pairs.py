"""Build rows from judged answers: pairs and labels for preference tuning, and repairs.

    {"prompt": [turns], "chosen": text, "rejected": text, "task_id"}     DPO
    {"prompt": [turns], "completion": text, "label": bool, "task_id"}    KTO
    `Example`: prompt, failing answer, compiler messages, passing answer; only the last answer is trained

Left out on purpose: sampling, and judging completions without verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from burnish.config.reward import DenseReward
from burnish.data.tasks.repair_prompt import repair_message
from burnish.errors import DataError, GateError
from burnish.records import Example, Message, Task
from burnish.score.rewards.score_verdict import score_verdict
from burnish.score.selection.held_out import HeldOut
from burnish.score.selection.judged import Judged
from burnish.score.selection.pairs import labelled, preference_pairs, repair_pairs
from burnish.workflows.rewards.stored_answers import read_written, rollout_files, task_of

Row = TypeVar("Row")


@dataclass(frozen=True)
class Answers:
    """Judged answers, and counts of the ones left out by reason."""

    judged: list[Judged]
    left_out: Counter[str] = field(default_factory=Counter)


def judged_answers(
    source: Path, tasks: Mapping[str, Task], held_out: HeldOut, *, skip_held_out: bool = False
) -> Answers:
    """Collect all judged answers of a file or folder, ranked by the default reward.

    Args:
        source: a file, or the folder of a stage, run or evaluation.
        tasks: by id.
        held_out: tasks excluded from training.
        skip_held_out: leave out answers to them, as in a run that samples and evaluates, instead of refusing them.

    Raises DataError when there is no judged answer or a task is unknown, GateError for an answer to a held-out task.
    """
    answers = Answers([])
    for file in rollout_files(source):
        for written in read_written(file):
            task = task_of(written, tasks)
            try:
                held_out.check([task])
            except GateError:
                if not skip_held_out:
                    raise
                answers.left_out["of held-out tasks"] += 1
                continue
            verdict = written.verdict
            if verdict is None or verdict.status == "infra" or task.tests is None:
                answers.left_out["not judged by hidden tests"] += 1
                continue
            score = score_verdict(DenseReward(), verdict, task)
            answers.judged.append(Judged(task, written.completion, verdict, score, written.step))
    if not answers.judged:
        why = ", ".join(f"{count} {reason}" for reason, count in answers.left_out.items()) or "it has no answers"
        raise DataError(f"{source} has no usable answer: {why}.", "Give a run that sampled training tasks.")
    return answers


def preference_rows(judged: Sequence[Judged], method: Literal["dpo", "kto"], per_task: int) -> list[dict[str, Any]]:
    """Build preference rows; raise DataError when no task has passing and failing answers."""
    if method == "kto":
        rows = [
            {
                "prompt": _turns(answer.task),
                "completion": answer.completion.text,
                "label": good,
                "task_id": answer.task.id,
            }
            for answer, good in labelled(judged, per_task)
        ]
    else:
        rows = [
            {
                "prompt": _turns(pair.passing.task),
                "chosen": pair.passing.completion.text,
                "rejected": pair.failing.completion.text,
                "task_id": pair.passing.task.id,
            }
            for pair in preference_pairs(judged, per_task)
        ]
    return _some(rows, judged)


def repair_examples(judged: Sequence[Judged], per_task: int) -> list[Example]:
    """Build repair conversations; raise DataError when no task has passing and failing answers."""
    return _some(
        [
            Example(
                id=f"{pair.failing.task.id}#repair-{pair.failing.round}.{pair.failing.completion.sample_index}",
                messages=(
                    *pair.failing.task.prompt,
                    Message(role="assistant", content=pair.failing.completion.text),
                    repair_message(pair.failing.verdict),
                    Message(role="assistant", content=pair.passing.completion.text),
                ),
                trained_answers="last",
                task_type="repair",
                licence=pair.failing.task.licence,
                origin=pair.failing.task.origin,
            )
            for pair in repair_pairs(judged, per_task)
        ],
        judged,
    )


def _turns(task: Task) -> list[dict[str, Any]]:
    return [message.model_dump() for message in task.prompt]


def _some(rows: list[Row], judged: Sequence[Judged]) -> list[Row]:
    if not rows:
        passed = sum(answer.passed for answer in judged)
        raise DataError(
            f"no task has both a passing and a failing answer: of {len(judged)} answers {passed} pass.",
            "Sample more answers per task, at a higher temperature.",
        )
    return rows
