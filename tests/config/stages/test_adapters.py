from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.config.load import load_config
from burnish.config.stages.adapters import NAMED_TARGETS, LoraConfig, VeraConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_.0123456789", min_size=1).filter(lambda name: name not in NAMED_TARGETS)


@given(names=st.lists(NAMES, min_size=1), join=st.sampled_from([";", " ; ", ";;"]))
def test_a_text_with_semicolons_a_list_and_a_mixture_name_the_same_modules(names: list[str], join: str) -> None:
    expected = tuple(names)
    for said in (join.join(names), names, [join.join(names)], [names[0], join.join(names[1:])]):
        assert LoraConfig.model_validate({"target_modules": said}).target_modules == expected


@pytest.mark.parametrize("name", NAMED_TARGETS)
def test_layer_names_are_kept_as_given(name: str) -> None:
    assert VeraConfig.model_validate({"target_modules": name}).target_modules == name


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "contains no module"),
        ([" ; "], "contains no module"),
        (["qv", "o_proj"], "must be alone"),
        (3, "target_modules"),
        ("q_proj,v_proj", r"no name of a module; write a list: \[q_proj, v_proj\]"),
        (["q_proj v_proj"], r"write a list: \[q_proj, v_proj\]"),
    ],
)
def test_empty_adapter_targets_are_refused(said: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        LoraConfig.model_validate({"target_modules": said})


def test_an_adapter_without_a_kind_is_lora() -> None:
    stages = 'stages=[{"kind": "tasks", "name": "tasks"}, {"kind": "sft", "name": "sft", "adapter": {"r": 8}}]'
    recipe = load_config(Recipe, None, ["name=r", stages, "stages.sft.adapter.target_modules=q_proj;v_proj"])
    stage = recipe.stages[1]
    assert isinstance(stage, SftStage)
    assert stage.adapter == LoraConfig(r=8, target_modules=("q_proj", "v_proj"))
