"""Rows as the data sets publish them, and public copies in other layouts made into them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED

ARC_ROW = {
    "id": "Mercury_1",
    "question": "Which is a mammal?",
    "choices": {"text": ["a trout", "a bat", "a wren", "a newt"], "label": ["A", "B", "C", "D"]},
    "answerKey": "B",
}
ARC_NUMBERED = {**ARC_ROW, "question": "Which flies?"} | {
    "choices": {"text": ["a trout", "a bat", "a mole"], "label": ["1", "2", "3"]}, "answerKey": "2"
}  # fmt: skip
BOOLQ_ROW = {"question": "is ice less dense than water", "answer": True, "passage": "Ice floats on water."}
SQUAD_ROW = {
    "id": "1", "title": "Ice", "context": "Ice melts at 0 degrees.", "question": "At how many degrees does ice melt?",
    "answers": {"text": ["0", "0 degrees", "0"], "answer_start": [13, 13, 13]},
}  # fmt: skip
SQUAD_UNANSWERABLE = {
    **SQUAD_ROW, "question": "Who melts ice?", "answers": {"text": [], "answer_start": []}
}  # fmt: skip
GSM8K_ROW = {
    "question": "Ann has 3 bags of 500 nuts. How many nuts?",
    "answer": "She has 3*500 = <<3*500=1500>>1500 nuts.\n#### 1,500",
}
OPEN_MATH_ROW = {
    "problem": "What is 1000 + 8?", "generated_solution": "Adding gives \\boxed{1008}.", "expected_answer": "1008",
    "problem_source": "augmented_gsm8k",
}  # fmt: skip
MATH500_ROW = {
    "problem": "Where is the point?", "solution": "It is at $\\boxed{\\left( 3, \\frac{\\pi}{2} \\right)}$.",
    "answer": "\\left( 3, \\frac{\\pi}{2} \\right)", "subject": "Precalculus", "level": 2, "unique_id": "x",
}  # fmt: skip


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def public(name: str) -> Path:
    """A file of public data; the test is skipped where there is none."""
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def llm_adapters(name: str) -> Iterator[dict[str, Any]]:
    """Rows of ARC, OpenBookQA, PIQA and BoolQ from a copy with the choices in the instruction, as published."""
    for line in public(f"mcqa/{name}.jsonl").read_text().splitlines():
        row = json.loads(line)
        asked = row["instruction"].partition("question: ")[2].rpartition("\n\nAnswer format")[0]
        if "boolq" in name:
            yield {"question": asked, "answer": row["answer"] == "true"}
            continue
        question, *texts = re.split(r"\s*(?:Answer|Solution)\d: ", asked)
        right = int(row["answer"][-1])
        if name == "piqa":
            yield {"goal": question, "sol1": texts[0], "sol2": texts[1], "label": right - 1}
        else:
            labels = [str(number) for number in range(1, len(texts) + 1)]
            key = "question_stem" if name == "openbookqa" else "question"
            yield {key: question, "choices": {"text": texts, "label": labels}, "answerKey": str(right)}
