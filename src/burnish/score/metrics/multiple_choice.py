"""Judge multiple choice by the choice a model finds most likely.

A model either writes its answer (`extraction.extract_choice`), or gives the likelihood of each choice's text after the
question, which also works for models that do not follow instructions. Not covered: computing likelihoods
(an engine does that); answered letters and the metrics, which are those of `classification`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.visible import Extracted


@dataclass(frozen=True)
class ChoiceLikelihood:
    """Log-likelihood that a model gives the text of one choice after the prompt."""

    label: str
    text: str
    log_likelihood: float
    """Sum of the log-probabilities of the text's tokens, natural logarithm."""


LIKELIEST, LIKELIEST_PER_BYTE = "likeliest", "likeliest_per_byte"
"""Names of a row's scores: whether the most likely choice is right."""


def most_likely(choices: Sequence[ChoiceLikelihood], *, per_byte: bool) -> Extracted:
    """Return the most likely choice; the first one of equals, as in lm-evaluation-harness.

    With ``per_byte`` the log-likelihood is divided by UTF-8 bytes, so that long texts are not at a disadvantage
    (``acc_norm`` of lm-evaluation-harness; without it ``acc``).

    Raises ValueError when there is no choice or a text is empty.
    """
    if not choices or any(not choice.text for choice in choices):
        raise ValueError("likelihoods need at least one choice, and every choice a text")

    def score(choice: ChoiceLikelihood) -> float:
        return choice.log_likelihood / len(choice.text.encode()) if per_byte else choice.log_likelihood

    return Extracted(max(choices, key=score).label)


def with_likelihoods(task: Task, row: EvaluatedRow, log_likelihoods: Mapping[str, float]) -> EvaluatedRow:
    """Add the likelihood scores to a row."""
    choices = [ChoiceLikelihood(choice.label, choice.text, log_likelihoods[choice.label]) for choice in task.choices]
    scores = {
        name: float(most_likely(choices, per_byte=per_byte).answer in task.answers)
        for name, per_byte in ((LIKELIEST, False), (LIKELIEST_PER_BYTE, True))
    }
    return row.model_copy(update={"scores": row.scores | scores})


def have_likelihoods(rows: Sequence[EvaluatedRow]) -> bool:
    """Return whether any row has likelihoods; rows beyond the model's context have none."""
    return any(LIKELIEST in row.scores for row in rows)


def alike(
    a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]
) -> tuple[Sequence[EvaluatedRow], Sequence[EvaluatedRow]]:
    """Pair rows of two models so that likelihood scores stay only where both rows of a pair have them."""
    pairs = [
        (x, y) if LIKELIEST in x.scores and LIKELIEST in y.scores else (_without(x), _without(y))
        for x, y in zip(a, b, strict=True)
    ]
    return [x for x, _ in pairs], [y for _, y in pairs]


def _without(row: EvaluatedRow) -> EvaluatedRow:
    removed = {LIKELIEST, LIKELIEST_PER_BYTE}
    return row.model_copy(update={"scores": {name: value for name, value in row.scores.items() if name not in removed}})
