from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM

from burnish.model.contents import count_parameters
from burnish.train.watch.meter import Arithmetic, StepMeter, arithmetic_of, matmul_flops_per_s
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import run_small_sft


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def eager(base: Path) -> Any:
    loader: Any = AutoModelForCausalLM
    return loader.from_pretrained(str(base), attn_implementation="eager").train()


def test_the_formula_gives_what_torch_counts_in_a_step(base: Path) -> None:
    model = eager(base)
    rows, length = 3, 17
    ids = torch.randint(5, 50, (rows, length))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, use_cache=False).logits.sum().backward()
    # eager attention computes every pair, also those behind the mask
    said = arithmetic_of(model, count_parameters(model)).of(rows * length, rows * length**2, 0)
    assert said == pytest.approx(counter.get_total_flops(), rel=1e-4)  # rotary positions aside


def test_frozen_weights_cost_no_gradient_of_their_own(base: Path) -> None:
    model = eager(base)
    whole = arithmetic_of(model, count_parameters(model)).per_token
    model.requires_grad_(False)
    frozen = arithmetic_of(model, count_parameters(model)).per_token
    assert frozen == whole * 4 // 6


def test_sliding_layers_see_their_window_only(tmp_path: Path) -> None:
    model = eager(make_tiny_model(tmp_path, "gemma"))
    costs = arithmetic_of(model, count_parameters(model))
    assert (costs.window, costs.per_pair, costs.per_window_pair) == (16, 12 * 4 * 8, 12 * 4 * 8)


@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=3), st.booleans())
def test_pairs_and_tokens_are_those_of_each_document(rows: list[list[int]], packed: bool) -> None:
    meter = StepMeter()
    meter._costs = Arithmetic(1, 1000, 1_000_000, window=3)
    documents = rows if packed else [[sum(row)] for row in rows]
    width = max(map(sum, documents))
    ids = torch.ones(len(rows), width, dtype=torch.long)
    labels = torch.full_like(ids, -100)
    mask = torch.zeros_like(ids)
    positions = torch.zeros_like(ids)
    for index, row in enumerate(documents):
        length = sum(row)
        mask[index, :length] = 1
        labels[index, length - 1] = 7
        positions[index, :length] = torch.cat([torch.arange(document) for document in row])
    inputs = {"input_ids": ids, "labels": labels, "attention_mask": mask}
    meter.count(inputs | {"position_ids": positions} if packed else inputs)
    meter._gather()
    every = [length for row in documents for length in row]
    pairs = sum(length * (length + 1) // 2 for length in every)
    windowed = sum(min(place + 1, 3) for length in every for place in range(length))
    assert meter.total.tokens == sum(every)
    assert meter.total.trained_tokens == sum(sum(row) > 1 for row in documents)
    assert meter.total.flops == sum(every) + 1000 * pairs + 1_000_000 * windowed


def test_a_training_logs_its_throughput(base: Path, tmp_path: Path) -> None:
    result = run_small_sft(base, tmp_path, max_steps=6, log_every=2, save_every=2)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert all(row["tokens_per_s"] > row["trained_tokens_per_s"] > 0 for row in rows)
    assert all(
        row["mfu"] * matmul_flops_per_s("cpu", torch.float32) == pytest.approx(row["model_flops_per_s"]) for row in rows
    )
    assert all(row["peak_memory_bytes"] > 1 << 20 for row in rows)
    training = ("data", "forward_backward", "optimizer", "log")
    trained = sum(row["trained_tokens_per_s"] * sum(row[f"seconds_{phase}"] for phase in training) for row in rows)
    assert trained == pytest.approx(result.trained_tokens, rel=1e-3)
    assert rows[1]["seconds_checkpoint"] > 0  # the checkpoint of step 2 was written after the row of step 2


def test_the_meter_does_not_change_the_training(base: Path, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    meter = StepMeter()
    arguments: Any = type("Arguments", (), {"bf16": False})
    meter.on_train_begin(arguments, None, None, model=eager(base))  # type: ignore[arg-type]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert meter.rate is not None
    assert meter.counts is not None
    assert meter.counts.total == meter.counts.trainable


def test_time_is_measured_by_phase() -> None:
    ticks = iter(range(100))
    meter = StepMeter(clock=lambda: float(next(ticks)))
    nothing: Any = None
    meter.on_step_begin(nothing, nothing, nothing)
    meter.on_pre_optimizer_step(nothing, nothing, nothing)
    meter.on_step_end(nothing, nothing, nothing)
    with meter.phase("evaluation"):
        pass
    meter.on_log(nothing, nothing, nothing, logs={"loss": 1.0})
    meter.on_save(nothing, nothing, nothing)
    assert meter.total.seconds == dict.fromkeys(
        ("data", "forward_backward", "optimizer", "log", "checkpoint", "evaluation"), 1.0
    ) | {"data": 2.0}
    assert meter.total.training_s == 5.0
