"""Where the accelerator is too small, training goes on from its checkpoint with a smaller micro batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from burnish.config.stages.recipe import PreferenceStage, PretrainStage
from burnish.data.encode.packing import pack_documents
from burnish.errors import DeviceMemoryError
from burnish.model.tokenizer import train_tokenizer
from burnish.train.pretrain.run import PretrainResult, run_pretrain
from burnish.workflows.train.smaller_batches import with_smaller_batches
from tests.train.tuning import Faults

TEXTS = [f"/// Returns {n}.\npub fn f{n}() -> i64 {{\n    {n}\n}}\n<|endoftext|>" for n in range(40)]
STAGE = PretrainStage(
    name="base", corpus="corpus", vocabulary=320, hidden_size=32, layers=2, heads=2, intermediate_size=64,
    block_size=96, effective_batch=4, micro_batch=4, max_steps=8, save_every=3, log_every=1, learning_rate=3e-3,
)  # fmt: skip


def test_pretraining_goes_on_with_the_same_losses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = train_tokenizer(TEXTS, vocabulary=320, longest=96, out=tmp_path / "tokenizer")
    blocks = pack_documents(tokenizer(TEXTS)["input_ids"], STAGE.block_size)
    losses: dict[str, dict[int, float]] = {"whole": {}, "small": {}}
    tried: list[tuple[int, int]] = []

    def train(stage: PretrainStage, name: str, fits: int) -> PretrainResult:
        def log(step: int, values: Mapping[str, float]) -> None:
            losses[name][step] = values["loss"]
            tried.append((step, stage.micro_batch))

        return run_pretrain(
            tokenizer=tokenizer, blocks=blocks, stage=stage, out=tmp_path / name, seed=3, context=96, log=log,
            callbacks=[Faults(fits=fits)],
        )  # fmt: skip

    train(STAGE, "whole", 4)
    tried.clear()
    with_smaller_batches(STAGE, lambda stage: train(stage, "small", 1))
    assert tried == [*((step, 4) for step in range(1, 5)), (4, 2), *((step, 1) for step in range(4, 9))]
    assert losses["small"] == pytest.approx(losses["whole"], abs=1e-3)
    assert "too small for micro_batch 4: goes on with 2 and the same effective batch" in caplog.text


@pytest.mark.parametrize(
    ("method", "expected"), [({"kind": "dpo"}, [8, 4, 2, 1]), ({"kind": "kto"}, [8])], ids=["dpo", "kto"]
)
def test_it_ends_where_the_result_would_be_another(method: dict[str, Any], expected: list[int]) -> None:
    """One sequence at once is the least, and the KL term of KTO is that of its micro batch."""
    stage = PreferenceStage.model_validate(
        {"name": "p", "rows": Path("x"), "effective_batch": 8, "micro_batch": 8, "method": method}
    )
    tried = []

    def train(stage: PreferenceStage) -> None:
        tried.append(stage.micro_batch)
        raise DeviceMemoryError("too small.", "buy more")

    with pytest.raises(DeviceMemoryError):
        with_smaller_batches(stage, train)
    assert tried == expected
