from __future__ import annotations

from typing import Any, get_args

import pytest

from burnish.config.compatibility import ADAPTERS, BASES, LABELS, TRAINED, merge_refusal, rows, training_refusal
from burnish.config.load import load_config, variants
from burnish.config.quantization import QuantizationConfig
from burnish.config.stages.adapters import AdapterConfig
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError


def test_every_configurable_kind_is_in_the_matrix() -> None:
    assert set(variants(AdapterConfig)) == set(TRAINED)
    assert set(variants(get_args(QuantizationConfig)[0])) | {"none"} == set(BASES)
    assert set(LABELS) == {*TRAINED, *BASES}
    assert [(row.trained, row.base) for row in rows()] == [(trained, base) for base in BASES for trained in TRAINED]


def test_a_matrix_row_says_legal_or_why_not() -> None:
    for row in rows():
        assert bool(row.methods) != bool(row.refusal)
        if row.methods:
            assert bool(row.merge) != bool(row.merge_refusal)
            assert ("merged" in row.export) == bool(row.merge)
            assert row.serve
        for reason in filter(None, (row.refusal, row.merge_refusal)):
            assert ": " in reason, "a reason is followed by a way out"


def test_known_impossible_combinations_are_refused() -> None:
    assert all(training_refusal("pretrain", adapter, "none") for adapter in ADAPTERS)
    assert all(training_refusal("sft", "full", base) for base in BASES if base != "none")
    assert training_refusal("preference", "lora", "nf4") is None
    assert merge_refusal("lora", "gptq") == (
        "GPTQ + LoRA cannot be merged, because its weights are packed: export the adapter, or train on NF4"
    )
    assert merge_refusal("lora", "nf4", "dequantized") is None
    assert "not int8" in str(merge_refusal("lora", "int8", "dequantized"))
    assert "not an unquantised base" in str(merge_refusal("lora", "none", "dequantized"))


@pytest.mark.parametrize(
    ("quantization", "adapter", "merge", "expected"),
    [
        ("{kind: gptq}", "{kind: lora}", "{}", "stage 'merge': GPTQ \\+ LoRA cannot be merged"),
        ("{kind: nf4}", "{kind: full}", "{}", "stage 'sft': quantised weights cannot be trained"),
        ("null", "{kind: full}", "{}", "stage 'merge': full fine-tuning has no adapter"),
        ("{kind: hqq}", "{kind: lora}", "{onto: dequantized}", "stage 'merge': only nf4 and fp4"),
        ("{kind: nf4}", "{kind: lora}", "{onto: dequantized}", None),
    ],
)
def test_a_recipe_is_checked_when_it_is_read(quantization: str, adapter: str, merge: str, expected: str | None) -> None:
    stages: list[dict[str, Any]] = [
        {"kind": "tasks", "name": "tasks"},
        {"kind": "sft", "name": "sft"},
        {"kind": "merge", "name": "merge", "adapter": "sft"},
    ]
    said = ["name=r", f"stages={stages}", f"stages.sft.adapter={adapter}", f"model.quantization={quantization}"]
    said += ["stages.merge.onto=dequantized"] if merge != "{}" else []
    if expected is None:
        load_config(Recipe, None, said)
        return
    with pytest.raises(ConfigError, match=expected):
        load_config(Recipe, None, said)
