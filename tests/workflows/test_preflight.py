"""What can be known before any work is said before any work."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from burnish.config.load import load_config
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError, DataError, MissingToolError
from burnish.workflows.preflight import check_before
from burnish.workflows.run.requirements import TRAIN_EXTRA, missing_packages, require

SFT = "stages=[{kind: tasks, name: t}, {kind: sft, name: s}]"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without_peft(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "peft" else real(name, package)

    require("train")
    monkeypatch.setattr(importlib.util, "find_spec", without_peft)
    assert missing_packages(TRAIN_EXTRA) == ["peft"]
    with pytest.raises(MissingToolError, match=r"peft is not installed.*pip install 'burnish\[train\]'"):
        check_before(recipe := load_config(Recipe, None, ["name=x", SFT]), recipe.stages)


def test_broken_rows_count_only_where_something_trains_on_them(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": 1}\n')
    settings = ["name=x", f"data.sources=[{rows}]", SFT]
    recipe = load_config(Recipe, None, settings)
    check_before(recipe, recipe.stages[:1])
    with pytest.raises(DataError, match=r"rows\.jsonl:2"):
        check_before(recipe, recipe.stages)
    lenient = load_config(Recipe, None, [*settings, "data.bad_rows=1"])
    check_before(lenient, lenient.stages)
    assert list(tmp_path.iterdir()) == [rows]


def test_an_adapter_on_tied_embeddings_is_refused_from_the_recipe_alone() -> None:
    stages = "stages=[{kind: tasks, name: t}, {kind: sft, name: s, adapter: {kind: lora, target_modules: [lm_head]}}]"
    recipe = load_config(Recipe, None, ["name=x", stages])
    with pytest.raises(ConfigError, match="target_modules names lm_head, but the model ties its embeddings"):
        check_before(recipe, recipe.stages)
