"""Rates over everything attempted, with infra beside."""

from __future__ import annotations

import pytest

from burnish.score.statistics.intervals import wilson
from burnish.score.summaries.rates import rates
from tests.score.verdicts import broken, infra, passing, wrong


def test_each_kind_of_verdict_counts_where_it_should() -> None:
    counted = rates([passing("a"), passing("b", lints=("clippy::needless_return",)), wrong("c"), broken("d")])
    assert (counted.n, counted.compiled, counted.lint_free, counted.passed, counted.infra) == (4, 3, 2, 2, 0)
    assert (counted.compile_rate, counted.lint_free_rate, counted.tests_passed) == (0.75, 0.5, 0.5)
    assert counted.interval("compile_rate") == wilson(3, 4)
    assert counted.reasons == {"ok": 2, "tests_failed": 1, "compile_error": 1}


def test_infra_stays_in_the_denominator_and_only_widens_the_interval() -> None:
    counted = rates([passing("a"), wrong("b"), infra("c"), infra("d", compiled=True)])
    assert counted.infra == 2
    assert counted.n == 4
    assert counted.compiled == 3
    assert counted.tests_passed == 0.25
    assert counted.interval("tests_passed") == (wilson(1, 4)[0], wilson(3, 4)[1])
    assert counted.interval("compile_rate") == (wilson(3, 4)[0], wilson(4, 4)[1])


def test_an_infra_fault_never_moves_the_interval_down() -> None:
    honest = rates([passing("a"), passing("b"), wrong("c")])
    faulty = rates([passing("a"), infra("b"), wrong("c")])
    assert faulty.interval("tests_passed")[1] == pytest.approx(honest.interval("tests_passed")[1])


def test_nothing_attempted_gives_zero_rates_and_full_intervals() -> None:
    counted = rates([])
    assert counted.tests_passed == 0.0
    assert counted.interval("tests_passed") == (0.0, 1.0)


def test_pass_at_1_is_the_mean_over_samples_and_samples_do_not_narrow_the_interval() -> None:
    verdicts = [passing("a", 0), wrong("a", 1), passing("b", 0), passing("b", 1)]
    counted = rates(verdicts)
    assert counted.tests_passed == 0.75
    assert (counted.n, counted.tasks) == (4, 2)
    assert counted.interval("tests_passed") == wilson(1.5, 2)


def test_error_codes_count_programs_not_messages() -> None:
    counted = rates([broken("a", codes=("E0308", "E0308", None)), broken("b", codes=("E0308",)), passing("c")])
    assert counted.error_codes == {"E0308": 2, "syntax": 1}


def test_lints_count_programs_not_messages() -> None:
    counted = rates([passing("a", lints=("clippy::x", "clippy::x")), passing("b", lints=("clippy::x",))])
    assert counted.lints == {"clippy::x": 2}


def test_a_deny_lint_of_a_program_that_compiles_is_no_error_code() -> None:
    denied = broken("a", codes=("clippy::absurd_extreme_comparisons",)).diagnostics
    counted = rates([passing("a").model_copy(update={"diagnostics": denied})])
    assert counted.error_codes == {}
