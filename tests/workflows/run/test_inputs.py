"""What decides a stage: the digests of what it reads, and nothing that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.config.load import load_config
from burnish.config.stages.recipe import Recipe
from burnish.data.tasks.task_sets import task_files
from burnish.errors import DataError
from burnish.ledger.run_folder import RunFolder
from burnish.ledger.stage import Done
from burnish.workflows.run.context import Run, tasks_stage_before, uses_base
from burnish.workflows.run.inputs import BASE, CODE, TOOLCHAIN, code_digest, run_digests, stage_inputs

STAGES = (
    "stages=[{kind: tasks, name: tasks}, {kind: evaluate, name: measure-base}, {kind: sft, name: sft}, "
    "{kind: evaluate, name: measure-sft, model: sft}, {kind: merge, name: merge, adapter: sft}, "
    "{kind: sft, name: again, start_from: merge}, {kind: report, name: report}]"
)


def run_of(path: Path, *overrides: str, digests: dict[str, str] | None = None, **outputs: dict[str, str]) -> Run:
    """A run whose stages before the report are done."""
    recipe = load_config(Recipe, None, ["name=x", STAGES, *overrides])
    made: dict[str, dict[str, str]] = {
        "tasks": {"train.jsonl": "t", "held_out.jsonl": "h"},
        "measure-base": {"verdicts.jsonl": "v0"},
        "sft": {"adapter": "a"},
        "measure-sft": {"verdicts.jsonl": "v1"},
        "merge": {"model": "m"},
    } | outputs
    done = {name: Done("f", 1.0, digest) for name, digest in made.items()}
    known = {BASE: "b", CODE: "c", TOOLCHAIN: "r", "source rows.jsonl": "s"}
    return Run(recipe, RunFolder(path, "id"), known | (digests or {}), None, done=done)


def inputs(run: Run) -> dict[str, Any]:
    return {stage.name: stage_inputs(run, stage) for stage in run.recipe.stages}


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"digests": {BASE: "other"}}, {"measure-base", "sft", "measure-sft", "merge"}),
        ({"digests": {TOOLCHAIN: "other"}}, {"tasks", "measure-base", "measure-sft"}),
        ({"sft": {"adapter": "other"}}, {"measure-sft", "merge", "report"}),
        ({"merge": {"model": "other"}}, {"again", "report"}),
        ({"tasks": {"train.jsonl": "other", "held_out.jsonl": "h"}}, {"sft", "again", "report"}),
        (
            {"tasks": {"train.jsonl": "t", "held_out.jsonl": "other"}},
            {"measure-base", "sft", "measure-sft", "again", "report"},
        ),
    ],
)
def test_a_change_reaches_the_stages_that_read_it_and_no_other(
    tmp_path: Path, change: dict[str, Any], touched: set[str]
) -> None:
    before, after = inputs(run_of(tmp_path)), inputs(run_of(tmp_path, **change))
    assert {name for name in before if before[name] != after[name]} == touched


@pytest.mark.parametrize(
    ("override", "touched"),
    [
        ("data.tasks={kind: rust, train: 5}", {"tasks"}),
        ("model.dtype=bfloat16", {"measure-base", "sft", "measure-sft", "merge", "again"}),
        ("data.sources=[rows.jsonl]", {"sft", "again"}),
        ("verify.workers=1", set()),
        ("runs_dir=elsewhere", set()),
    ],
)
def test_a_setting_outside_the_stages_reaches_those_that_read_it(
    tmp_path: Path, override: str, touched: set[str]
) -> None:
    before, after = inputs(run_of(tmp_path)), inputs(run_of(tmp_path, override))
    assert {name for name in before if before[name] != after[name]} == touched


def test_rows_of_ones_own_count_by_content_weight_and_limit(tmp_path: Path) -> None:
    own = "data.sources=[rows.jsonl]"
    base = inputs(run_of(tmp_path, own))["sft"]
    for override, digests in (
        (own, {"source rows.jsonl": "other"}),
        ("data.sources=[{path: rows.jsonl, weight: 2}]", {}),
        ("data.sources=[{path: rows.jsonl, limit: 2}]", {}),
        ("data.filters=[test_file]", {"files of filters": "none"}),
        ("data.mixture={shuffle: window}", {}),
    ):
        assert inputs(run_of(tmp_path, own, override, digests=digests))["sft"] != base


def test_a_run_digests_code_and_data_and_misses_nothing_silently(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    settings = ["name=x", "stages=[{kind: tasks, name: t}]", f"data.sources=[{rows}]"]
    recipe = load_config(Recipe, None, settings)
    assert run_digests(recipe, "r").keys() == {CODE, TOOLCHAIN, f"source {rows}"}
    rows.unlink()
    with pytest.raises(DataError, match="does not exist"):
        run_digests(recipe, None)
    assert len(code_digest()) == 64


def test_which_stages_read_the_base_and_which_task_set(tmp_path: Path) -> None:
    assert uses_base(run_of(tmp_path).recipe)
    own = "stages=[{kind: corpus, name: c, documents: 1}, {kind: pretrain, name: p, corpus: c}, "
    own += "{kind: tasks, name: t}, {kind: evaluate, name: e, model: p}]"
    recipe = load_config(Recipe, None, ["name=x", own])
    assert not uses_base(recipe)
    assert [tasks_stage_before(recipe, stage.name) for stage in recipe.stages] == [None, None, None, "t"]


def test_models_are_found_where_their_stage_left_them(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (base / name).touch()
    run = run_of(tmp_path, f"model.base={base}")
    assert run.model_and_adapter("base") == (base, None)
    assert run.model_and_adapter("sft") == (base, tmp_path / "sft" / "adapter")
    assert run.model_and_adapter("merge") == (tmp_path / "merge" / "model", None)
    assert run.model_and_adapter("again") == (tmp_path / "merge" / "model", tmp_path / "again" / "adapter")
    whole = run_of(tmp_path, "stages.again.adapter={kind: full}")
    assert whole.model_and_adapter("again") == (tmp_path / "again" / "model", None)


def test_an_exclusion_file_counts_by_its_content(tmp_path: Path) -> None:
    source = "data.tasks={kind: file, path: t.jsonl, exclude: e.json}"
    known = {"file t.jsonl": "t", "file e.json": "e"}
    run = run_of(tmp_path, source, digests=known)
    assert list(task_files(run.recipe.data.tasks).values()) == [Path("t.jsonl"), Path("e.json")]
    before = inputs(run)["tasks"]
    assert inputs(run_of(tmp_path, source, digests=known))["tasks"] == before
    assert inputs(run_of(tmp_path, source, digests=known | {"file e.json": "other"}))["tasks"] != before


def test_a_corpus_of_crates_counts_by_their_content(tmp_path: Path) -> None:
    source = tmp_path / "crates/a/lib.rs"
    source.parent.mkdir(parents=True)
    source.write_text("pub fn f() {}\n")
    stages = f"stages=[{{kind: corpus, name: c, documents: 1, crates: {tmp_path / 'crates'}}}]"

    def now() -> dict[str, Any]:
        return inputs(run_of(tmp_path, stages, digests=run_digests(run_of(tmp_path, stages).recipe, None)))

    before = now()
    assert now() == before
    source.write_text("pub fn g() {}\n")
    assert now()["c"] != before["c"]
