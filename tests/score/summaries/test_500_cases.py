"""Every metric with its interval on 500 drawn cases, against scikit-learn and scipy: few rows, one class, no hit."""

from __future__ import annotations

import math
import random
import warnings

import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from burnish.records import Completion, Task, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.classification import UNPARSED
from burnish.score.summaries.answer_summary import estimates, summarise_answers
from burnish.score.summaries.answers import row_of, rust_row
from tests.score.example_rows import classified, number_task, span_task, text_task
from tests.score.example_verdicts import TESTS

CASES = 500
LABELS = ("Yes", "No", "Perhaps")


def wilson_of_scipy(hits: int, n: int) -> tuple[float, float]:
    """0 to 1 where nothing was looked at."""
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def drawn(case: int) -> tuple[list[str], list[str | None]]:
    """Rights and answers of a case: 1 to 40 rows; a third of the cases has one right class, or one answer, alone."""
    rng = random.Random(case)
    n = 1 if case % 25 == 0 else rng.randint(1, 40)
    classes = [rng.choice(LABELS)] if case % 3 == 0 else list(LABELS)
    said: list[str | None] = [rng.choice([*LABELS, None])] if case % 4 == 0 else [*LABELS, None]
    rights = [rng.choice(classes) for _ in range(n)]
    return rights, [right if rng.random() < 0.3 else rng.choice(said) for right in rights]


@pytest.mark.parametrize("block", range(10))
def test_classification_against_scikit_learn_and_scipy(block: int) -> None:
    for case in range(block * CASES // 10, (block + 1) * CASES // 10):
        rights, answers = drawn(case)
        predicted = [UNPARSED if answer is None else answer for answer in answers]
        found = estimates(classified(rights, answers, labels=LABELS))
        n, place = len(rights), f"case {case}"
        hits = sum(right == answer for right, answer in zip(rights, answers, strict=True))
        both = sum(right == answer == "Yes" for right, answer in zip(rights, answers, strict=True))
        proportions = {
            "accuracy": (hits, n),
            "parse_rate": (n - answers.count(None), n),
            "recall_positive": (both, rights.count("Yes")),
            "precision_positive": (both, answers.count("Yes")),
        }
        for name, (successes, attempts) in proportions.items():
            one = found[name]
            assert (one.value, one.n) == (successes / attempts if attempts else 0.0, attempts), (place, name)
            assert one.ci95 == pytest.approx(wilson_of_scipy(successes, attempts), abs=1e-9), (place, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            present = [label for label in LABELS if label in rights or label in predicted]
            expected = {
                "f1_positive": sk.f1_score(rights, predicted, labels=["Yes"], average="macro", zero_division=0),
                "macro_f1": sk.f1_score(rights, predicted, labels=present, average="macro", zero_division=0),
                "balanced_accuracy": sk.balanced_accuracy_score(rights, predicted),
                "mcc": sk.matthews_corrcoef(rights, predicted),
            }
        for name, value in expected.items():
            one = found[name]
            assert one.value == pytest.approx(value, abs=1e-9), (place, name)
            assert one.ci95[0] - 1e-9 <= one.value <= one.ci95[1] + 1e-9, (place, name)
            either = rights.count("Yes") + answers.count("Yes") - both
            assert one.n == (either if name == "f1_positive" else n), (place, name)


def test_rates_of_other_kinds_against_scipy() -> None:
    for case in range(CASES):
        rng = random.Random(case)
        n = rng.randint(1, 30)
        outcomes = [rng.random() < rng.choice((0, 0.5, 1)) for _ in range(n)]
        answered = [rng.random() < 0.5 for _ in range(n)]  # whether the passage holds an answer
        rows: list[EvaluatedRow] = []
        for place, (right, has) in enumerate(zip(outcomes, answered, strict=True)):
            task = span_task(str(place), *(("the sea",) if has else ())).model_copy(update={"family": str(place)})
            rows.append(row_of(task, Extracted(("the sea" if has else "unanswerable") if right else "x"), tolerance=0))
        found = estimates(rows)
        for name, attempted in (("has_answer_exact", answered), ("no_answer_exact", [not one for one in answered])):
            attempts = sum(attempted)
            hits = sum(right and one for right, one in zip(outcomes, attempted, strict=True))
            if not attempts:
                assert name not in found
                continue
            assert (found[name].value, found[name].n) == (hits / attempts, attempts)
            assert found[name].ci95 == pytest.approx(wilson_of_scipy(hits, attempts), abs=1e-9)
        numbers = [
            row_of(number_task(str(place), "7"), Extracted("7" if right else "8"), tolerance=0)
            for place, right in enumerate(outcomes)
        ]
        texts = [
            row_of(text_task(str(place), "sea"), Extracted("sea" if right else "lake"), tolerance=0)
            for place, right in enumerate(outcomes)
        ]
        for kind in (numbers, texts):
            one = estimates(kind)["accuracy"]
            assert one.ci95 == pytest.approx(wilson_of_scipy(sum(outcomes), n), abs=1e-9)
            assert (one.value, one.n) == (sum(outcomes) / n, n)


def test_recall_of_ten_among_three_hundred_rows_is_over_ten() -> None:
    rights, answers = ["Yes"] * 10 + ["No"] * 290, ["Yes"] * 10 + ["No"] * 290
    found = estimates(classified(rights, answers))
    assert found["recall_positive"].n == found["precision_positive"].n == found["f1_positive"].n == 10
    for name in ("recall_positive", "precision_positive", "f1_positive"):
        assert found[name].ci95[0] == pytest.approx(0.722, abs=0.001)
    assert found["accuracy"].n == 300


def rust_rows(tested: int, untested: int) -> list[EvaluatedRow]:
    verdict = Verdict(task_id="", status="pass", stage="test", reason="ok", compiled=True)
    return [
        rust_row(
            Task(id=str(place), family=str(place), prompt=(), tests=tests),
            Completion(task_id=str(place), text=""),
            verdict.model_copy(update={"task_id": str(place)}),
        )
        for place, tests in enumerate([TESTS] * tested + [None] * untested)
    ]


def test_no_rows_have_no_summary() -> None:
    assert summarise_answers([], [], tolerance=0) == ()


def test_tasks_without_tests_pass_nothing() -> None:
    (none,) = summarise_answers([], rust_rows(0, 3), tolerance=0)
    assert "tests_passed" not in none.metrics
    assert (none.metrics["compile_rate"].value, none.untested, none.correct) == (1.0, 3, 0)
    (some,) = summarise_answers([], rust_rows(2, 3), tolerance=0)
    assert (some.metrics["tests_passed"].value, some.metrics["tests_passed"].n) == (1.0, 2)
    assert (some.metrics["compile_rate"].n, some.untested, some.correct) == (5, 3, 2)
    assert math.isclose(some.metrics["tests_passed"].ci95[0], wilson_of_scipy(2, 2)[0])
