"""A completion with all that is known of it, and when two of them are the same answer."""

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
        """Whether every hidden test passed."""
        return self.verdict.status == "pass"

    @property
    def whole(self) -> bool:
        """Whether the model ended it by itself; what was cut would teach never to stop."""
        return self.completion.finish_reason != "length"

    @property
    def reward(self) -> float:
        """The score's value; unscored ones (infra, tasks without tests) come last."""
        return float("-inf") if self.score.value is None else self.score.value

    @cached_property
    def answer_key(self) -> str:
        """The same for two answers to a task that differ in declared names, comments and layout alone."""
        return digest_json([self.task.id, same_answer_tokens(self.verdict.code or self.completion.text)])

    @property
    def order(self) -> tuple[float, int, str, int]:
        """Best rewarded first, then the earliest: what is kept of equals."""
        return (-self.reward, self.round, self.task.id, self.completion.sample_index)
