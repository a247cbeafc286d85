"""Answers stay the text they are, plain numbers count as numbers, and every solution ends in its boxed answer."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from burnish.data.builders.mathematics import gsm8k_task, math500_task, open_math_task
from burnish.data.builders.rows import LeftOut
from burnish.data.sources.raw import BadRow
from tests.data.builders.published_rows import GSM8K_ROW, MATH500_ROW, OPEN_MATH_ROW, public


def test_gsm8k_loses_its_calculator_notes_and_gains_a_box() -> None:
    task = gsm8k_task(GSM8K_ROW, "gsm8k:1")
    assert (task.kind, task.answers) == ("numeric", ("1500",))
    assert task.reference == "She has 3*500 = 1500 nuts.\n\\boxed{1500}"


@pytest.mark.parametrize(
    ("written", "answer"),
    [("$70,000", "70000"), ("-3", "-3"), ("0.50", "0.50"), ("12.", "12"), ("1,234,567.25", "1234567.25")],
)
def test_numbers_lose_their_units_and_nothing_else(written: str, answer: str) -> None:
    assert gsm8k_task({**GSM8K_ROW, "answer": f"x\n#### {written}"}, "gsm8k:1").answers == (answer,)


@pytest.mark.parametrize("answer", ["no mark 5", "#### five", "#### 1,23", "####"])
def test_gsm8k_rows_without_a_number_are_bad(answer: str) -> None:
    with pytest.raises(BadRow, match="does not end in"):
        gsm8k_task({**GSM8K_ROW, "answer": answer}, "gsm8k:1")


def test_a_float_column_is_a_bad_row_and_never_an_answer() -> None:
    with pytest.raises(BadRow, match=r"'expected_answer' is the float 1008\.0, not text"):
        open_math_task({**OPEN_MATH_ROW, "expected_answer": 1008.0}, "openmath:1")


def test_open_math_takes_plain_numbers_whose_solution_agrees() -> None:
    assert open_math_task(OPEN_MATH_ROW, "openmath:1").answers == ("1008",)
    with pytest.raises(LeftOut, match="not a plain number"):
        open_math_task({**OPEN_MATH_ROW, "expected_answer": "\\frac{1}{2}"}, "openmath:1")
    with pytest.raises(LeftOut, match="another answer"):
        open_math_task({**OPEN_MATH_ROW, "expected_answer": "1009"}, "openmath:1")
    bare = open_math_task({**OPEN_MATH_ROW, "generated_solution": "It is 1008."}, "openmath:1")
    assert bare.reference == "It is 1008.\n\\boxed{1008}"


def test_latex_answers_are_text() -> None:
    task = math500_task(MATH500_ROW, "math500:1")
    assert (task.kind, task.answers) == ("text", (MATH500_ROW["answer"],))
    assert task.reference == MATH500_ROW["solution"]


def test_public_rows_are_all_usable() -> None:
    train = [json.loads(line) for line in public("gsm8k/train.jsonl").read_text().splitlines()]
    tasks = [gsm8k_task(row, "gsm8k") for row in train]
    assert len(tasks) == 7473
    assert not [task for task in tasks if "<<" in (task.reference or "") or task.kind != "numeric"]
    assert not [task for task in tasks if not (task.reference or "").endswith(f"\\boxed{{{task.answers[0]}}}")]
    hard = [json.loads(line) for line in public("math500/first250.jsonl").read_text().splitlines()]
    kinds = Counter(math500_task(row, "math500").kind for row in hard)
    assert kinds.total() == 250
    assert kinds["numeric"] > 100
