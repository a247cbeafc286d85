"""The embedded model is what its provenance says, and its card says what it is."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from burnish.config.model import ModelConfig
from burnish.fsio import digest_file
from burnish.model.base import load_model
from burnish.workflows.run.base_model import resolve_base

NANO = resolve_base("nano")


def test_weights_and_tokenizer_have_the_recorded_digests() -> None:
    recorded = json.loads((NANO / "provenance.json").read_text())["sha256"]
    assert recorded["weights"] == digest_file(NANO / "model.safetensors")
    assert recorded["tokenizer"] == digest_file(NANO / "tokenizer.json")


def test_the_shipped_recipes_are_those_that_made_it() -> None:
    from burnish.config.load import load_config
    from burnish.config.stages.recipe import AnyStage, Recipe
    from tests.e2e.run_program import REPOSITORY

    stage: TypeAdapter[AnyStage] = TypeAdapter(AnyStage)
    recipes = json.loads((NANO / "provenance.json").read_text())["recipes"]
    assert [recipe["name"] for recipe in recipes] == ["nano-base", "nano-notes"]
    for made_by in recipes:
        path = REPOSITORY / "recipes" / f"{made_by['name']}.yaml"
        shipped = load_config(Recipe, path, []).model_dump(mode="json")
        assert (shipped["seed"], shipped["model"]["base"]) == (made_by["seed"], made_by["model"]["base"])
        # Fields that came later stand at their defaults, which are what it was made with.
        made_stages = [stage.validate_python(one).model_dump(mode="json") for one in made_by["stages"][:2]]
        assert shipped["stages"][:2] == made_stages


def test_the_embedded_model_has_the_size_on_its_card() -> None:
    model = load_model(NANO, ModelConfig(device="cpu")).model
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert 1_000_000 < parameters < 4_000_000
    assert f"{parameters:,} parameters" in (NANO / "README.md").read_text()
