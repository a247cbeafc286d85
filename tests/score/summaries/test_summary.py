"""The content of summary.json, as its readers rely on it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from burnish.errors import DataError
from burnish.records.summary import Comparison, PairedEstimate, StageTime, Summary
from burnish.score.statistics.intervals import wilson
from burnish.score.statistics.paired import mcnemar
from burnish.score.summaries.comparison import compare_rows
from burnish.score.summaries.summary import MeasuredModel, build_summary
from tests.score.example_verdicts import broken, infra, measured, passing, wrong


def models() -> tuple[MeasuredModel, MeasuredModel]:
    base = [broken("a"), broken("b"), wrong("c"), passing("d")]
    tuned = [passing("a"), passing("b"), wrong("c"), passing("d")]
    return measured("base", base, 12.5), measured("tuned", tuned, 11.0)


def passed(comparison: Comparison) -> PairedEstimate:
    return comparison.kinds[0].metrics["tests_passed"]


def test_a_summary_has_the_documented_shape() -> None:
    timings = [StageTime(name="sft", kind="sft", seconds=80.0, peak_bytes=1 << 30)]
    summary = json.loads(build_summary(models(), timings).to_json())
    base, tuned = summary["models"]
    assert (base["name"], base["seconds"]) == ("base", 12.5)
    (rust,) = base["kinds"]
    assert (rust["kind"], rust["n"], rust["tasks"], rust["families"]) == ("rust", 4, 4, 4)
    rates = {name: one["value"] for name, one in rust["metrics"].items()}
    assert rates == {"compile_rate": 0.5, "lint_free_rate": 0.5, "tests_passed": 0.25, "parse_rate": 1.0}
    assert rust["problems"] == {"compile_error": 2, "tests_failed": 1, "ok": 1}
    assert rust["code"]["error_codes"] == {"E0308": 2}
    one = tuned["kinds"][0]["metrics"]["tests_passed"]
    assert (one["value"], tuple(one["ci95"]), one["n"]) == (0.75, wilson(3, 4), 4)
    memory = {"peak_bytes": 1 << 30, "accelerator_peak_bytes": None, "predicted_peak_bytes": None}
    assert summary["timings"] == [{"name": "sft", "kind": "sft", "seconds": 80.0, "reused": False} | memory]
    assert Summary.from_json(json.dumps(summary)) == build_summary(models(), timings)


def test_a_summary_of_the_first_version_is_refused() -> None:
    with pytest.raises(DataError, match="schema_version"):
        Summary.from_json('{"schema_version": 1, "stages": [], "comparisons": [], "timings": [], "excluded_tasks": 0}')


def test_comparison_says_who_won_where() -> None:
    (pair,) = build_summary(models()).comparisons
    one = passed(pair)
    assert (pair.a, pair.b, one.wins, one.losses, one.n) == ("base", "tuned", 2, 0, 4)
    assert (pair.kinds[0].both, pair.kinds[0].neither, pair.kinds[0].left_out) == (1, 1, 0)
    assert (one.difference, one.p_value, one.test) == (0.5, 0.5, "mcnemar")


def test_tasks_of_one_family_widen_intervals_of_rates_and_differences() -> None:
    names = [f"t{number}" for number in range(24)]
    base = [wrong(name) for name in names]
    tuned = [passing(name) if number < 8 else wrong(name) for number, name in enumerate(names)]
    families = {name: str(number // 4) for number, name in enumerate(names)}
    alone = build_summary([measured("base", base), measured("tuned", tuned)])
    alike = build_summary([measured("base", base, families=families), measured("tuned", tuned, families=families)])
    for at in (0, 1):
        rates = [one.models[at].kinds[0].metrics["tests_passed"] for one in (alone, alike)]
        assert rates[0].value == rates[1].value
        assert rates[1].ci95[1] - rates[1].ci95[0] > rates[0].ci95[1] - rates[0].ci95[0]
    ones = [passed(one.comparisons[0]) for one in (alone, alike)]
    assert [one.test for one in ones] == ["mcnemar", "randomisation"]
    assert ones[0].p_value == mcnemar([False] * 24, [True] * 8 + [False] * 16).p_value
    assert ones[1].p_value == pytest.approx(2 / 4)  # only two of six families differ: 4 exchanges, 2 as large
    assert ones[1].ci95[0] < ones[0].ci95[0] < ones[0].ci95[1] < ones[1].ci95[1]


def test_a_run_compares_as_burnish_compare_does() -> None:
    base, tuned = models()
    report, _ = compare_rows("base", base.rows, "tuned", tuned.rows)
    assert build_summary([base, tuned]).comparisons[0] == Comparison.model_validate(
        report.model_dump(exclude={"noise", "schema_version", "a_computed_in", "b_computed_in"})
    )


def test_pairs_follow_the_task_not_the_order() -> None:
    base, tuned = models()
    shuffled = measured("tuned", list(reversed(tuned.verdicts)), 11.0)
    assert build_summary([base, shuffled]).comparisons == build_summary([base, tuned]).comparisons


def test_infra_pairs_decide_nothing_and_are_counted() -> None:
    base, tuned = models()
    faulty = measured("tuned", [infra("a"), *tuned.verdicts[1:]], 11.0)
    summary = build_summary([base, faulty])
    (kind,) = summary.comparisons[0].kinds
    assert (kind.n, kind.left_out) == (3, 1)
    rates = ("tests_passed", "compile_rate", "lint_free_rate")
    assert [kind.metrics[name].n for name in rates] == [3, 3, 3]
    assert summary.models[1].kinds[0].infra == 1
    # Infra after the compiler leaves it known that the program compiles.
    late = measured("tuned", [infra("a", compiled=True), *tuned.verdicts[1:]], 11.0)
    found = build_summary([base, late]).comparisons[0].kinds[0].metrics
    assert [found[name].n for name in rates] == [3, 4, 4]


def test_infra_stays_in_the_denominator_and_only_widens_the_interval() -> None:
    verdicts = [passing("a"), wrong("b"), infra("c"), infra("d", compiled=True)]
    found = measured("m", verdicts).summary().kinds[0].metrics
    assert found["tests_passed"].value == 0.25
    assert found["tests_passed"].ci95 == (wilson(1, 4)[0], wilson(3, 4)[1])
    assert found["compile_rate"].value == 0.75
    assert found["compile_rate"].ci95 == (wilson(3, 4)[0], wilson(4, 4)[1])
    honest = measured("m", [passing("a"), passing("b"), wrong("c")]).summary().kinds[0].metrics["tests_passed"]
    faulty = measured("m", [passing("a"), infra("b"), wrong("c")]).summary().kinds[0].metrics["tests_passed"]
    assert faulty.ci95[1] == pytest.approx(honest.ci95[1])


def test_every_model_meets_the_first_and_the_one_before() -> None:
    base, tuned = models()
    third = measured("merged", tuned.verdicts, 9.0)
    pairs = [(comparison.a, comparison.b) for comparison in build_summary([base, tuned, third]).comparisons]
    assert pairs == [("base", "tuned"), ("base", "merged"), ("tuned", "merged")]


def test_pairs_further_apart_are_compared_when_they_are_named() -> None:
    named = [replace(models()[0], name=name) for name in ("base", "sft", "expert", "grpo")]
    found = build_summary(named, also=[("sft", "grpo")]).comparisons
    neighbours = {("base", "sft"), ("base", "expert"), ("sft", "expert"), ("base", "grpo"), ("expert", "grpo")}
    assert {(one.a, one.b) for one in found} == {*neighbours, ("sft", "grpo")}


def test_models_without_a_common_task_are_not_compared() -> None:
    other = measured("other", [passing("z")])
    assert build_summary([models()[0], other]).comparisons == ()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_models_compare_nothing(count: int) -> None:
    assert build_summary(models()[:count]).comparisons == ()


def test_samples_of_a_task_are_paired_one_by_one_and_are_one_family() -> None:
    many = measured("many", [wrong("a", 1), passing("a", 0), wrong("a", 2)])
    (kind,) = build_summary([measured("one", [passing("a", 0)]), many]).comparisons[0].kinds
    assert (kind.n, kind.both) == (1, 1)
    found = measured("m", [passing("a", 0), wrong("a", 1), passing("b", 0), passing("b", 1)]).summary().kinds[0]
    assert (found.metrics["tests_passed"].value, found.n, found.tasks, found.families) == (0.75, 4, 2, 2)
    assert found.metrics["tests_passed"].ci95[0] < wilson(3, 4)[0]


def test_models_that_never_differ_still_have_an_interval() -> None:
    names = [f"t{number}" for number in range(20)]
    families = {name: str(number // 2) for number, name in enumerate(names)}
    verdicts = [passing(name) if number % 4 else wrong(name) for number, name in enumerate(names)]
    one = passed(build_summary([measured(n, verdicts, families=families) for n in "ab"]).comparisons[0])
    assert (one.difference, one.p_value) == (0.0, 1.0)
    assert one.ci95[0] < 0 < one.ci95[1]
    better = [measured("a", [wrong(n) for n in names], families=families)]
    better.append(measured("b", [passing(n) for n in names], families=families))
    low, high = passed(build_summary(better).comparisons[0]).ci95
    assert 0 < low < high == 1.0
