"""Curves of any stage: numbers that belong together share a panel, whoever logged them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from burnish.ledger.metrics import MetricRow
from burnish.report.page.curves import MOST_POINTS, panels_of, training_curves
from tests.report.example_report import expert_metrics, grpo_metrics, run_data


def steps(stage: str, keys: dict[str, float], count: int = 5) -> list[MetricRow]:
    return [MetricRow(stage, step, keys) for step in range(count)]


def panels(rows: list[MetricRow]) -> dict[str, list[str]]:
    series: dict[str, dict[int, float]] = {}
    for row in rows:
        for key, value in row.values.items():
            series.setdefault(key, {})[row.step] = value
    return {title: list(curves) for title, curves in panels_of(series)}


def test_each_training_stage_gets_its_curves_in_order() -> None:
    rows = steps("pretrain", {"loss": 2.0}) + steps("sft", {"loss": 1.0, "learning_rate": 0.1})
    assert [curve.stage for curve in training_curves(rows)] == ["pretrain", "sft"]


def test_stages_without_curves_draw_nothing() -> None:
    assert training_curves([]) == []
    assert training_curves(steps("evaluate", {"seconds_generate": 3.0})) == []
    assert training_curves(steps("sft", {"loss": 3.0}, count=1)) == []


def test_what_reinforcement_logs_is_grouped() -> None:
    found = panels(grpo_metrics())
    assert found["reward"] == ["reward", "reward_std"]
    assert found["parts of the reward"] == ["rewards/compile", "rewards/tests", "rewards/lints"]
    assert set(found["rates"]) == {f"rollouts/{name}_rate" for name in ("compile", "parse", "lint_free")} | {
        "rollouts/tests_passed"
    }
    assert "rollouts/infra_share" not in found["shares"]  # zero throughout
    assert {"KL to the reference", "entropy", "completion length, tokens", "learning rate", "rollouts/lints"} <= set(
        found
    )
    assert not {"peak_memory_bytes", "seconds_generate"} & {key for keys in found.values() for key in keys}


def test_what_expert_iteration_logs_is_grouped_and_unknown_numbers_have_a_panel() -> None:
    found = panels(expert_metrics())
    assert found["rates"] == ["compile_rate", "tests_passed", "tasks_solved"]
    assert found["kept"] == ["kept"]
    assert "round" not in found
    assert "verify_s" not in found


def test_preference_tuning_keeps_its_implicit_rewards_apart() -> None:
    found = panels(steps("dpo", {"rewards/chosen": 1.0, "rewards/rejected": -1.0, "loss": 1.0}))
    assert found == {"loss": ["loss"], "implicit rewards": ["rewards/chosen", "rewards/rejected"]}


def test_a_long_curve_is_drawn_by_means_and_says_so() -> None:
    rows = [MetricRow("sft", step, {"loss": float(step)}) for step in range(3 * MOST_POINTS)]
    (curve,) = training_curves(rows)
    assert curve.averaged == 3
    assert "loss from 0 to 1199" in curve.svg


@pytest.mark.parametrize("rows", [grpo_metrics(), expert_metrics(), [*run_data().metrics]])
def test_a_figure_is_valid_svg_with_a_description(rows: list[MetricRow]) -> None:
    for curve in training_curves(rows):
        label = ET.fromstring(curve.svg).attrib["aria-label"]
        assert label.startswith(f"Training curves of stage {curve.stage}. ")
        assert "loss from" in label


def test_ids_of_two_figures_are_distinct_and_references_resolve() -> None:
    curves = training_curves(steps("a", {"loss": 1.0}) + steps("b", {"loss": 1.0}))
    ids = [set(re.findall(r'\bid="([^"]+)"', curve.svg)) for curve in curves]
    assert not ids[0] & ids[1]
    for one, known in zip(curves, ids, strict=True):
        wanted = set(re.findall(r'(?:url\(#|href="#)([^")]+)', one.svg))
        assert wanted
        assert wanted <= known
