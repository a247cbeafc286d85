"""Multiple choice: judging the answered letter, and the choice that a model finds most likely.

Two ways to ask a model: it writes its answer (`extraction.extract_choice`), or it says how likely each choice's text
is after the question, which also works for models that follow no instructions. Not covered: computing likelihoods
(an engine does that); the metrics, which are those of `classification.measure_choices`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.extraction import Extracted
from burnish.score.metrics.measures import Judged


@dataclass(frozen=True)
class ChoiceLikelihood:
    """How likely a model finds the text of one choice after the prompt."""

    label: str
    text: str
    log_likelihood: float
    """Sum of the log-probabilities of the text's tokens, natural logarithm."""


LIKELIEST, LIKELIEST_PER_BYTE = "likeliest", "likeliest_per_byte"
"""Scores of a row: whether the choice that the model finds most likely is right."""


def judge_choice(task: Task, extracted: Extracted) -> Judged:
    """Right when the answered letter is the right one."""
    return Judged(extracted.answer is not None and extracted.answer in task.answers)


def most_likely(choices: Sequence[ChoiceLikelihood], *, per_byte: bool) -> Extracted:
    """The most likely choice; with ``per_byte`` by log-likelihood per UTF-8 byte, so that long texts are not at a
    disadvantage (``acc_norm`` of lm-evaluation-harness; without it ``acc``). The first of equals, as there.

    Raises ValueError when there is no choice or a text is empty.
    """
    if not choices or any(not choice.text for choice in choices):
        raise ValueError("likelihoods need at least one choice, and every choice a text")

    def score(choice: ChoiceLikelihood) -> float:
        return choice.log_likelihood / len(choice.text.encode()) if per_byte else choice.log_likelihood

    return Extracted(max(choices, key=score).label)


def with_likelihoods(task: Task, row: EvaluatedRow, log_likelihoods: Mapping[str, float]) -> EvaluatedRow:
    """The row with what the model finds most likely, beside what it answered."""
    choices = [ChoiceLikelihood(choice.label, choice.text, log_likelihoods[choice.label]) for choice in task.choices]
    scores = {
        name: float(most_likely(choices, per_byte=per_byte).answer in task.answers)
        for name, per_byte in ((LIKELIEST, False), (LIKELIEST_PER_BYTE, True))
    }
    return row.model_copy(update={"scores": row.scores | scores})


def have_likelihoods(rows: Sequence[EvaluatedRow]) -> bool:
    """Whether any row says what its model finds most likely; rows beyond the model's context do not."""
    return any(LIKELIEST in row.scores for row in rows)


def alike(
    a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]
) -> tuple[Sequence[EvaluatedRow], Sequence[EvaluatedRow]]:
    """Rows of two models in pairs, measured alike: likelihoods stay where both of a pair have some."""
    pairs = [(x, y) if _likely(x) and _likely(y) else (_without(x), _without(y)) for x, y in zip(a, b, strict=True)]
    return [x for x, _ in pairs], [y for _, y in pairs]


def _likely(row: EvaluatedRow) -> bool:
    return LIKELIEST in row.scores


def _without(row: EvaluatedRow) -> EvaluatedRow:
    gone = {LIKELIEST, LIKELIEST_PER_BYTE}
    return row.model_copy(update={"scores": {name: value for name, value in row.scores.items() if name not in gone}})
