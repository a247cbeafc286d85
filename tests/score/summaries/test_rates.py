"""Rates over everything attempted, with infra beside."""

from __future__ import annotations

from burnish.score.summaries.rates import METRICS, code_findings, rates
from tests.score.example_verdicts import broken, infra, passing, wrong


def test_each_kind_of_verdict_counts_where_it_should() -> None:
    counted = rates([passing("a"), passing("b", lints=("clippy::needless_return",)), wrong("c"), broken("d")])
    assert (counted.n, counted.infra) == (4, 0)
    assert counted.successes == {"compile_rate": 3, "lint_free_rate": 2, "tests_passed": 2}
    assert [counted.rate(name) for name in METRICS] == [0.75, 0.5, 0.5]
    assert counted.reasons == {"ok": 2, "tests_failed": 1, "compile_error": 1}


def test_infra_stays_in_the_denominator_and_is_counted_beside() -> None:
    counted = rates([passing("a"), wrong("b"), infra("c"), infra("d", compiled=True)])
    assert (counted.infra, counted.n) == (2, 4)
    assert [counted.rate(name) for name in METRICS] == [0.75, 0.75, 0.25]


def test_nothing_attempted_gives_zero_rates() -> None:
    assert rates([]).rate("tests_passed") == 0.0


def test_error_codes_count_programs_not_messages() -> None:
    counted = code_findings([broken("a", codes=("E0308", "E0308", None)), broken("b", codes=("E0308",)), passing("c")])
    assert counted.error_codes == {"E0308": 2, "syntax": 1}


def test_lints_count_programs_not_messages() -> None:
    counted = code_findings([passing("a", lints=("clippy::x", "clippy::x")), passing("b", lints=("clippy::x",))])
    assert counted.lints == {"clippy::x": 2}


def test_a_deny_lint_of_a_program_that_compiles_is_no_error_code() -> None:
    denied = broken("a", codes=("clippy::absurd_extreme_comparisons",)).diagnostics
    counted = code_findings([passing("a").model_copy(update={"diagnostics": denied})])
    assert counted.error_codes == {}
