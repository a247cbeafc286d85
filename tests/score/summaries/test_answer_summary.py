"""Metrics with intervals, per kind."""

from __future__ import annotations

import pytest

from burnish.score.answer_text.visible import Extracted
from burnish.score.statistics.intervals import wilson
from burnish.score.summaries.answer_summary import estimates, summarise_answers
from burnish.score.summaries.answers import row_of
from tests.score.example_rows import classification_task, classified, number_task, span_task
from tests.score.example_verdicts import measured, passing, wrong


def test_rates_of_independent_rows_have_wilsons_interval_and_alike_rows_a_wider_one() -> None:
    rights, answers = ["Yes"] * 40, ["Yes", "Yes", "Yes", "No"] * 10
    alone = estimates(classified(rights, answers))["accuracy"]
    assert alone.ci95 == wilson(30, 40)
    families = [str(answer) + str(place // 8) for place, answer in enumerate(answers)]
    together = estimates(classified(rights, answers, families=families))["accuracy"]
    assert together.value == alone.value
    assert together.ci95[0] < alone.ci95[0]


def test_perfect_and_hopeless_scores_still_have_an_interval() -> None:
    wrong = estimates(classified(["Yes", "No"] * 10, ["No", "Yes"] * 10))
    assert wrong["macro_f1"].ci95 == wrong["accuracy"].ci95 == wilson(0, 20)
    found = estimates(classified(["Yes", "No"] * 10, ["Yes", "No"] * 10))
    assert found["macro_f1"].ci95 == found["accuracy"].ci95 == wilson(20, 20)


def test_metrics_of_rows_that_do_not_exist_are_left_out() -> None:
    task = span_task("1", "the North Sea")
    found = estimates([row_of(task, Extracted("sea"), tolerance=0)])
    assert "no_answer_exact" not in found
    assert found["has_answer_exact"].n == 1


def test_kinds_and_label_sets_are_summed_up_apart() -> None:
    tasks = [
        classification_task("1", "Yes"),
        number_task("2", "3"),
        classification_task("3", "spam", labels=("spam", "ham")),
        classification_task("4", "No"),
    ]
    rows = [row_of(task, Extracted(task.answers[0]), tolerance=0) for task in tasks]
    found = summarise_answers(tasks, rows, tolerance=0)
    assert [(one.kind, one.classes, one.n) for one in found] == [
        ("classification", ("Yes", "No"), 2),
        ("numeric", (), 1),
        ("classification", ("spam", "ham"), 1),
    ]
    assert found[0].confusion == {
        "Yes": {"Yes": 1, "No": 0, "unparsed": 0},
        "No": {"Yes": 0, "No": 1, "unparsed": 0},
    }
    assert set(found[0].baselines) == {"empty", "majority"}


def test_several_samples_give_pass_at_k_over_tasks() -> None:
    outcomes = {"1": [True, False, False], "2": [False, False, False]}
    rows = [
        row_of(number_task(name, "3"), Extracted("3" if right else "4"), sample, tolerance=0)
        for name, samples in outcomes.items()
        for sample, right in enumerate(samples)
    ]
    found = estimates(rows)
    assert found["pass@1"].value == pytest.approx(1 / 6)
    assert found["pass@3"].value == pytest.approx(1 / 2)
    assert found["pass@3"].n == 2
    assert found["accuracy"].n == 6


def test_times_are_of_answers_that_took_time() -> None:
    rows = classified(["Yes"] * 3, ["Yes"] * 3)
    assert summarise_answers([], rows, tolerance=0)[0].timing is None
    timed = [row.model_copy(update={"seconds": 2.0 * n, "completion_tokens": 10}) for n, row in enumerate(rows)]
    timing = summarise_answers([], timed, tolerance=0)[0].timing
    assert timing is not None
    assert (timing.seconds_p50, timing.completion_tokens, timing.tokens_per_s) == (3.0, 20, 3.333)


def test_rust_rates_stand_by_the_first_part_of_the_families() -> None:
    verdicts = [passing("1"), wrong("2"), passing("3"), wrong("4"), wrong("5")]
    families = {"1": "lints/a", "2": "lints/b", "3": "lints/b", "4": "unseen-formats/a", "5": "unseen-formats/b"}
    model = measured("base", verdicts, families=families)
    [found] = summarise_answers([], model.rows, verdicts, tolerance=0)
    assert list(found.parts) == ["lints", "unseen-formats"]
    assert {part: (rates["tests_passed"].value, rates["tests_passed"].n) for part, rates in found.parts.items()} == {
        "lints": (pytest.approx(2 / 3), 3),
        "unseen-formats": (0.0, 2),
    }


@pytest.mark.parametrize("families", [{"1": "lints/a", "2": "lints/b"}, {"1": "one", "2": "two"}, {}])
def test_families_of_one_kind_or_named_like_tasks_are_not_divided(families: dict[str, str]) -> None:
    verdicts = [passing("1"), wrong("2")]
    [found] = summarise_answers([], measured("base", verdicts, families=families).rows, verdicts, tolerance=0)
    assert found.parts == {}
