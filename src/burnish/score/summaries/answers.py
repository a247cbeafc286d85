"""Judge one answer to a task of any kind, as a row that holds all that is needed to judge it again.

Rust answers are judged by the verifier; here their verdict only becomes a row. Not covered: metrics over rows
(`score.summaries.answer_summary`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from burnish.errors import DataError
from burnish.records import Completion, Task, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.extraction import extract_label, extract_number, extract_text
from burnish.score.answer_text.letters import extract_choice
from burnish.score.answer_text.numbers import only_number
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.classification import judge_class, measure_choices, measure_classes
from burnish.score.metrics.measures import CORRECT, PARSED, Judged, Measured, columns, rate
from burnish.score.metrics.numeric import judge_number, measure_numbers
from burnish.score.metrics.squad import judge_span, measure_spans
from burnish.score.metrics.text import judge_text, measure_texts

COMPILED, LINT_FREE, UNTESTED = "compiled", "lint_free", "untested"


def check_tasks(tasks: Iterable[Task]) -> None:
    """Raise DataError naming the first task whose answers could not be judged."""
    for task in tasks:
        if problem := _problem(task):
            raise DataError(f"the task {task.id!r} cannot be judged: {problem}.", "Fix the task, or exclude it.")


def extract_answer(task: Task, text: str, *, cut_off: bool = False) -> Extracted:
    """Extract the answer from a text as the task's kind requires. ValueError for Rust."""
    match task.kind:
        case "classification":
            return extract_label(text, task.labels, cut_off=cut_off)
        case "multiple_choice":
            return extract_choice(text, {choice.label: choice.text for choice in task.choices}, cut_off=cut_off)
        case "numeric":
            return extract_number(text, cut_off=cut_off)
        case "extractive_qa" | "text":
            return extract_text(text, cut_off=cut_off)
        case "rust":
            raise ValueError("the verifier extracts Rust")
    assert_never(task.kind)


def judge_extracted(task: Task, extracted: Extracted, *, tolerance: float) -> Judged:
    """Judge an extracted answer. ``tolerance`` is the distance that numeric answers may have. ValueError for Rust."""
    match task.kind:
        case "classification" | "multiple_choice":
            return judge_class(task, extracted)
        case "numeric":
            return judge_number(task, extracted, tolerance)
        case "extractive_qa":
            return judge_span(task, extracted)
        case "text":
            return judge_text(task, extracted)
        case "rust":
            raise ValueError("the verifier judges Rust")
    assert_never(task.kind)


def judge_answer(task: Task, completion: Completion, *, tolerance: float) -> EvaluatedRow:
    """Build the row of one answer."""
    extracted = extract_answer(task, completion.text, cut_off=completion.finish_reason == "length")
    return _row(task, completion, extracted, judge_extracted(task, extracted, tolerance=tolerance))


def missing_row(task: Task, sample_index: int, *, tolerance: float) -> EvaluatedRow:
    """Build the row of a missing answer: wrong."""
    return row_of(task, Extracted(None, "missing"), sample_index, tolerance=tolerance)


def row_of(task: Task, extracted: Extracted, sample_index: int = 0, *, tolerance: float) -> EvaluatedRow:
    """Build the row of an extracted answer, without a text around it."""
    given = Completion(task_id=task.id, sample_index=sample_index, text="", finish_reason="given")
    return _row(task, given, extracted, judge_extracted(task, extracted, tolerance=tolerance))


def rust_row(task: Task, completion: Completion, verdict: Verdict) -> EvaluatedRow:
    """Build the row of a verified Rust answer."""
    infra = verdict.status == "infra"
    scores = {COMPILED: float(bool(verdict.compiled)), LINT_FREE: float(verdict.lint_free)}
    if task.tests is None:
        scores[UNTESTED] = 1.0
    extracted = Extracted(None if verdict.reason in ("no_code", "too_long") else verdict.code)
    judged = Judged(verdict.status == "pass", scores)
    row = _row(task, completion, extracted, judged)
    return row.model_copy(update={"reason": verdict.reason} | ({"correct": None} if infra else {}))


def measure(rows: Sequence[EvaluatedRow]) -> Measured:
    """Measure rows of one kind (and one set of labels): columns with their metrics. ValueError without rows."""
    if not rows:
        raise ValueError("no rows to summarise")
    kind = rows[0].kind
    match kind:
        case "classification":
            return measure_classes(rows, classes_of(rows))
        case "multiple_choice":
            return measure_choices(rows, classes_of(rows))
        case "numeric":
            return measure_numbers(rows)
        case "extractive_qa":
            return measure_spans(rows)
        case "text":
            return measure_texts(rows)
        case "rust":
            return _measure_rust(rows)
    assert_never(kind)


def classes_of(rows: Sequence[EvaluatedRow]) -> tuple[str, ...]:
    """Return all classes of the rows: labels in their order, letters in alphabetical order."""
    classes = tuple(dict.fromkeys(name for row in rows for name in row.classes))
    return classes if rows and rows[0].kind == "classification" else tuple(sorted(classes))


def is_tested(row: EvaluatedRow) -> bool:
    """Return whether the task of a Rust row has tests."""
    return UNTESTED not in row.scores


def _measure_rust(rows: Sequence[EvaluatedRow]) -> Measured:
    """Measure rates over all rows; one without a verdict because of infra counts as not proven, and as unknown.

    After infra in the tests it is still known that the program compiles, and whether it has lints. ``tests_passed``
    goes over the tasks that have tests, and is not there where none has: a program that compiles has passed nothing
    then.
    """
    table = []
    for row in rows:
        compiled, infra, tested = row.scores[COMPILED], row.correct is None, is_tested(row)
        outcome = [float(bool(row.correct) and tested), compiled, row.scores[LINT_FREE]]
        unknown = [float(infra and tested), float(infra and not compiled)]
        table.append([1.0, float(row.extracted is not None), *outcome, *unknown, float(tested)])
    passed = (rate("tests_passed", CORRECT, attempts=7, unknown=5),) if any(map(is_tested, rows)) else ()
    measures = (
        *passed,
        rate("compile_rate", 3, unknown=6),
        rate("lint_free_rate", 4, unknown=6),
    )
    return Measured(columns(table, 8), (*measures, rate("parse_rate", PARSED)))


def _row(task: Task, completion: Completion, extracted: Extracted, judged: Judged) -> EvaluatedRow:
    return EvaluatedRow(
        task_id=task.id,
        sample_index=completion.sample_index,
        kind=task.kind,
        family=task.family or task.id,
        prompt=task.prompt,
        text=completion.text,
        extracted=extracted.answer,
        problem=extracted.problem,
        expected=task.answers,
        classes=task.labels or tuple(choice.label for choice in task.choices),
        correct=judged.correct,
        scores=judged.scores,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        finish_reason=completion.finish_reason,
        seconds=completion.seconds,
        model_digest=completion.model_digest,
    )


def _problem(task: Task) -> str:
    """Return why no answer to this task can be judged; empty when it can."""
    match task.kind:
        case "classification":
            if len(task.labels) < 2 or not task.answers or not set(task.answers) <= set(task.labels):
                return f"its answer is {task.answers} and its labels are {task.labels}"
        case "multiple_choice":
            labels = [choice.label for choice in task.choices]
            if any(len(label) != 1 or not label.isupper() for label in labels) or len(set(labels)) != len(labels):
                return f"its choices are labelled {labels}, not with different capital letters"
            if not task.answers or not set(task.answers) <= set(labels):
                return f"its answer is {task.answers} and its choices are {labels}"
        case "numeric":
            if not task.answers or any(only_number(answer) is None for answer in task.answers):
                return f"its answer {task.answers} is not a number"
        case "text":
            if not any(answer.strip() for answer in task.answers):
                return "it has no answer"
        case "extractive_qa" | "rust":
            pass
    return ""
