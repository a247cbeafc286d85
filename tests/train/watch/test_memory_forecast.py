"""The predicted memory against what is kept for the way back, and against what a process of its own really took."""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import LoraConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.ledger.stage import PREDICTED_PEAK
from burnish.model.base import load_model
from burnish.model.memory import activation_bytes, weight_bytes
from burnish.records.layout import TRAINING_METADATA
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from burnish.train.watch.memory_forecast import Batches, MemoryForecast, shape_of, size, too_much, what_is_unknown
from burnish.train.watch.metadata import TrainingFacts, TrainingMetadata
from burnish.train.weights.adapters import attach_adapter
from tests.tiny_models import make_tiny_model
from tests.train.memory_probe import probe_memory
from tests.train.small_sft import some_rows

SEQUENCES, TOKENS = 4, 64


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "head_dim": 16}
    return make_tiny_model(tmp_path_factory.mktemp("base"), shape=shape)


def loaded(base: Path, *, lora: float | None = None, **config: Any) -> Any:
    """The base to train: whole, or with an adapter on every matrix whose dropout is ``lora``."""
    model: Any = load_model(base, ModelConfig.model_validate({"device": "cpu", **config})).model
    if lora is None:
        return model.requires_grad_(True).train()
    adapter = LoraConfig(r=4, target_modules="all-linear", dropout=lora)
    return attach_adapter(model, adapter).train()


def arguments(**said: Any) -> Any:
    """Those of a trainer that are read."""
    settings = {
        "per_device_train_batch_size": SEQUENCES,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": False,
        "bf16": False,
        "deepspeed": None,
        "use_liger_kernel": False,
    }
    return SimpleNamespace(**(settings | said))


def kept_bytes(model: Any, autocast: bool) -> int:
    """Bytes of all that a forward pass keeps for the way back, weights not counted."""
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    ids_BT = torch.randint(5, 60, (SEQUENCES, TOKENS))
    half = torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), half:
        model(input_ids=ids_BT, attention_mask=torch.ones_like(ids_BT), use_cache=False)
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)


@pytest.mark.parametrize(
    ("model", "autocast"),
    [
        ({}, False),
        ({"lora": 0.0}, False),
        ({"lora": 0.1}, False),
        ({"attention": "eager"}, False),
        ({}, True),
        ({"lora": 0.0, "dtype": "bfloat16"}, True),
        ({"lora": 0.0, "dtype": "bfloat16"}, False),
    ],
)
def test_activations_are_those_that_the_forward_pass_keeps(base: Path, model: dict[str, Any], autocast: bool) -> None:
    trained = loaded(base, **model)
    shape = shape_of(trained, arguments(bf16=autocast), Batches(TOKENS))
    one_layer_back = SEQUENCES * TOKENS * (3 * 160 + 2 * 64) * shape.compute_bytes
    predicted = activation_bytes(shape) - one_layer_back
    assert predicted == pytest.approx(kept_bytes(trained, autocast), rel=0.08)


@pytest.mark.parametrize("kind", [None, "nf4", "fp4", "int8", "hqq"])
def test_weights_are_counted_at_their_stored_size(base: Path, kind: str | None) -> None:
    quantization = None if kind is None else {"kind": kind} | ({"group_size": 32} if kind == "hqq" else {})
    model = loaded(base, lora=0.0, quantization=quantization)
    found = weight_bytes(shape_of(model, arguments(), Batches(TOKENS)))
    assert found == pytest.approx(stored_bytes(model), rel=0.05)


def stored_bytes(model: Any) -> int:
    """Bytes of all weights and of the constants of quantised ones."""
    held = {id(parameter): parameter for parameter in model.parameters()}
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        inner = getattr(state, "state2", None)
        for found in (getattr(state, "absmax", None), getattr(inner, "absmax", None), getattr(module, "W_q", None)):
            if isinstance(found, torch.Tensor):
                held[id(found)] = found
        for found in getattr(module, "meta", {}).values() if type(module).__name__ == "HQQLinear" else ():
            if isinstance(found, torch.Tensor):
                held[id(found)] = found
    return sum(one.numel() * one.element_size() for one in held.values())


def test_memory_that_the_formula_does_not_cover_is_not_predicted(base: Path) -> None:
    model = loaded(base, lora=0.0)
    assert what_is_unknown(model, arguments()) is None
    assert (
        what_is_unknown(model, arguments(deepspeed="x.json"))
        == "weights or optimiser states are shared out among processes"
    )
    assert what_is_unknown(model, arguments(use_liger_kernel=True)) == "kernels.liger keeps other tensors"
    model.config.num_experts = 8
    assert what_is_unknown(model, arguments()) == "the model is a mixture of experts"


def test_trained_weights_and_those_under_muon_are_told_apart(base: Path) -> None:
    model = loaded(base)
    shape = shape_of(model, arguments(), Batches(TOKENS, muon=True))
    matrices = 3 * (4 * 64 * 64 - 2 * 64 * 32 + 3 * 64 * 160)  # two of four heads have keys and values
    assert (shape.trained_matrices, shape.frozen, shape.trains_norms) == (matrices, 0, True)
    adapted = shape_of(loaded(base, lora=0.0), arguments(), Batches(TOKENS, answers=2))
    assert (adapted.trains_norms, adapted.sequences, adapted.frozen) == (False, 2 * SEQUENCES, shape.trained)


@pytest.mark.parametrize("batches", [Batches(18), Batches(18, unknown="nobody knows")])
def test_a_training_prints_and_records_its_prediction(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, batches: Batches
) -> None:
    caplog.set_level(logging.INFO, "burnish")
    said = MemoryForecast("sft", batches)
    facts = TrainingFacts(base="tiny", dataset="rows", method="SFT", settings={}, digests={})
    settings = {"name": "sft", "max_steps": 1, "effective_batch": 4, "micro_batch": 2}
    run_sft(
        TrainingJob(
            base=base,
            model=ModelConfig(device="cpu"),
            stage=SftStage.model_validate(settings),
            out=tmp_path,
            seed=0,
            log=lambda _step, _values: None,
            callbacks=[said, TrainingMetadata(tmp_path / TRAINING_METADATA, facts, forecast=said)],
        ),
        some_rows(),
    )
    written = json.loads((tmp_path / TRAINING_METADATA).read_bytes())["predicted_memory"]
    line = next(record.message for record in caplog.records if "peak memory" in record.message)
    if batches.unknown is not None:
        assert written == {"not_predicted": "nobody knows"}
        assert line == "sft: peak memory is not predicted: nobody knows"
        return
    grown = sum(written["parts_bytes"].values()) - written["parts_bytes"]["weights"]
    assert written[PREDICTED_PEAK] == written["resident_before_bytes"] + grown
    assert (written["sequences"], written["tokens"], written["tokens_from"]) == (2, 18, "the longest row")
    assert line.startswith(f"sft: predicted peak memory {size(written[PREDICTED_PEAK])}: in use before ")
    assert line.endswith(f"the machine has {size(written['device_bytes'])}")


def test_too_small_a_device_is_warned_of() -> None:
    assert too_much(4 << 30, 8 << 30) is None
    assert "4.0 GiB, but the accelerator has 2.0 GiB" in (too_much(4 << 30, 2 << 30) or "")


SHAPE = {
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 6,
    "num_key_value_heads": 4,
    "head_dim": 64,
}
FULL, LORA = {"kind": "full"}, {"kind": "lora", "r": 8, "target_modules": "all-linear"}
CHECKPOINTING = {"gradient_checkpointing": True}
CASES: dict[str, dict[str, Any]] = {
    "full": {"shape": SHAPE, "rows": (8, 256), "adapter": FULL},
    "lora": {"shape": SHAPE, "rows": (8, 256), "adapter": LORA},
    "full, checkpointing": {"shape": SHAPE, "rows": (16, 256), "adapter": FULL, "kernels": CHECKPOINTING},
}


def test_a_process_uses_the_predicted_memory(tmp_path: Path) -> None:
    for name, one in probe_memory(tmp_path, CASES):
        assert 1 / 1.25 < one["grown"] / one["predicted_growth"] < 1.25, (name, one)
