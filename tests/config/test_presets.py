"""Presets are the models that their names say, and give way to what is said beside them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from burnish.config.load import load_config
from burnish.config.presets import PRESETS, Preset, parameter_count
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError

SIZES: dict[Preset, float] = {"nano-1M": 1e6, "nano-5M": 5e6, "nano-25M": 25e6, "nano-125M": 125e6, "d20": 561e6}


def stage_of(**said: Any) -> PretrainStage:
    return PretrainStage.model_validate({"name": "p", "corpus": "c", **said})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_parameter_count_of_its_model(preset: Preset) -> None:
    from burnish.train.pretrain.run import build_model

    class Words:
        eos_token_id, pad_token_id = 2, 3

        def __len__(self) -> int:
            return PRESETS[preset].vocabulary

        def convert_tokens_to_ids(self, _: str) -> int:
            return 0

    with torch.device("meta"):
        model = build_model(stage_of(preset=preset), Words(), context=64)  # type: ignore[arg-type]
    assert sum(parameter.numel() for parameter in model.parameters()) == parameter_count(PRESETS[preset])
    assert parameter_count(PRESETS[preset]) == pytest.approx(SIZES[preset], rel=0.25)


def test_explicit_values_override_the_preset() -> None:
    stage = stage_of(preset="nano-5M", layers=3)
    assert (stage.layers, stage.hidden_size) == (3, PRESETS["nano-5M"].hidden_size)
    assert PretrainStage.model_validate_json(stage.model_dump_json()) == stage


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"tokens": "bins"}, "corpus and tokens are both given"),
        ({"corpus": None}, "has no text"),
        ({"streaming": True, "max_steps": 1}, "leave corpus and tokens out"),
        ({"corpus": None, "streaming": True}, "streaming needs max_steps"),
        ({"heads": 3}, "no even multiple of 3 heads"),
        ({"start_from": "base", "layers": 9}, "start_from has a shape already: leave out layers"),
        ({"start_from": "base", "preset": "nano-1M"}, "start_from has a shape already"),
        ({"start_from": "other"}, "start_from is 'other', which is no earlier merge or pretrain stage"),
        ({"preset": "nano-7M"}, "nano-7M"),
    ],
)
def test_impossible_presets_are_refused(said: dict[str, Any], message: str) -> None:
    stages = [{"kind": "corpus", "name": "c", "documents": 3}, {"kind": "pretrain", "name": "p", "corpus": "c", **said}]
    with pytest.raises(ConfigError, match=message):
        load_config(Recipe, None, ["name=r", f"stages={stages}".replace("None", "null").replace("True", "true")])


def test_a_quantised_model_cannot_be_pretrained() -> None:
    stages = [{"kind": "corpus", "name": "c", "documents": 3}, {"kind": "pretrain", "name": "p", "corpus": "c"}]
    said = ["name=r", f"stages={stages}", "model.quantization={kind: nf4}"]
    load_config(Recipe, None, said)
    with pytest.raises(ConfigError, match="quantised weights cannot be trained"):
        load_config(Recipe, None, [*said, "stages.p.start_from=base"])
