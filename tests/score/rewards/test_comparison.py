"""Figures of a replay, by hand."""

from __future__ import annotations

import pytest

from burnish.records import Score, Verdict
from burnish.score.rewards.comparison import Sample, ShapeReport, compare_shape
from tests.score.example_verdicts import broken, infra, passing, wrong


def report(rows: list[tuple[str, str, Verdict, float | None]], top: int = 2) -> ShapeReport:
    samples = [Sample(group, text, verdict) for group, text, verdict, _ in rows]
    scores = [
        Score(task_id=v.task_id, value=value, unscored_reason="" if value is not None else "infra")
        for _, _, v, value in rows
    ]
    return compare_shape("some", samples, scores, top)


def test_signal_goes_over_groups_of_two_or_more_scored() -> None:
    found = report(
        [
            ("a", "x", passing("a"), 1.0),
            ("a", "x", wrong("a", 1), 0.5),
            ("b", "x", wrong("b"), 0.5),
            ("b", "x", wrong("b", 1), 0.5),
            ("c", "x", passing("c"), 1.0),
            ("c", "x", infra("c", 1), None),
        ]
    )
    assert (found.groups, found.signal_share) == (2, 0.5)
    assert (found.scored, found.unscored, found.mean) == (5, {"infra": 1}, 0.7)


def test_rank_agreement_with_ties_by_hand() -> None:
    # shares 1, 7/12, 0; rewards 1, 0, 0: two concordant pairs, one tied in the rewards: 2 / sqrt(2 * 3)
    found = report([("a", "xx", passing("a"), 1.0), ("a", "x", wrong("a"), 0.0), ("a", "xxx", broken("a"), 0.0)])
    assert found.tau_tests == pytest.approx(2 / 6**0.5)
    turned = report([("a", "x", passing("a"), 0.0), ("a", "xxx", broken("a"), 1.0)])
    assert turned.tau_tests == pytest.approx(-1)
    assert turned.rho_length == pytest.approx(1)


def test_constant_rewards_have_no_correlation() -> None:
    found = report([("a", "x", passing("a"), 1.0), ("a", "x", passing("a", 1), 1.0)])
    assert (found.tau_tests, found.rho_length, found.signal_share) == (None, None, 0.0)
    assert report([]).signal_share is None


def test_the_best_paid_wrong_programs_are_shown_once_each() -> None:
    twice = wrong("a").model_copy(update={"code": "fn same() {}"})
    found = report(
        [
            ("a", "x", passing("a"), 9.0),
            ("a", "x", twice, 0.7),
            ("a", "x", twice.model_copy(update={"sample_index": 1}), 0.7),
            ("a", "x", broken("a", 2), 0.1),
            ("a", "x", broken("a", 3), 0.0),
        ]
    )
    assert [(one.reward, one.passed, one.expected) for one in found.top_wrong] == [(0.7, 7, 12), (0.1, 0, 0)]
