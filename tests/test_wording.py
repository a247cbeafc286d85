"""Numbers agree with their nouns, in every place that prints a number of things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from burnish.wording import counted

SOURCES = Path(__file__).resolve().parents[1] / "src" / "burnish"
NOUNS = "rows|tasks|runs|cells|prompts|samples|programs|attempts|answers|files|models|completions|references|GPUs"
UNCOUNTED = re.compile(
    # "{cut} of {rows} rows" reads well with any number, and so does a share.
    rf"""(?<!of )(?<!\w)(?:\{{[^{{}}]+\}}|%d) (?:held-out |training |test |evaluation )?(?:{NOUNS})\b"""
)
WORDS = ("['stage']", "'training'", "TASK_PARTS", "name!r", "url}", "report.a}")
"""What is no number, in the braces before a noun or a verb."""


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows have"), (1, "1 row has"), (2, "2 rows have"), (11, "11 rows have")]
)
def test_a_number_agrees_with_its_noun_and_verb(number: int, said: str) -> None:
    assert counted(number, "row has", "rows have") == said
    assert counted(number, "row") == said.rpartition(" ")[0]


def test_no_message_puts_any_number_before_a_plural() -> None:
    found = []
    for file in sorted(SOURCES.rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for match in UNCOUNTED.finditer(line):
                if not any(word in match.group() for word in WORDS) and '"""' not in line:
                    found.append(f"{file.relative_to(SOURCES)}:{number}: {match.group()}")
    assert not found, "\n".join(found)
