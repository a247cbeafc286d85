"""Pairs of rows: wins, losses, tests, and what is worth reading."""

from __future__ import annotations

import pytest

from burnish.errors import DataError
from burnish.score.statistics.paired import mcnemar
from burnish.score.summaries.comparison import compare_rows, disagreement, pair_rows
from tests.score.example_rows import classified

RIGHTS = ["Yes", "No"] * 20
A = ["Yes"] * 40
B = ["Yes", "No"] * 15 + [None] * 10


def test_independent_rows_are_tested_by_mcnemar() -> None:
    report, _ = compare_rows("a", classified(RIGHTS, A), "b", classified(RIGHTS, B))
    (kind,) = report.kinds
    assert (kind.n, kind.wins, kind.losses, kind.both, kind.neither) == (40, 15, 5, 15, 5)
    accuracy = kind.metrics["accuracy"]
    expected = mcnemar([n % 2 == 0 for n in range(40)], [n < 30 for n in range(40)])
    assert accuracy.test == "mcnemar"
    assert (accuracy.difference, accuracy.ci95, accuracy.p_value) == (
        expected.difference,
        expected.interval,
        expected.p_value,
    )
    assert kind.metrics["macro_f1"].test == "randomisation"
    assert not report.worse


def test_rows_that_come_in_families_are_tested_by_family() -> None:
    families = [str(n // 10) for n in range(40)]
    rows = classified(RIGHTS, A, families=families), classified(RIGHTS, ["Yes", "No"] * 20, families=families)
    report, _ = compare_rows("a", rows[0], "b", rows[1])
    accuracy = report.kinds[0].metrics["accuracy"]
    assert accuracy.test == "randomisation"
    assert accuracy.p_value == pytest.approx(2 / 16)  # four families can be exchanged in 16 ways
    assert mcnemar([n % 2 == 0 for n in range(40)], [True] * 40).p_value < 0.001


def test_a_model_is_worse_when_the_whole_interval_is_below_zero() -> None:
    good, bad = classified(RIGHTS, RIGHTS), classified(RIGHTS, A)
    assert compare_rows("good", good, "bad", bad)[0].worse
    assert not compare_rows("bad", bad, "good", good)[0].worse
    same = compare_rows("good", good, "again", good)[0]
    assert not same.worse
    assert same.kinds[0].metrics["accuracy"].p_value == 1.0


def test_disagreements_are_improvements_regressions_and_both_wrong() -> None:
    report, found = compare_rows("a", classified(RIGHTS, A), "b", classified(RIGHTS, B))
    kind = report.kinds[0]
    counts = {
        outcome: sum(one.outcome == outcome for one in found) for outcome in ("improvement", "regression", "both_wrong")
    }
    assert counts == {"improvement": kind.wins, "regression": kind.losses, "both_wrong": kind.neither}
    regression = next(one for one in found if one.outcome == "regression")
    assert (regression.a_extracted, regression.b_extracted, regression.b_problem) == ("Yes", None, "no_answer")


def test_infra_decides_nothing_and_is_counted() -> None:
    a, b = classified(["Yes"] * 3, ["Yes"] * 3), classified(["Yes"] * 3, ["No"] * 3)
    b[0] = b[0].model_copy(update={"correct": None})
    report, found = compare_rows("a", a, "b", b)
    assert (report.kinds[0].n, report.kinds[0].left_out, len(found)) == (2, 1, 2)
    assert disagreement(a[0], b[0]) is None


def test_rows_without_a_partner_are_counted_and_strangers_refused() -> None:
    a, b = classified(["Yes"] * 5, ["Yes"] * 5), classified(["Yes"] * 3, ["Yes"] * 3)
    report, _ = compare_rows("a", a, "b", b)
    assert (report.only_in_a, report.only_in_b, report.kinds[0].n) == (2, 0, 3)
    other = [row.model_copy(update={"task_id": f"other {row.task_id}"}) for row in b]
    with pytest.raises(DataError, match="share no task"):
        pair_rows(a, other)
    with pytest.raises(DataError, match="not the same in both"):
        pair_rows(a, classified(["No"] * 3, ["Yes"] * 3))
