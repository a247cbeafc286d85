"""Broken data sets stop at their gate, through a recipe as a user would run it, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.stages.recipe import Recipe
from burnish.errors import DataError, GateError, UserError
from burnish.fsio import digest_json
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import CHATML, make_tiny_model

Row = dict[str, Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def good_rows() -> list[Row]:
    return [{"prompt": f"Question {number}?", "completion": f"fn f{number}() {{}}"} for number in range(12)]


def train(
    base: Path,
    tmp_path: Path,
    rows: list[Row],
    *,
    stages: list[Row] | None = None,
    stage: Row | None = None,
    **data: Any,
) -> Path:
    """Run a recipe with one step of training on the rows; the run is named by its settings."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sft = {"kind": "sft", "name": "sft", "max_steps": 1, "effective_batch": 4, "micro_batch": 4, "max_length": 128}
    recipe = {
        "name": digest_json([data, rows])[:12],
        "runs_dir": str(tmp_path / "runs"),
        "model": {"base": str(base), "device": "cpu"},
        "data": {"sources": [{"kind": "jsonl", "path": str(file)}], **data},
        "stages": [*(stages or ()), sft | (stage or {})],
    }
    return run_recipe(Recipe.model_validate_json(json.dumps(recipe)))


def with_template(base: Path, tmp_path: Path, template: str) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in base.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "chat_template.jinja").write_text(template)
    return folder


def refused(base: Path, tmp_path: Path, rows: list[Row], error: type[UserError], message: str, **data: Any) -> None:
    with pytest.raises(error, match=message):
        train(base, tmp_path, rows, **data)
    assert not list((tmp_path / "runs").rglob("adapter"))


def test_good_rows_are_trained(base: Path, tmp_path: Path) -> None:
    folder = train(base, tmp_path, good_rows(), cache=str(tmp_path / "cache"))
    assert (folder / "sft" / "adapter" / "adapter_model.safetensors").is_file()
    metrics = json.loads((folder / "sft" / "done.json").read_text())["metrics"]
    assert metrics["truncated_rows"] == 0
    assert list((tmp_path / "cache" / "encode").glob("*/data/rows.npz"))


def test_rows_without_an_end_of_turn_are_refused(base: Path, tmp_path: Path) -> None:
    model = with_template(base, tmp_path, CHATML.replace("'<|im_end|>\\n'", "'\\n'"))
    refused(
        model, tmp_path, good_rows(), GateError, "writes nothing after an answer: the model could not learn to stop"
    )


def test_rows_with_empty_answers_are_refused(base: Path, tmp_path: Path) -> None:
    rows = [*good_rows(), {"prompt": "Say nothing.", "completion": "<think>hm</think>"}]
    refused(base, tmp_path, rows, GateError, "rows.jsonl:13 has an empty answer", chat={"thinking": "strip"})
    rows[-1]["completion"] = " "
    refused(base, tmp_path, rows, DataError, r"rows.jsonl:13: .*empty")


def test_rows_with_float_answers_are_refused(base: Path, tmp_path: Path) -> None:
    rows = [*good_rows(), {"prompt": "1000 + 8?", "completion": 1008.0}]
    refused(base, tmp_path, rows, DataError, r"rows.jsonl:13: completion: input should be a valid string")


def test_a_template_without_generation_marks_is_refused(base: Path, tmp_path: Path) -> None:
    model = with_template(base, tmp_path, CHATML[: CHATML.index("{%- if add_generation")])
    refused(model, tmp_path, good_rows(), GateError, "does not mark where an answer begins")


def test_rows_with_a_wrong_role_order_are_refused(base: Path, tmp_path: Path) -> None:
    turns = [("user", "ask"), ("system", "Be kind."), ("assistant", "answer")]
    rows = [*good_rows(), {"messages": [{"role": role, "content": content} for role, content in turns]}]
    refused(
        base, tmp_path, rows, GateError, r"rows.jsonl:13 has its roles in the wrong order \(user, system, assistant"
    )


def test_rows_with_truncated_answers_are_refused(base: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"{number}?", "completion": f"let x = {number};\n" * 99} for number in range(12)]
    refused(
        base, tmp_path, rows, GateError, "12 of 12 answers do not fit into max_length 128", chat={"truncate": "left"}
    )
    refused(base, tmp_path, rows, GateError, "tokens, more than max_length 128")


def test_rows_of_the_test_set_are_refused(base: Path, tmp_path: Path) -> None:
    task = {"id": "held-1", "family": "f", "prompt": [{"role": "user", "content": "Write f."}], "reference": None}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task) + "\n")
    rows = [*good_rows(), {"prompt": "write  F.", "completion": "fn f() {}"}]
    tasks = {"kind": "file", "path": str(tmp_path / "tasks.jsonl")}
    stages = [{"kind": "tasks", "name": "tasks"}]
    message = "rows.jsonl:13 contains the prompt of the held-out task held-1"
    refused(base, tmp_path, rows, GateError, message, tasks=tasks, stages=stages)


def test_rows_of_a_single_class_are_refused(base: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"Is {number} even?", "completion": "Yes"} for number in range(12)]
    refused(base, tmp_path, rows, GateError, "12 of 12 conversations have one and the same answer, 'Yes'")


def test_packed_training_through_a_recipe(base: Path, tmp_path: Path) -> None:
    folder = train(base, tmp_path, good_rows(), stage={"packing": True, "effective_batch": 1, "micro_batch": 1})
    log = next((folder / "logs").glob("attempt_*.log")).read_text()
    assert "have the losses they have alone" in log
