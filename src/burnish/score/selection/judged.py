"""Define a completion with its verdict and reward, and when two answers are equal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from burnish.fsio import digest_json
from burnish.records import Completion, Score, Task, Verdict
from burnish.syntax.normalise import same_answer_tokens


@dataclass(frozen=True)
class Judged:
    """One completion of a task, its verdict, its reward, and the round or step whose model wrote it."""

    task: Task
    completion: Completion
    verdict: Verdict
    score: Score
    round: int = 0

    @property
    def passed(self) -> bool:
        """Return whether every hidden test passed."""
        return self.verdict.status == "pass"

    @property
    def whole(self) -> bool:
        """Return whether the model ended it by itself; truncated answers would teach the model never to stop."""
        return self.completion.finish_reason != "length"

    @property
    def reward(self) -> float:
        """Return the score's value; unscored ones (infra, tasks without tests) come last."""
        return float("-inf") if self.score.value is None else self.score.value

    @cached_property
    def answer_key(self) -> str:
        """Return a key shared by answers to a task that differ only in declared names, comments and layout."""
        return digest_json([self.task.id, same_answer_tokens(self.verdict.code or self.completion.text)])

    @property
    def order(self) -> tuple[float, int, str, int]:
        """Return the sort key that keeps the best rewarded, then the earliest of equals."""
        return (-self.reward, self.round, self.task.id, self.completion.sample_index)
