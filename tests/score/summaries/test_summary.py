"""The content of summary.json, as its readers rely on it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from burnish.records import StageTime, Summary
from burnish.score.summaries.summary import MeasuredStage, build_summary
from tests.score.verdicts import broken, infra, passing, wrong


def stages() -> tuple[MeasuredStage, MeasuredStage]:
    base = [broken("a"), broken("b"), wrong("c"), passing("d")]
    tuned = [passing("a"), passing("b"), wrong("c"), passing("d")]
    return MeasuredStage("base", base, 12.5), MeasuredStage("tuned", tuned, 11.0)


def test_has_the_promised_shape() -> None:
    timings = [StageTime(name="sft", kind="sft", seconds=80.0, peak_bytes=1 << 30)]
    summary = json.loads(json.dumps(build_summary(stages(), timings)))
    base, tuned = summary["stages"]
    assert base["name"] == "base"
    assert (base["compile_rate"], base["lint_free_rate"], base["tests_passed"], base["n"]) == (0.5, 0.5, 0.25, 4)
    assert tuned["tests_passed"] == 0.75
    low, high = tuned["ci95"]["tests_passed"]
    assert 0 < low < 0.75 < high < 1
    assert set(tuned["ci95"]) == {"compile_rate", "lint_free_rate", "tests_passed"}
    assert base["seconds"] == 12.5
    memory = {"peak_bytes": 1 << 30, "accelerator_peak_bytes": None, "predicted_peak_bytes": None}
    assert summary["timings"] == [{"name": "sft", "kind": "sft", "seconds": 80.0, "reused": False} | memory]
    assert Summary.model_validate(summary).schema_version == 1


def test_comparison_says_who_won_where() -> None:
    [passed] = [c for c in build_summary(stages())["comparisons"] if c["metric"] == "tests_passed"]
    assert (passed["a"], passed["b"], passed["only_a"], passed["only_b"]) == ("base", "tuned", 0, 2)
    assert (passed["both"], passed["neither"], passed["n"], passed["left_out"]) == (1, 1, 4, 0)
    assert passed["difference"] == 0.5
    assert passed["p_value"] == 0.5


def test_pairs_follow_the_task_not_the_order() -> None:
    base, tuned = stages()
    shuffled = MeasuredStage("tuned", list(reversed(tuned.verdicts)), 11.0)
    assert build_summary([base, shuffled])["comparisons"] == build_summary([base, tuned])["comparisons"]


def test_infra_pairs_decide_nothing_and_are_counted() -> None:
    base, tuned = stages()
    faulty = MeasuredStage("tuned", [infra("a"), *tuned.verdicts[1:]], 11.0)
    comparisons = build_summary([base, faulty])["comparisons"]
    assert [(c["n"], c["left_out"]) for c in comparisons] == [(3, 1)] * 3
    assert build_summary([base, faulty])["stages"][1]["infra"] == 1


def test_every_stage_meets_the_first_and_the_one_before() -> None:
    base, tuned = stages()
    third = MeasuredStage("merged", tuned.verdicts, 9.0)
    pairs = {(c["a"], c["b"]) for c in build_summary([base, tuned, third])["comparisons"]}
    assert pairs == {("base", "tuned"), ("base", "merged"), ("tuned", "merged")}


def test_pairs_further_apart_are_compared_when_they_are_named() -> None:
    named = [replace(stages()[0], name=name) for name in ("base", "sft", "expert", "grpo")]
    found = build_summary(named, also=[("sft", "grpo")])["comparisons"]
    neighbours = {("base", "sft"), ("base", "expert"), ("sft", "expert"), ("base", "grpo"), ("expert", "grpo")}
    assert {(one["a"], one["b"]) for one in found} == {*neighbours, ("sft", "grpo")}


def test_stages_without_a_common_task_are_not_compared() -> None:
    other = MeasuredStage("other", [passing("z")], 1.0)
    assert build_summary([stages()[0], other])["comparisons"] == []


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_stages_compare_nothing(count: int) -> None:
    assert build_summary(stages()[:count])["comparisons"] == []


def test_only_the_first_sample_of_a_task_enters_the_pairs() -> None:
    many = MeasuredStage("many", [wrong("a", 1), passing("a", 0), wrong("a", 2)], 1.0)
    one = MeasuredStage("one", [passing("a", 0)], 1.0)
    [passed] = [c for c in build_summary([one, many])["comparisons"] if c["metric"] == "tests_passed"]
    assert (passed["n"], passed["both"]) == (1, 1)
