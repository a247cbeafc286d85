"""How long prompts and answers are."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

from burnish.report.page.lengths import length_rows, lengths_figure
from tests.report.example_report import answers, run_data


def test_the_histogram_says_what_it_shows() -> None:
    data = run_data()
    svg = lengths_figure(data.answers)
    assert svg is not None
    label = ET.fromstring(svg).attrib["aria-label"]
    longest = max(completion.completion_tokens for completion in data.answers[0].completions)
    assert "answer, tokens of measure-base" in label
    assert f"to {longest}, mean" in label
    assert "prompt, tokens" not in label  # all alike: nothing to see


def test_rows_count_what_was_cut() -> None:
    one = answers("s", ["ok", "no_code"])
    cut = [
        one.completions[0].model_copy(update={"finish_reason": "length", "completion_tokens": 9}),
        one.completions[1],
    ]
    ((name, cells),) = length_rows([dataclasses.replace(one, completions=cut)])
    assert name == "s"
    assert cells[0] == "9"
    assert cells[-1] == "1"


def test_answers_without_token_counts_have_no_histogram() -> None:
    one = answers("s", ["ok"])
    given = [c.model_copy(update={"completion_tokens": 0, "prompt_tokens": 0}) for c in one.completions]
    assert lengths_figure([dataclasses.replace(one, completions=given)]) is None
    assert length_rows([dataclasses.replace(one, completions=given)]) == []
