"""Reward completions in TRL's trainers: verdicts as numbers, and None where the machine failed.

    from burnish.config.verify import VerifyConfig
    from burnish.verify.serve.reward import VerifierReward
    trainer = GRPOTrainer(model, reward_funcs=VerifierReward(VerifyConfig()), train_dataset=dataset)

TRL passes the dataset's columns: either ``task`` (a `Task` record, as JSON or as a mapping), or fields of one, of
which ``tests``, ``entry_point``, ``code_prompt``, ``reference``, ``edition``, ``crate_type``, ``crates`` decide a
verdict. Other columns are ignored. None inside a mapping counts as absent, since a dataset gives every row the same
fields. A sample with the reward None is not in its group's mean.

A reward shape is passed in, since stages do not import one another:

    shape = functools.partial(burnish.score.rewards.score_verdict.score_verdict, DenseReward())
    reward = VerifierReward(VerifyConfig(), shape=shape)

TRL then logs its components with each completion. Not covered: other frameworks (`burnish verify serve`
talks to any).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from pydantic import ValidationError

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError
from burnish.fsio import whole_characters, without_nulls
from burnish.records import Completion, Score, Task, Verdict, first_problem
from burnish.verify.judge.infra_budget import InfraBudget
from burnish.verify.judge.verifier import Verifier

_FIELDS = ("tests", "entry_point", "code_prompt", "reference", "edition", "crate_type", "crates")


def passed(verdict: Verdict) -> float:
    """Return 1 for a pass, otherwise 0."""
    return float(verdict.status == "pass")


class VerifierReward(AbstractContextManager["VerifierReward"]):
    """Callable as ``reward(prompts=..., completions=..., **columns)``; completions are texts or conversations.

    ``value`` converts every verdict but infra, whose reward is None, to a number; ``shape`` converts a verdict with its
    task to a `Score`, and overrides ``value``. The caller closes a ``verifier`` that it passes. Raises
    InfraBudgetError when the share of faults over all calls exceeds ``config.infra_budget``,
    and DataError for a task column that cannot be read.
    """

    __name__ = "verifier_reward"

    def __init__(
        self,
        config: VerifyConfig,
        *,
        value: Callable[[Verdict], float] = passed,
        shape: Callable[[Verdict, Task], Score] | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        self._value = value
        self._shape = shape
        self._budget = InfraBudget(config.infra_budget, judged="answers")
        self._owned = Verifier(config) if verifier is None else None
        self._verifier = verifier if verifier is not None else self._owned

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the verifier, unless it was given."""
        if self._owned is not None:
            self._owned.close()

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Return one reward per completion, in their order."""
        tasks = [_task(columns, index) for index in range(len(prompts))]
        pairs = [
            (task, Completion(task_id=task.id, text=_text(completion)))
            for task, completion in zip(tasks, completions, strict=True)
        ]
        verdicts = self.judge(pairs)
        if self._shape is None:
            return [None if verdict.status == "infra" else self._value(verdict) for verdict in verdicts]
        scores = [self._shape(verdict, task) for verdict, task in zip(verdicts, tasks, strict=True)]
        _log_components(scores, columns.get("log_extra"))
        return [score.value for score in scores]

    def judge(self, pairs: Sequence[tuple[Task, Completion]]) -> list[Verdict]:
        """Return verdicts in the order of ``pairs``, with the same budget for faults over all calls."""
        assert self._verifier is not None
        # within one call any share may fail: a handful of samples says nothing about the machine
        verdicts = list(self._verifier.stream(pairs, infra_budget=1.0))
        self._budget.weigh(verdicts)
        return verdicts


def _log_components(scores: Sequence[Score], log_extra: Callable[[str, list[float | None]], None] | None) -> None:
    """Log one column per component in TRL's table of completions; None for a completion without it."""
    if log_extra is None:
        return
    for name in dict.fromkeys(name for score in scores for name in score.components):
        log_extra(name, [score.components.get(name) for score in scores])


def _task(columns: Mapping[str, Any], index: int) -> Task:
    """Build the task of one sample."""
    whole = columns.get("task")
    if whole is not None:
        fields = _mapping(whole[index])
    else:
        fields = {name: columns[name][index] for name in _FIELDS if name in columns}
        if isinstance(fields.get("tests"), str):
            fields["tests"] = _mapping(fields["tests"])
    fields = {"id": str(index), "family": "", "prompt": (), **without_nulls(fields)}
    try:
        return Task.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        raise DataError(
            f"sample {index} has no usable task: {first_problem(error)}.",
            "Give a column 'task' of Task records, or columns 'tests' and 'entry_point'.",
        ) from error


def _mapping(value: Any) -> dict[str, Any]:
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise DataError(f"a task column holds text that is not JSON: {error}.", "Give mappings, or JSON.") from error
    if not isinstance(read, Mapping):
        raise DataError(f"a task column holds {type(read).__name__}.", "Give mappings, or JSON of them.")
    return dict(read)


def _text(completion: Any) -> str:
    """Return the model's text: a text, or the last message of a conversation."""
    if isinstance(completion, str):
        return whole_characters(completion)
    return whole_characters(str(completion[-1]["content"] or "")) if completion else ""
