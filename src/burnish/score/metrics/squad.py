"""Score SQuAD v2: exact match and token F1 against the right spans, overall and by answerability.

`exact_match` and `token_f1` are those of the official script. Unlike a bare use of the script, an answer that could not
be read is not an empty prediction, which would be right wherever there is no answer: it is wrong everywhere. Saying
that there is no answer takes one of `NO_ANSWER`. Not covered: no-answer probabilities and best thresholds.

Source: P. Rajpurkar, R. Jia, P. Liang, "Know What You Don't Know" (2018), evaluate-v2.0.py.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.measures import CORRECT, PARSED, Judged, Measured, columns, mean, rate

UNANSWERABLE = "unanswerable"
NO_ANSWER = frozenset(
    {UNANSWERABLE, "unknown", "no answer", "not answerable", "cannot be answered", "n a", "na", "none", "null"}
)
"""Normalised answers that say: the passage does not answer."""
EXACT, F1, ANSWERED_OR_NOT = "exact", "f1", "answered_or_not"
_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """Lower the case and remove ASCII punctuation, articles and surplus blanks."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(right: str, answer: str) -> int:
    """Return 1 when both are equal once normalised, otherwise 0."""
    return int(normalise(right) == normalise(answer))


def token_f1(right: str, answer: str) -> float:
    """Compute F1 of the shared words, repeats counted; where one side has none, 1 when both have none."""
    right_words, words = normalise(right).split(), normalise(answer).split()
    if not right_words or not words:
        return float(right_words == words)
    common = sum((Counter(right_words) & Counter(words)).values())
    return 2 * common / (len(right_words) + len(words))


def best_scores(rights: Sequence[str], answer: str) -> tuple[int, float]:
    """Return exact match and F1 against the right span that fits best; without any, or with empty ones alone, against
    the empty answer."""
    possible = [right for right in rights if normalise(right)] or [""]
    return max(exact_match(right, answer) for right in possible), max(token_f1(right, answer) for right in possible)


def judge_span(task: Task, extracted: Extracted) -> Judged:
    """Judge a span: right when it matches exactly, or correctly says that there is no answer."""
    answer = extracted.answer
    if answer is None:
        return Judged(False, {EXACT: 0.0, F1: 0.0, ANSWERED_OR_NOT: 0.0})
    plain = normalise(answer)
    if plain in NO_ANSWER and plain not in map(normalise, task.answers):  # "none" may be a span of the passage
        answer = ""
    exact, f1 = best_scores(task.answers, answer)
    answerable = any(normalise(right) for right in task.answers)
    known = bool(normalise(answer)) == answerable
    return Judged(bool(exact), {EXACT: float(exact), F1: f1, ANSWERED_OR_NOT: float(known)})


def measure_spans(rows: Sequence[EvaluatedRow]) -> Measured:
    """Compute metrics over all rows, over those with an answer, and over those without (nan where there are none)."""
    table = []
    for row in rows:
        has = float(any(normalise(right) for right in row.expected))
        exact, f1 = row.scores[EXACT], row.scores[F1]
        known = row.scores[ANSWERED_OR_NOT]
        parsed = float(row.extracted is not None)
        table.append([1.0, parsed, exact, f1, known, has, has * exact, has * f1, 1 - has, (1 - has) * exact])
    measures = (
        rate(EXACT, CORRECT),
        mean(F1, 3),
        rate("has_answer_exact", 6, 5),
        mean("has_answer_f1", 7, 5),
        rate("no_answer_exact", 9, 8),
        rate(ANSWERED_OR_NOT, 4),
        rate("parse_rate", PARSED),
    )
    return Measured(columns(table, 10), measures)
