"""The examples of the how-tos run and print what they say; the rows they show are rows."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.fsio import read_lines
from burnish.workflows.verify.file import VerifyRow, verify_file

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "how-to"
ROWS = (FOLDER / "verify-rust.md").read_text()


@pytest.mark.parametrize("name", ["verdicts-for-rl.md", "verify-rust.md"])
def test_the_example_prints_what_it_says(name: str) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (FOLDER / name).read_text(), flags=re.DOTALL)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, name, "exec"), {})
    assert said.getvalue().splitlines() == [line[2:] for line in code.splitlines() if line.startswith("# ")]


def test_the_rows_of_the_page_pass(tmp_path: Path) -> None:
    [rows] = re.findall(r"```json\n(.*?)```", ROWS, flags=re.DOTALL)
    (tmp_path / "rows.jsonl").write_text(rows)
    summary = verify_file(tmp_path / "rows.jsonl", tmp_path / "out", VerifyConfig(workers=1))
    assert summary["reasons"] == {"ok": 3}
    depths = [json.loads(line)["stage"] for line in read_lines(tmp_path / "out" / "verdicts.jsonl")]
    assert depths == ["test"] * 3


def test_the_page_names_every_field_of_a_row() -> None:
    table = ROWS.split("## Rows")[1].split("```")[0]
    columns = re.findall(r"^\| (`[^|]*) \|", table, flags=re.MULTILINE)
    named = [name for column in columns for name in re.findall(r"`(\w+)`", column)]
    assert sorted(named) == sorted(VerifyRow.model_fields)
