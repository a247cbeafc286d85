"""Figures are plain inline SVG in the colours of the page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from burnish.report.page.figures import INK, rates_figure
from burnish.report.rust_results import rust_results
from tests.report.example_report import run_data


def test_the_rates_figure_names_every_stage_and_follows_the_page_colours() -> None:
    svg = rates_figure(rust_results(run_data().summary))
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "width" not in root.attrib
    assert root.attrib["role"] == "img"
    assert "measure-tuned: tests passed" in root.attrib["aria-label"]
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"measure-base", "measure-tuned", "tests passed, %"} <= texts
    assert "currentColor" in svg
    assert INK not in svg
