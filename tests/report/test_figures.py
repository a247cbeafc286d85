"""Figures are plain inline SVG in the colours of the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from burnish.ledger.metrics import MetricRow
from burnish.records import Summary
from burnish.report.figures import INK, rates_figure, training_curves
from tests.report.made_up import run_data

XLINK = ' xmlns:xlink="http://www.w3.org/1999/xlink"'


def steps(stage: str, keys: dict[str, float], count: int = 5) -> list[MetricRow]:
    return [MetricRow(stage, step, keys) for step in range(count)]


def test_rates_figure_names_every_stage_and_has_no_fixed_ink() -> None:
    svg = rates_figure(Summary.model_validate(run_data().summary).stages)
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "width" not in root.attrib
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"measure-base", "measure-tuned", "tests passed, %"} <= texts
    assert "currentColor" in svg
    assert INK not in svg


def test_each_training_stage_gets_its_curves_in_order() -> None:
    rows = steps("pretrain", {"loss": 2.0}) + steps("sft", {"loss": 1.0, "learning_rate": 0.1})
    assert [one.stage for one in training_curves(rows)] == ["pretrain", "sft"]


def test_stages_without_curves_draw_nothing() -> None:
    assert training_curves([]) == []
    assert training_curves(steps("evaluate", {"seconds": 3.0})) == []
    assert training_curves(steps("sft", {"loss": 3.0}, count=1)) == []


def test_ids_of_two_figures_do_not_clash_and_references_stay_whole() -> None:
    curves = training_curves(steps("a", {"loss": 1.0}) + steps("b", {"loss": 1.0}))
    ids = [set(re.findall(r'\bid="([^"]+)"', one.svg)) for one in curves]
    assert not ids[0] & ids[1]
    for one, known in zip(curves, ids, strict=True):
        wanted = set(re.findall(r'(?:url\(#|href="#)([^")]+)', one.svg))
        assert wanted
        assert wanted <= known
