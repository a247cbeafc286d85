"""What any model folder must do here: load, render, mask, take one step, answer.

``make test MODEL=PATH`` runs these on a folder that a user has; without it they run on tiny ones of three families.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.data.encode.chat import IGNORED, encode_examples, render_prompt
from burnish.data.gates.rows import check_gates
from burnish.generate.transformers_engine import TransformersGenerator
from burnish.model.attention import attention_of
from burnish.model.base import LoadedModel, load_adapter, load_model
from burnish.model.chat_template import end_of_turn, render
from burnish.records import Example, Message, Task
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from tests.tiny_models import Family, make_tiny_model

MODEL = os.environ.get("BURNISH_TEST_MODEL")
FAMILIES: tuple[Family, ...] = ("llama", "qwen3", "gemma")
CONFIG = ModelConfig()

QUESTION = "Write a Rust function that adds two numbers."
ANSWERS = (
    "pub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}",
    "pub fn add(a: u8, b: u8) -> u8 {\n    a.saturating_add(b)\n}",
)


@pytest.fixture(scope="module", params=[MODEL] if MODEL else FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if MODEL:
        return Path(MODEL)
    return make_tiny_model(tmp_path_factory.mktemp("model") / request.param, request.param)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> LoadedModel:
    return load_model(folder, CONFIG)


def conversations() -> list[Example]:
    return [
        Example(
            id=f"row{index}",
            messages=(Message(role="user", content=QUESTION), Message(role="assistant", content=answer)),
        )
        for index, answer in enumerate(ANSWERS)
    ]


def test_any_model_loads_and_computes_finite_logits(loaded: LoadedModel) -> None:
    ids_BT = torch.tensor([loaded.tokenizer(QUESTION)["input_ids"]], device=loaded.device)
    with torch.no_grad():
        logits_BTV = loaded.model(input_ids=ids_BT, use_cache=False).logits
    assert torch.isfinite(logits_BTV).all()
    assert float(logits_BTV.float().std()) > 0
    assert attention_of(loaded.model) != ""


def test_its_template_shows_both_sides_and_ends_the_turn(loaded: LoadedModel) -> None:
    turns: list[Mapping[str, Any]] = [message.model_dump() for message in conversations()[0].messages]
    text = render(turns, loaded.tokenizer, generation_prompt=False)
    assert QUESTION in text
    assert ANSWERS[0] in text
    assert end_of_turn(loaded.tokenizer) in text.split(ANSWERS[0])[1]
    prompt = render_prompt(conversations()[0].messages[:1], loaded.tokenizer)
    assert QUESTION in prompt
    assert ANSWERS[0] not in prompt


def test_its_mask_trains_the_answer_and_the_end_of_turn_alone(loaded: LoadedModel) -> None:
    rows = encode_examples(conversations(), loaded.tokenizer)
    for row, answer in zip(rows, ANSWERS, strict=True):
        trained = [label for label in row.labels if label != IGNORED]
        text = loaded.tokenizer.decode(trained)
        assert answer in text
        assert end_of_turn(loaded.tokenizer) in text
        assert QUESTION not in text
    check_gates(rows, loaded.tokenizer, max_length=512, held_out=(), examples=conversations())


def test_one_step_trains_an_adapter_that_changes_the_answers(folder: Path, tmp_path: Path) -> None:
    before = load_model(folder, CONFIG)
    rows = encode_examples(conversations(), before.tokenizer)
    logged: list[Mapping[str, float]] = []
    stage = SftStage.model_validate(
        {
            "name": "sft",
            "adapter": {"kind": "lora", "r": 4, "target_modules": "qv"},
            "learning_rate": 1e-2,
            "warmup_share": 0.0,
            "effective_batch": 2,
            "micro_batch": 1,
            "max_steps": 1,
            "log_every": 1,
        }
    )
    result = run_sft(
        TrainingJob(
            base=folder,
            model=CONFIG,
            stage=stage,
            out=tmp_path,
            seed=0,
            log=lambda _step, values: logged.append(values),
        ),
        rows,
    )
    assert result.steps == 1
    assert result.trained_tokens == sum(row.trained_tokens for row in rows)
    losses = [values["loss"] for values in logged if "loss" in values]
    assert losses
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
    after = load_adapter(folder, result.trained, CONFIG)
    ids_BT = torch.tensor([rows[0].input_ids], device=after.device)
    with torch.no_grad():
        difference = after.model(input_ids=ids_BT).logits - before.model(input_ids=ids_BT).logits
    assert torch.isfinite(difference).all()
    assert float(difference.float().abs().max()) > 0


def test_it_answers_within_its_limit(loaded: LoadedModel) -> None:
    generator = TransformersGenerator(
        loaded.model,
        loaded.tokenizer,
        sampling=SamplingConfig(max_new_tokens=8),
        seed=0,
        model_digest=loaded.digest,
        render=lambda messages: render_prompt(messages, loaded.tokenizer),
    )
    task = Task(id="add", family="add", prompt=(Message(role="user", content=QUESTION),))
    (completion,) = [one for batch in generator.generate([task]) for one in batch]
    assert completion.task_id == "add"
    assert 1 <= completion.completion_tokens <= 8
    assert completion.finish_reason in ("stop", "length")
