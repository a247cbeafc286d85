"""Packed rows have the losses they have alone, and a model whose rows see each other is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.errors import GateError
from burnish.train.batches.packing_proof import TOLERANCE, prove_packing
from burnish.train.batches.rows import SequenceDataset
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from tests.tiny_models import Family, make_tiny_model
from tests.train.small_sft import Row

FAMILIES: tuple[Family, ...] = ("llama", "qwen3", "gemma")
BACKENDS = ("sdpa", "eager")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    root = tmp_path_factory.mktemp("models")
    folders = {family: make_tiny_model(root / family, family) for family in FAMILIES}
    loader: Any = AutoModelForCausalLM
    return {
        (family, backend): loader.from_pretrained(folders[family], attn_implementation=backend).eval()
        for family in FAMILIES
        for backend in BACKENDS
    }


@st.composite
def packed_rows(draw: st.DrawFn) -> SequenceDataset:
    """Some rows, longer than Gemma's window too, and some of their tokens trained."""
    rows = []
    for index in range(draw(st.integers(2, 6))):
        ids = draw(st.lists(st.integers(5, 300), min_size=2, max_size=40))
        first = draw(st.integers(0, len(ids) - 1))
        rows.append(Row(f"r{index}", ids, [-100] * first + ids[first:]))
    cut = draw(st.integers(0, len(rows)))
    packs = [tuple(range(cut)), tuple(range(cut, len(rows)))]
    return SequenceDataset(rows, [pack for pack in packs if pack])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=25, deadline=None)
@given(dataset=packed_rows())
def test_packed_losses_equal_unpacked_ones(
    models: dict[tuple[str, str], Any], family: str, backend: str, dataset: SequenceDataset
) -> None:
    assert TOLERANCE[torch.float32] == 1e-5
    proof = prove_packing(models[family, backend], dataset, padding=0)
    assert proof.mean_difference <= 1e-5
    assert proof.backend == backend
    assert proof.rows == sum(len(pack) for pack in dataset.packs if len(pack) > 1)


def some_packs() -> SequenceDataset:
    rows = [Row(f"r{index}", [5 + index, *range(20, 30 + index)], [-100, *range(20, 30 + index)]) for index in range(4)]
    return SequenceDataset(rows, [(0, 1), (2, 3)])


class Leaking(torch.nn.Module):
    """A model that attends without regard to restarting positions, as a backend that does not know them would."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.config = model.config

    def forward(self, **inputs: Any) -> Any:
        places = inputs.pop("position_ids", None)
        if places is not None:
            inputs["attention_mask"] = torch.ones_like(places)
        return self.model(**inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_that_see_each_other_are_refused(models: dict[tuple[str, str], Any], dtype: torch.dtype) -> None:
    model = models["qwen3", "sdpa"]
    leaking = Leaking(model).to(dtype).train()
    try:
        with pytest.raises(
            GateError, match=r"packed rows attend to each other: with sdpa attention the loss of row r\d is"
        ):
            prove_packing(leaking, some_packs(), padding=0)
        assert leaking.training
    finally:
        model.to(torch.float32).eval()


def test_a_row_whose_loss_is_no_number_is_the_one_that_is_named(models: dict[tuple[str, str], Any]) -> None:
    model = models["llama", "sdpa"]

    def poison(_module: Any, inputs: tuple[torch.Tensor, ...], embedded_BTD: torch.Tensor) -> torch.Tensor:
        return embedded_BTD.masked_fill((inputs[0] == 8)[..., None], float("nan"))

    handle = model.get_input_embeddings().register_forward_hook(poison)
    try:
        with pytest.raises(GateError, match="the loss of row r3 is nan"):
            prove_packing(model, some_packs(), padding=0)
    finally:
        handle.remove()


def test_half_precision_has_a_tolerance_of_its_own(models: dict[tuple[str, str], Any]) -> None:
    model = models["llama", "sdpa"]
    try:
        proof = prove_packing(model.to(torch.bfloat16), some_packs(), padding=0)
    finally:
        model.to(torch.float32)
    assert proof.tolerance == 2e-2
    assert proof.mean_difference <= 2e-2


def test_unpacked_sequences_need_no_proof(models: dict[tuple[str, str], Any]) -> None:
    alone = SequenceDataset([Row("a", [5, 6], [-100, 6])], [(0,)])
    assert prove_packing(models["llama", "sdpa"], alone, padding=0).rows == 0


def tune_packed(base: Path, out: Path) -> None:
    rows = [Row(f"r{index}", [5 + index, 6, 7, 8], [-100, 6, 7, 8]) for index in range(4)]
    run_sft(
        TrainingJob(
            base=base,
            model=ModelConfig(device="cpu"),
            stage=SftStage(name="sft", packing=True, max_steps=1, effective_batch=1, micro_batch=1),
            out=out,
            seed=0,
            log=lambda _step, _values: None,
        ),
        rows,
        [(0, 1, 2), (3,)],
    )


def test_training_proves_before_its_first_step(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        tune_packed(make_tiny_model(tmp_path / "base"), tmp_path / "out")
    assert "3 rows packed into 1 sequence have the losses they have alone (sdpa attention" in caplog.text


def test_a_model_without_attention_cannot_be_packed(tmp_path: Path) -> None:
    """A state-space model carries its state over the boundary, whatever the positions say."""
    from transformers import AutoTokenizer, MambaConfig, MambaForCausalLM

    tokenizer: Any = AutoTokenizer.from_pretrained(make_tiny_model(tmp_path / "llama"))
    torch.manual_seed(0)
    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=16, state_size=4, num_hidden_layers=1)
    mamba: Any = MambaForCausalLM
    mamba(config).save_pretrained(tmp_path / "mamba")
    tokenizer.save_pretrained(tmp_path / "mamba")
    with pytest.raises(GateError, match=r"packed rows attend to each other: .* the loss of row r[12] is"):
        tune_packed(tmp_path / "mamba", tmp_path / "out")
    assert not (tmp_path / "out" / "checkpoints").exists()
