"""Look before you train: rows from record to mask, and lengths, through the command line's workflows."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from burnish.cli.render.rows import show_row
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError, DataError
from burnish.report.terminal.lengths import show_lengths
from burnish.workflows.rows.lengths import LengthQuestion, measure_rows
from burnish.workflows.rows.recipe_rows import inspect_rows
from tests.tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def recipe(base: Path, tmp_path: Path, **data: Any) -> Recipe:
    rows = [{"prompt": f"[b]{'why ' * number}?", "completion": f"fn f{number}() {{}}"} for number in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Recipe.model_validate_json(
        json.dumps(
            {
                "name": "look",
                "model": {"base": str(base), "device": "cpu"},
                "data": {"sources": [{"kind": "jsonl", "path": str(tmp_path / "rows.jsonl")}], **data},
                "stages": [{"kind": "sft", "name": "sft", "max_length": 64}],
            }
        )
    )


def test_a_row_is_followed_by_number_and_by_id(base: Path, tmp_path: Path) -> None:
    asked = ["3", f"{tmp_path / 'rows.jsonl'}:2"]
    third, second = inspect_rows(recipe(base, tmp_path), None, asked)
    assert (third.number, second.number) == (3, 1)
    assert third.turns == (("user", "[b]why why why ?"), ("assistant", "fn f3() {}"))
    (row,) = third.rows
    assert row.trained == sum(span.tokens for span in row.spans if span.trained)
    assert [span.text for span in row.spans if span.trained] == ["fn f3() {}<|im_end|>"]
    assert "".join(span.text for span in row.spans) == third.text
    assert row.first_ids[0] == 2


def test_the_page_shows_every_step_and_no_markup_of_the_row(base: Path, tmp_path: Path) -> None:
    (short,) = inspect_rows(recipe(base, tmp_path), "sft", ["3"])
    (refused,) = inspect_rows(recipe(base, tmp_path), None, ["19"])
    (cut,) = inspect_rows(recipe(base, tmp_path, chat={"truncate": "left"}), None, ["19"])
    pages = []
    for view in (short, refused, cut):
        out = StringIO()
        show_row(view, Console(file=out, width=120, color_system="truecolor", force_terminal=True))
        pages.append(out.getvalue())
    assert "[b]why why why ?" in pages[0]
    assert "\x1b[1;32mfn f3() {}<|im_end|>" in pages[0]
    assert "tokens fit into max_length 64" in pages[0]
    assert "are more than max_length 64: the gate will refuse the row" in pages[1]
    assert "tokens are cut to fit into 64; the answer is whole" in pages[2]


def test_a_missing_row_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row '20' is not among the 20 training rows"):
        inspect_rows(recipe(base, tmp_path), None, ["20"])
    with pytest.raises(ConfigError, match="has no sft stage 'other'"):
        inspect_rows(recipe(base, tmp_path), "other", ["0"])


def test_lengths_are_measured_drawn_and_written(base: Path, tmp_path: Path) -> None:
    report = measure_rows(recipe(base, tmp_path), LengthQuestion(cutoffs=(32, 64)), tmp_path / "looks")
    assert report["rows"] == 20
    assert report == json.loads((tmp_path / "looks" / "lengths.json").read_text())
    assert (tmp_path / "looks" / "lengths.png").read_bytes().startswith(b"\x89PNG")
    (first,) = inspect_rows(recipe(base, tmp_path), None, ["19"])
    assert report["longest"] == first.tokens
    out = StringIO()
    show_lengths(report, Console(file=out, width=120))
    assert f"take max_length {report['recommended']['max_length']}" in out.getvalue()


def test_characters_need_no_model(tmp_path: Path) -> None:
    looked = recipe(tmp_path / "no-model", tmp_path)
    report = measure_rows(looked, LengthQuestion(char_only=True, limit=3), None)
    assert (report["unit"], report["rows"], report["shortest"]) == ("characters", 3, len("[b]?fn f0() {}"))
    assert report["recommended"] is None
