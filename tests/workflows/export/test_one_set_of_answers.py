"""An adapter on its base, the model merged from it by the run's name and by its folder, and loaded again: one model.

In float32 merging changes no greedy token, so that all four answer alike. A base stored as bfloat16 rounds the merged
weights; how many greedy tokens that changes, and how far logits may move, is recorded with the merge.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.evaluate import ModelAnswers
from burnish.config.verbs.standalone import GenerateConfig
from burnish.export.merge import STORED_TOLERANCE
from burnish.ledger.stage import read_done
from burnish.workflows.answer.generate import generate
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import make_tiny_model
from tests.workflows.train.test_launch import recipe

PROMPTS = tuple(f"Question {number}?" for number in range(8))
TOKENS = 12


def merged_run(place: Path, dtype: Literal["float32", "bfloat16"]) -> Path:
    """A run that trained an adapter far enough to answer otherwise than its base, and merged it."""
    base = make_tiny_model(place / "base", dtype=dtype)
    trains: dict[str, Any] = json.loads(recipe(base, place, "mine").model_dump_json(exclude_unset=True))
    trains["stages"].append({"kind": "merge", "name": "merged", "adapter": "sft"})
    return run_recipe(Recipe.model_validate_json(json.dumps(trains)))


def greedy(model: Path, adapter: Path | None = None) -> list[str]:
    """Answers of a model that is loaded for them."""
    config = ModelConfig(base=str(model), device="cpu", dtype="float32")
    sampling = SamplingConfig(temperature=0, max_new_tokens=TOKENS, batch_size=4)
    answers = ModelAnswers(model=config, adapter=adapter, sampling=sampling)
    return [one.text for one in generate(GenerateConfig(prompts=PROMPTS, answers=answers))]


def differing(texts: Sequence[str], others: Sequence[str]) -> int:
    return sum(text != other for text, other in zip(texts, others, strict=True))


def test_an_adapter_and_its_merged_model_by_any_name_answer_alike(tmp_path: Path) -> None:
    run = merged_run(tmp_path, "float32")
    base = tmp_path / "base"
    adapter = greedy(base, run / "sft" / "adapter")
    assert differing(adapter, greedy(base)) == len(PROMPTS), "it has learned something"
    for name in (run / "sft", run, run / "merged", run / "merged" / "model", run / "merged" / "model"):
        assert greedy(name) == adapter


def test_what_rounding_changes_is_recorded_with_its_limit(tmp_path: Path) -> None:
    run = merged_run(tmp_path, "bfloat16")
    done = read_done(run / "merged")
    assert done is not None
    assert done.metrics["limit_of_share"] == STORED_TOLERANCE[torch.bfloat16]
    assert 0 < done.metrics["largest_share_of_spread"] < done.metrics["limit_of_share"]
    adapter = greedy(tmp_path / "base", run / "sft" / "adapter")
    by_name, by_folder = greedy(run), greedy(run / "merged" / "model")
    assert by_name == by_folder, "rounded once, and never again"
    # A greedy answer goes on differently after the first token that changes, of TOKENS in each.
    share = done.metrics["changed_greedy_tokens"]
    assert differing(adapter, by_name) <= max(1, 2 * share * TOKENS * len(PROMPTS))
