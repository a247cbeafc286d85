from __future__ import annotations

import re

from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.config.compatibility import BASES, TRAINED
from burnish.plan.matrix import COLUMNS, plan_matrix


def test_the_table_has_every_cell_and_every_number_has_its_reason() -> None:
    table = plan_matrix()
    assert len(table.rows) == len(TRAINED) * len(BASES)
    assert {len(row) for row in table.rows} == {len(COLUMNS)}
    numbers = {int(number) for row in table.rows for cell in row for number in re.findall(r"\[(\d+)\]", cell)}
    assert numbers == set(range(1, len(table.reasons) + 1))


def test_the_program_prints_it() -> None:
    result = CliRunner().invoke(app, ["plan", "--matrix"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "GPTQ + an adapter cannot be merged" in result.output
    assert re.search(r"LoRA +│ NF4 +│ sft, preference, grpo +│ stored or dequantized", result.output)
    assert CliRunner().invoke(app, ["plan"]).exit_code == 2
