"""Figures are plain inline SVG in the colours of the page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from burnish.records import Summary
from burnish.report.page.figures import INK, rates_figure
from tests.report.made_up import run_data


def test_rates_figure_names_every_stage_and_has_no_fixed_ink() -> None:
    svg = rates_figure(Summary.model_validate(run_data().summary).stages)
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "width" not in root.attrib
    assert root.attrib["role"] == "img"
    assert "measure-tuned: tests passed" in root.attrib["aria-label"]
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"measure-base", "measure-tuned", "tests passed, %"} <= texts
    assert "currentColor" in svg
    assert INK not in svg
