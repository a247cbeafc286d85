"""Models that do not really answer score what they should, in every kind; rows hold all that judging needs."""

from __future__ import annotations

import pytest

from burnish.errors import DataError
from burnish.generate.scripted import ScriptedGenerator
from burnish.records import Completion, RustTests, Task, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.score.summaries.answer_summary import summarise_answers
from burnish.score.summaries.answers import check_tasks, is_tested, judge_answer, missing_row, rust_row
from tests.score.example_rows import choice_task, classification_task, number_task, span_task, text_task

TASKS: dict[str, list[Task]] = {
    "classification": [
        classification_task("c1", "Yes"),
        classification_task("c2", "Yes"),
        classification_task("c3", "No"),
    ],
    "multiple_choice": [choice_task("m1", "A"), choice_task("m2", "B"), choice_task("m3", "C")],
    "extractive_qa": [span_task("s1", "the North Sea"), span_task("s2", "the North Sea"), span_task("s3")],
    "numeric": [number_task("n1", "12"), number_task("n2", "7"), number_task("n3", "0.5")],
    "text": [text_task("t1", r"\frac{x}{2}"), text_task("t2", "x^2"), text_task("t3", "Rhine")],
}
WORDS = {
    "c1": "The user will enjoy it.",
    "c2": "Surely they will love this film!",
    "c3": "They would hate it.",
    "m1": "A dog",  # the text of a choice, whole, names it
    "m2": "It must be the animal that purrs.",
    "m3": "a cow",
    "s1": "It flows northwards\nand into the sea there.",
    "s2": "the North Sea",
    "s3": "The passage\ndoes not tell.",
    "n1": "twelve",
    "n2": r"\boxed{seven}",
    "n3": "one half",
    "t1": "half of x",
    "t2": "x squared",
    "t3": "the Rhine",
}
# model -> kind -> (rows right, rows unread) of three
EXPECTED = {
    "nothing": dict.fromkeys(TASKS, (0, 3)),
    "only thinks": dict.fromkeys(TASKS, (0, 3)),
    "always yes": {
        "classification": (2, 0),
        "multiple_choice": (0, 3),
        "extractive_qa": (0, 0),
        "numeric": (0, 3),
        "text": (0, 0),
    },
    "in words": {
        "classification": (0, 3),
        "multiple_choice": (2, 1),
        "extractive_qa": (1, 2),
        "numeric": (0, 3),
        "text": (0, 0),
    },
    "right": dict.fromkeys(TASKS, (3, 0)),
}
RIGHT = {"s3": r"\boxed{unanswerable}"}


def answer(model: str, task: Task) -> str:
    match model:
        case "nothing":
            return ""
        case "only thinks":
            return f"<think> The answer is {' '.join(task.answers) or 'unanswerable'}, yes, A, 12."
        case "always yes":
            return "Yes"
        case "in words":
            return WORDS[task.id]
        case _:
            return RIGHT.get(task.id) or f"<think>no, 3, C</think>So \\boxed{{{task.answers[0]}}}"


def judged(model: str, kind: str) -> list[EvaluatedRow]:
    tasks = TASKS[kind]
    generator = ScriptedGenerator({task.id: [answer(model, task)] for task in tasks})
    completions = {one.task_id: one for batch in generator.generate(tasks) for one in batch}
    return [judge_answer(task, completions[task.id], tolerance=1e-4) for task in tasks]


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("model", EXPECTED)
def test_every_model_scores_what_it_should_in_every_kind(model: str, kind: str) -> None:
    rows = judged(model, kind)
    right, unread = EXPECTED[model][kind]
    assert (sum(bool(row.correct) for row in rows), sum(row.extracted is None for row in rows)) == (right, unread)
    (summary,) = summarise_answers(TASKS[kind], rows, tolerance=1e-4)
    first = next(iter(summary.metrics.values()))
    assert first.value == pytest.approx(right / 3)
    assert (summary.n, summary.correct, summary.unparsed, first.n) == (3, right, unread, 3)
    assert summary.metrics["parse_rate"].value == pytest.approx(1 - unread / 3)
    assert sum(summary.problems.values()) == unread
    for metric in summary.metrics.values():
        assert metric.ci95[0] <= metric.value <= metric.ci95[1]


def test_the_reason_of_an_unread_answer_is_kept() -> None:
    assert {row.problem for row in judged("nothing", "numeric")} == {"empty"}
    assert {row.problem for row in judged("only thinks", "classification")} == {"only_thinking"}


def test_always_yes_has_no_skill_in_the_metrics_that_measure_skill() -> None:
    rows = judged("always yes", "classification")
    (summary,) = summarise_answers(TASKS["classification"], rows, tolerance=0)
    assert summary.metrics["balanced_accuracy"].value == 0.5
    assert summary.metrics["mcc"].value == 0.0
    assert summary.metrics["accuracy"].value == summary.baselines["majority"]["accuracy"] == pytest.approx(2 / 3)


def test_a_row_holds_what_was_asked_said_and_spent() -> None:
    task = number_task("n", "12")
    said = Completion(
        task_id="n", sample_index=2, text="A: 12", prompt_tokens=9, completion_tokens=4, seconds=0.5, model_digest="m"
    )
    row = judge_answer(task, said, tolerance=0)
    assert (row.prompt, row.text, row.extracted, row.correct) == (task.prompt, "A: 12", "12", True)
    assert (row.sample_index, row.prompt_tokens, row.completion_tokens, row.seconds) == (2, 9, 4, 0.5)
    assert EvaluatedRow.from_json(row.to_json()) == row


def test_a_cut_off_answer_counts_only_where_it_was_marked() -> None:
    task = number_task("n", "13")
    cut = Completion(task_id="n", text="she has 16 - 3 = 13", finish_reason="length")
    assert judge_answer(task, cut, tolerance=0).problem == "cut_off"
    assert judge_answer(task, cut.model_copy(update={"finish_reason": "stop"}), tolerance=0).correct


def test_an_answer_that_nobody_gave_is_wrong() -> None:
    row = missing_row(number_task("n", "13"), 0, tolerance=0)
    assert (row.correct, row.problem) == (False, "missing")


def test_rust_rows_take_the_verdict_and_infra_is_neither_right_nor_wrong() -> None:
    task = Task(id="r", family="f", prompt=(), tests=RustTests(source="#[test] fn t() {}"))
    said = Completion(task_id="r", text="fn f() {}")
    passed = Verdict(task_id="r", status="pass", stage="test", reason="ok", compiled=True, code="fn f() {}")
    row = rust_row(task, said, passed)
    assert (row.correct, row.extracted, row.scores) == (True, "fn f() {}", {"compiled": 1.0, "lint_free": 1.0})
    untested = rust_row(task.model_copy(update={"tests": None}), said, passed)
    assert (is_tested(row), is_tested(untested)) == (True, False)
    infra = passed.model_copy(update={"status": "infra", "reason": "infra", "compiled": None})
    assert rust_row(task, said, infra).correct is None
    nothing = passed.model_copy(update={"status": "fail", "reason": "no_code", "compiled": False, "code": ""})
    assert rust_row(task, said, nothing).extracted is None


@pytest.mark.parametrize(
    "task",
    [
        classification_task("t", "Perhaps"),
        classification_task("t", "Yes", labels=("Yes",)),
        choice_task("t", "E"),
        number_task("t", "many"),
        text_task("t", " "),
    ],
)
def test_tasks_that_nobody_could_answer_are_refused(task: Task) -> None:
    with pytest.raises(DataError, match="cannot be judged"):
        check_tasks([task])
    check_tasks([task for tasks in TASKS.values() for task in tasks])
