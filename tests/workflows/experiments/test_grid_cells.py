"""Cells are recipes that only train, with their evaluation; what the matrix refuses is a cell with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.config.load import load_config
from burnish.config.stages.recipe import Recipe
from burnish.config.tasks import RustTasks
from burnish.config.verbs.evaluate import ModelAnswers
from burnish.config.verbs.grid import GridConfig
from burnish.errors import ConfigError
from burnish.workflows.experiments.grid_cells import Cell, base_name, evaluation_of, grid_cells

RECIPES = Path(__file__).parents[3] / "recipes"
AXES = (
    "adapters=[{name: base, trains: false}, {name: full, overrides: {stages.sft.adapter: {kind: full}}}, {name: DoRA, "
    "overrides: {stages.sft.adapter: {kind: dora}}}]",
    "quantizations=[{name: none}, {name: int8, overrides: {model.quantization: {kind: int8}}}]",
)


def cells(*said: str, recipe: Path = RECIPES / "tune.yaml") -> tuple[GridConfig, dict[str, Cell]]:
    config = load_config(GridConfig, None, ["out=x", "recipe=tune", *said])
    return config, {cell.id: cell for cell in grid_cells(config, recipe, Path("x/runs"))}


def recipe_of(cell: Cell) -> Recipe:
    assert cell.recipe is not None, cell.refusal
    return cell.recipe


def test_the_shipped_grid_is_a_table_of_160_cells() -> None:
    config = load_config(GridConfig, RECIPES / "peft-quant-grid.yaml")
    found = grid_cells(config, RECIPES / f"{config.recipe}.yaml", Path("x"))
    assert (len(found), sum(cell.recipe is None for cell in found)) == (160, 32)
    assert len({cell.id for cell in found}) == 160
    qlora = next(cell for cell in found if cell.id == "Qwen3-8B_boolq_LoRA_nf4")
    assert recipe_of(qlora).model.quantization is not None
    assert str(recipe_of(qlora).data.sources[0].model_dump()["path"]) == "data/boolq/train.jsonl"


def test_a_cell_trains_and_does_nothing_else() -> None:
    _, found = cells(*AXES)
    assert list(found) == ["base_none", "base_int8", "full_none", "full_int8", "DoRA_none", "DoRA_int8"]
    assert [stage.name for stage in recipe_of(found["full_none"]).stages] == ["tasks", "sft"]
    assert (recipe_of(found["DoRA_none"]).name, recipe_of(found["DoRA_none"]).runs_dir) == ("DoRA_none", Path("x/runs"))
    assert "DoRA's norms cannot be read from int8" in found["DoRA_int8"].refusal
    assert "quantised weights cannot be trained" in found["full_int8"].refusal
    assert {cell.id for cell in found.values() if cell.recipe is None} == {"full_int8", "DoRA_int8"}


def test_a_base_is_measured_whatever_the_recipe_would_train() -> None:
    overrides = "overrides={stages.sft.adapter: {kind: pissa}}"
    config, found = cells(overrides, AXES[0], AXES[1])
    base = found["base_int8"]
    assert not base.trains
    answers = evaluation_of(base, config, Path("run"), Path("out")).answers
    assert isinstance(answers, ModelAnswers)
    assert (answers.model.base, answers.adapter) == ("nano", None)
    assert str(base_name(answers.model)) == "nano-base_INT8_w8"


def test_a_base_is_measured_whatever_any_stage_of_the_recipe_would_train(tmp_path: Path) -> None:
    sft = {"kind": "sft", "name": "sft", "adapter": {"kind": "full"}, "optimizer": "muon"}
    recipe = {"name": "two", "stages": [{"kind": "tasks", "name": "tasks"}, sft, {"kind": "grpo", "name": "grpo"}]}
    (tmp_path / "two.yaml").write_text(json.dumps(recipe))
    adapters = "adapters=[{name: base, trains: false}, {name: rank, overrides: {stages.grpo.adapter.r: 4}}]"
    _, found = cells(adapters, AXES[1], recipe=tmp_path / "two.yaml")
    assert {cell.id for cell in found.values() if cell.recipe is None} == {"rank_int8"}


def test_a_trained_cell_is_measured_with_what_it_made() -> None:
    config, found = cells(*AXES)
    adapter = evaluation_of(found["DoRA_none"], config, Path("run"), Path("out")).answers
    whole = evaluation_of(found["full_none"], config, Path("run"), Path("out")).answers
    assert isinstance(adapter, ModelAnswers)
    assert isinstance(whole, ModelAnswers)
    assert adapter.adapter == Path("run/sft/adapter")
    assert (whole.model.base, whole.adapter) == ("run/sft/model", None)


def test_a_rehearsal_is_short_and_a_file_of_tasks_needs_no_proof() -> None:
    _, found = cells("limit_train=10", "limit_eval=5")
    assert recipe_of(found["cell"]).data.tasks == RustTasks(train=10, held_out=5)
    rows = "datasets=[{name: d, overrides: {data.sources: [a.jsonl, {path: b.jsonl, limit: 3}], "
    rows += "data.tasks: {kind: file, path: t.jsonl}}}]"
    _, found = cells("limit_train=10", "limit_eval=5", rows)
    recipe = recipe_of(found["d"])
    assert [source.limit for source in recipe.data.sources] == [10, 3]
    assert [stage.name for stage in recipe.stages] == ["sft"]


def test_a_policy_that_samples_keeps_its_tasks() -> None:
    rows = "datasets=[{name: d, overrides: {data.sources: [a.jsonl], data.tasks: {kind: file, path: t.jsonl}}}]"
    _, found = cells(rows, recipe=RECIPES / "quickstart.yaml")
    assert recipe_of(found["d"]).stages[0].name == "tasks"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("adapters=[{name: a, overrides: {stages.sft.adaptr: 1}}]", "adapters.a: stages.sft.adaptr: unknown key"),
        ("datasets=[{name: a}, {name: A}]", "two variants are named 'a'"),
        ("models=[{name: a/b}]", "models.a/b.name"),
        ("overrides={sed: 1}", "overrides: sed: unknown key"),
    ],
)
def test_a_user_error_is_not_an_illegal_cell(said: str, cause: str) -> None:
    with pytest.raises(ConfigError) as caught:
        cells(said)
    assert cause in caught.value.cause
