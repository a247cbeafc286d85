"""Pretraining isolates packed documents, resumes bit for bit, and writes a model that loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.data.encode.packing import Block, pack_documents
from burnish.errors import UserError
from burnish.model.tokenizer import train_tokenizer
from burnish.train.batches.rows import IGNORED
from burnish.train.job import TrainingJob
from burnish.train.pretrain.run import build_model, collate_blocks, run_pretrain

TEXTS = [f"/// Returns {n}.\npub fn f{n}() -> i64 {{\n    {n}\n}}\n<|endoftext|>" for n in range(40)]
STAGE = PretrainStage(
    name="base", corpus="corpus", vocabulary=320, hidden_size=32, layers=2, heads=2, intermediate_size=64,
    block_size=96, effective_batch=4, micro_batch=4, max_steps=6, save_every=2, log_every=1, learning_rate=3e-3,
)  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, vocabulary=320, longest=96, out=tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def blocks(tokenizer: PreTrainedTokenizerFast) -> list[Block]:
    return pack_documents(tokenizer(TEXTS)["input_ids"], STAGE.block_size)


def _nothing(step: int, values: Mapping[str, float]) -> None:
    assert step > 0
    assert values


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).state_dict())


def test_packed_loss_equals_the_loss_of_each_document_alone(
    tokenizer: PreTrainedTokenizerFast, blocks: list[Block]
) -> None:
    torch.manual_seed(0)
    model = build_model(STAGE, tokenizer, context=96).train(False)
    batch = collate_blocks(blocks[:3], padding=3)
    assert max(len(block.documents) for block in blocks[:3]) > 1
    with torch.no_grad():
        packed = model(**batch, use_cache=False).loss
        documents = [torch.tensor([document]) for block in blocks[:3] for document in block.documents]
        losses = [model(input_ids=d, labels=d).loss * (d.shape[1] - 1) for d in documents]
    alone = torch.stack(losses).sum() / sum(d.shape[1] - 1 for d in documents)
    assert packed.item() == pytest.approx(alone.item(), abs=1e-5)


def test_first_token_of_a_document_and_padding_are_not_trained() -> None:
    batch = collate_blocks([Block(((5, 6, 7), (8, 9))), Block(((1, 2),))], padding=3)
    assert batch["labels"].tolist() == [[IGNORED, 6, 7, IGNORED, 9], [IGNORED, 2, IGNORED, IGNORED, IGNORED]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1], [0, 1, 0, 1, 2]]


def test_resumed_training_ends_with_the_same_weights(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(out: Path) -> Path:
        result = run_pretrain(
            TrainingJob(base=None, model=ModelConfig(), stage=STAGE, out=out, seed=3, log=_nothing),
            tokenizer,
            blocks,
            context=96,
        )
        return result.trained

    whole = _weights(train(tmp_path / "whole"))

    class Stopped(Exception):
        pass

    def stop(step: int, values: Mapping[str, float]) -> None:
        if step == 5:
            raise Stopped

    with pytest.raises(Stopped):
        run_pretrain(
            TrainingJob(base=None, model=ModelConfig(), stage=STAGE, out=tmp_path / "two", seed=3, log=stop),
            tokenizer,
            blocks,
            context=96,
        )
    resumed = _weights(train(tmp_path / "two"))
    again = _weights(train(tmp_path / "two"))  # all steps are done: not one more
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_another_seed_gives_other_weights(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, blocks: list[Block]
) -> None:
    weights = [
        _weights(
            run_pretrain(
                TrainingJob(
                    base=None, model=ModelConfig(), stage=STAGE, out=tmp_path / str(seed), seed=seed, log=_nothing
                ),
                tokenizer,
                blocks,
                context=96,
            ).trained
        )
        for seed in (0, 1)
    ]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_nan_gradient_stops_training_and_keeps_the_blocks(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, blocks: list[Block]
) -> None:
    wild = {"optimizer": "adamw", "learning_rate": 1e30, "max_grad_norm": 1e30, "warmup_share": 0.0, "save_every": 1}
    with pytest.raises(UserError, match="the gradient became nan in step 2, on the rows beginning '/// Returns"):
        run_pretrain(
            TrainingJob(
                base=None, model=ModelConfig(), stage=STAGE.model_copy(update=wild), out=tmp_path, seed=3, log=_nothing
            ),
            tokenizer,
            blocks,
            context=96,
        )
    kept = json.loads((tmp_path / "bad_batch.json").read_text())
    assert len(kept["rows"]) == 4
    assert all("pub fn f" in row["text"] for row in kept["rows"])
    assert [path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*")] == ["checkpoint-1"]
