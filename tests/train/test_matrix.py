"""Cells of the matrix, for real: trained, saved and loaded again with equal logits; or refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import TrainerCallback

from burnish.config.compatibility import BASES, TRAINED, Base, Trained, training_refusal
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.model.base import load_adapter, load_model
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from tests.quantized_bases import pack_to_4_bits
from tests.tiny_models import Family, make_tiny_model
from tests.train.small_preference import run_small_preference
from tests.train.small_sft import some_rows

FAMILIES: tuple[Family, ...] = ("llama", "qwen3", "gemma")
ADAPTERS: dict[Trained, dict[str, Any]] = {
    "full": {},
    "lora": {"r": 4},
    "rslora": {"r": 4},
    "dora": {"r": 4},
    "pissa": {"r": 4},
    "vera": {"r": 16, "d_initial": 1.0},
}
IDS = torch.tensor([some_rows()[2].input_ids])


def quantization(base: Base) -> dict[str, Any] | None:
    if base == "none":
        return None
    return {"kind": base, "group_size": 32} if base == "hqq" else {"kind": base}


def model_config(base: Base) -> ModelConfig:
    return ModelConfig.model_validate({"device": "cpu", "quantization": quantization(base)})


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def plain(family: Family) -> Path:
        return make_tiny_model(tmp_path_factory.mktemp(family), family)

    @cache
    def packed(family: Family) -> Path:
        return pack_to_4_bits(plain(family), tmp_path_factory.mktemp(f"{family}-packed"))

    return lambda family, base: packed(family) if base in ("gptq", "awq") else plain(family)


LEGAL = [(trained, base) for base in BASES for trained in TRAINED if training_refusal("sft", trained, base) is None]


@cache
def untrained_logits(folder: Path, base: Base) -> torch.Tensor:
    with torch.no_grad():
        return torch.as_tensor(load_model(folder, model_config(base)).model(input_ids=IDS).logits)


class KeepModel(TrainerCallback):
    """Keeps the model as training leaves it."""

    model: Any = None

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        self.model = kwargs["model"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("trained", "base"), LEGAL)
def test_a_legal_cell_trains_and_is_loaded_again_with_equal_logits(
    folder_of: Any, tmp_path: Path, trained: Trained, base: Base, family: Family
) -> None:
    folder, config, keep = folder_of(family, base), model_config(base), KeepModel()
    settings = {"name": "sft", "learning_rate": 1e-2, "max_steps": 2, "effective_batch": 4, "micro_batch": 4}
    result = run_sft(
        TrainingJob(
            base=folder,
            model=config,
            stage=SftStage.model_validate(settings | {"adapter": {"kind": trained, **ADAPTERS[trained]}}),
            out=tmp_path,
            seed=0,
            log=lambda _step, _values: None,
            callbacks=[keep],
        ),
        some_rows(8),
    )
    whole = trained == "full"
    again = load_model(result.trained, config) if whole else load_adapter(folder, result.trained, config)
    with torch.no_grad():
        found = again.model(input_ids=IDS).logits
        expected = keep.model.eval()(input_ids=IDS).logits
    # PiSSA is stored as the change against the base, so its sums are formed in another order.
    assert (found - expected).abs().max() <= (1e-4 if trained == "pissa" else 0)
    assert (found - untrained_logits(folder, base)).abs().max() > 1e-3


LEGAL_PREFERENCES = [
    (method, trained, base)
    for method in ("dpo", "kto")
    for base in BASES
    for trained in TRAINED
    if training_refusal("preference", trained, base) is None and (method == "dpo" or base in ("none", "nf4"))
]


@pytest.mark.parametrize(("method", "trained", "base"), LEGAL_PREFERENCES)
def test_a_legal_cell_of_preference_tuning_is_loaded_again_with_equal_logits(
    folder_of: Any, tmp_path: Path, method: str, trained: Trained, base: Base
) -> None:
    folder, config, keep = folder_of("llama", base), model_config(base), KeepModel()
    adapter = {"kind": trained, **ADAPTERS[trained]}
    said = quantization(base)
    trained_folder = run_small_preference(
        folder, tmp_path, quantization=said, method={"kind": method}, adapter=adapter, max_steps=2, callbacks=[keep]
    ).trained
    whole = trained == "full"
    again = load_model(trained_folder, config) if whole else load_adapter(folder, trained_folder, config)
    with torch.no_grad():
        found = again.model(input_ids=IDS).logits
        expected = keep.model.eval()(input_ids=IDS).logits
    # PiSSA is stored as the change against the base, so its sums are formed in another order.
    assert (found - expected).abs().max() <= (1e-4 if trained == "pissa" else 0)
    assert (found - untrained_logits(folder, base)).abs().max() > 1e-3


@given(trained=st.sampled_from(TRAINED), base=st.sampled_from(BASES), kind=st.sampled_from(("sft", "preference")))
def test_a_recipe_is_refused_exactly_where_the_matrix_says_so(
    trained: Trained, base: Base, kind: Literal["sft", "preference"]
) -> None:
    rows = {"rows": "pairs.jsonl"} if kind == "preference" else {}
    recipe = {
        "name": "r",
        "model": {"quantization": quantization(base)},
        "data": {"sources": [{"path": "rows.jsonl"}]},
        "stages": [{"name": "tuned", "kind": kind, "adapter": {"kind": trained}, **rows}],
    }
    refusal = training_refusal(kind, trained, base)
    if refusal is None:
        Recipe.model_validate(recipe)
    else:
        with pytest.raises(ValueError, match="stage 'tuned': ") as caught:
            Recipe.model_validate(recipe)
        assert refusal in str(caught.value)
