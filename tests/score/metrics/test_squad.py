"""SQuAD scores against the official figures, row by row, and where format failures must not pay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.fsio import read_lines
from burnish.records.files import read_rows
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.squad import best_scores, exact_match, judge_span, normalise, token_f1
from burnish.score.summaries.answers import measure, row_of
from tests.score.example_rows import span_task


@pytest.mark.parametrize("model", ["BERT", "Logistic_Regression_Baseline"])
def test_every_row_has_its_official_scores(shared: Path, model: str) -> None:
    folder = shared / "data" / "xquad_squad"
    answers = {row["id"]: row["answers"] for row in map(json.loads, read_lines(folder / "xquad_en.jsonl"))}
    official = list(map(json.loads, read_lines(folder / "official_scores.jsonl")))
    total = next(row for row in official if row["model"].replace(" ", "_").startswith(model))
    rows = list(read_rows(folder / f"pred_{model}.jsonl"))
    exact_sum, f1_sum = 0, 0.0
    for row in rows:
        exact, f1 = best_scores(answers[row["id"]], row["prediction"])
        assert exact == row["em"], row
        assert f1 == pytest.approx(row["f1"], abs=1e-12), row
        exact_sum, f1_sum = exact_sum + exact, f1_sum + f1
    assert len(rows) == total["n"]
    assert 100 * exact_sum / len(rows) == pytest.approx(total["em"])
    assert 100 * f1_sum / len(rows) == pytest.approx(total["f1"])


def test_normalisation_and_f1_by_hand() -> None:
    assert normalise("The  North-Sea, a sea.") == "northsea sea"
    assert exact_match("The Rhine", "rhine!") == 1
    assert token_f1("the north sea", "sea in the north east") == pytest.approx(2 * 2 / (2 + 4))
    assert token_f1("", "") == 1.0
    assert token_f1("", "sea") == 0.0
    assert best_scores(("the", "."), "") == (1, 1.0)


def test_unanswerable_is_right_when_stated_and_not_when_empty() -> None:
    task = span_task("none")
    assert judge_span(task, Extracted("unanswerable")).correct
    assert judge_span(task, Extracted("No answer.")).correct
    assert not judge_span(task, Extracted(None, "no_answer")).correct
    assert not judge_span(task, Extracted("the North Sea")).correct
    assert not judge_span(span_task("some", "the North Sea"), Extracted("unanswerable")).correct
    assert judge_span(span_task("literal", "none"), Extracted("None")).correct


def test_metrics_are_split_by_whether_there_is_an_answer() -> None:
    said = [
        (span_task("1", "the North Sea"), Extracted("North Sea")),
        (span_task("2", "the North Sea"), Extracted("unanswerable")),
        (span_task("3", "the North Sea"), Extracted("sea")),
        (span_task("4"), Extracted("unanswerable")),
        (span_task("5"), Extracted(None, "only_thinking")),
    ]
    found = measure([row_of(task, one, tolerance=0) for task, one in said])
    sums = found.columns_NK.sum(axis=0)
    values = {measure.name: float(measure.statistic(sums)) for measure in found.measures}
    assert values == pytest.approx(
        {
            "exact": 2 / 5,
            "f1": (1 + 2 / 3 + 1) / 5,
            "has_answer_exact": 1 / 3,
            "has_answer_f1": (1 + 2 / 3) / 3,
            "no_answer_exact": 1 / 2,
            "answered_or_not": 3 / 5,
            "parse_rate": 4 / 5,
        }
    )
