"""Multiple choice: judging the answered letter, and the choice that a model finds most likely.

Two ways to ask a model: it writes its answer (`extraction.extract_choice`), or it says how likely each choice's text
is after the question, which also works for models that follow no instructions. Not covered: computing likelihoods
(an engine does that); the metrics, which are those of `classification.measure_choices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from burnish.records import Task
from burnish.score.extraction import Extracted
from burnish.score.measures import Judged


@dataclass(frozen=True)
class ChoiceLikelihood:
    """How likely a model finds the text of one choice after the prompt."""

    label: str
    text: str
    log_likelihood: float
    """Sum of the log-probabilities of the text's tokens, natural logarithm."""


def judge_choice(task: Task, extracted: Extracted) -> Judged:
    """Right when the answered letter is the right one."""
    return Judged(extracted.answer is not None and extracted.answer in task.answers)


def most_likely(choices: Sequence[ChoiceLikelihood], *, per_byte: bool) -> Extracted:
    """The most likely choice; with ``per_byte`` by log-likelihood per UTF-8 byte, so that long texts are not at a
    disadvantage (``acc_norm`` of lm-evaluation-harness; without it ``acc``). The first of equals, as there.

    Raises ValueError when there is no choice or a text is empty.
    """
    if not choices or any(not one.text for one in choices):
        raise ValueError("likelihoods need at least one choice, and every choice a text")

    def score(one: ChoiceLikelihood) -> float:
        return one.log_likelihood / len(one.text.encode()) if per_byte else one.log_likelihood

    return Extracted(max(choices, key=score).label)
