"""Where the accelerator is too small, training goes on from its checkpoint with a smaller micro batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.data.encode.packing import pack_documents
from burnish.errors import DeviceMemoryError, StepMemoryError
from burnish.model.tokenizer import train_tokenizer
from burnish.train.job import TrainingJob
from burnish.train.micro_batch import fit_micro_batch
from burnish.train.pretrain.run import run_pretrain
from tests.train.small_sft import FaultInjector

TEXTS = [f"/// Returns {n}.\npub fn f{n}() -> i64 {{\n    {n}\n}}\n<|endoftext|>" for n in range(40)]
STAGE = PretrainStage(
    name="base", corpus="corpus", vocabulary=320, hidden_size=32, layers=2, heads=2, intermediate_size=64,
    block_size=96, effective_batch=4, micro_batch=4, max_steps=8, save_every=3, log_every=1, learning_rate=3e-3,
)  # fmt: skip


def test_pretraining_goes_on_with_the_same_losses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = train_tokenizer(TEXTS, vocabulary=320, longest=96, out=tmp_path / "tokenizer")
    blocks = pack_documents(tokenizer(TEXTS)["input_ids"], STAGE.block_size)
    losses: dict[str, dict[int, float]] = {"whole": {}, "small": {}}
    steps: list[int] = []

    def train(name: str, fits: int) -> None:
        def log(step: int, values: Mapping[str, float]) -> None:
            losses[name][step] = values["loss"]
            steps.append(step)

        job = TrainingJob(
            base=None,
            model=ModelConfig(),
            stage=STAGE,
            out=tmp_path / name,
            seed=3,
            log=log,
            callbacks=[FaultInjector(fits=fits)],
        )
        run_pretrain(job, tokenizer, blocks, context=96)

    train("whole", 4)
    steps.clear()
    train("small", 1)
    assert steps == [1, 2, 3, 4, 4, 4, 5, 6, 7, 8]  # twice from the checkpoint of step 3
    assert losses["small"] == pytest.approx(losses["whole"], abs=1e-3)
    assert "too small for micro_batch 4: continues with 2 and the same effective batch" in caplog.text
    assert "too small for micro_batch 2: continues with 1 and the same effective batch" in caplog.text


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
        raise StepMemoryError("too small.", "buy more")

    with pytest.raises(StepMemoryError):
        fit_micro_batch(stage, train)
    assert tried == expected


def test_a_model_that_cannot_be_loaded_is_not_tried_again() -> None:
    tried = []

    def train(stage: PretrainStage) -> None:
        tried.append(stage.micro_batch)
        raise DeviceMemoryError("the model is too large.", "take a smaller one")

    with pytest.raises(DeviceMemoryError, match="too large"):
        fit_micro_batch(STAGE, train)
    assert tried == [4]
