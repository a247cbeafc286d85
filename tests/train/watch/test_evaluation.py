from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import LoraConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.training_evaluation import EarlyStopping, TrainingEvaluation
from burnish.model.base import load_adapter, load_model
from burnish.records.layout import EVALUATION_HISTORY
from burnish.train.job import TrainingJob, TrainingResult
from burnish.train.sft.run import run_sft
from burnish.train.watch.evaluation import HeldOutLoss, PeriodicEvaluation, best_step, evaluating, stops
from burnish.train.weights.adapters import attach_adapter, set_input_casts
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import some_rows

CPU = ModelConfig(device="cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


class Scripted:
    """Says a compile rate by step; can interrupt."""

    def __init__(self, rates: Mapping[int, float], interrupt_at: int | None = None) -> None:
        self.rates = rates
        self.interrupt_at = interrupt_at
        self.asked: list[int] = []

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        assert not model.training
        torch.rand(3)  # must not disturb the training's dropout
        self.asked.append(step)
        if step == self.interrupt_at:
            raise KeyboardInterrupt
        return {"compile_rate": self.rates[step]}


def train(
    base: Path, out: Path, evaluator: Scripted | None, log: list[dict[str, float]] | None = None, **evaluation: Any
) -> TrainingResult:
    stage: dict[str, Any] = {
        "name": "sft",
        "learning_rate": 1e-2,
        "effective_batch": 4,
        "micro_batch": 2,
        "max_steps": 10,
        "log_every": 5,
        "save_every": 3,
    }
    out.mkdir(parents=True, exist_ok=True)
    config = TrainingEvaluation.model_validate({"every": 2, "prompts": 1, **evaluation})
    callbacks = [PeriodicEvaluation(config, [evaluator], out)] if evaluator is not None else []
    return run_sft(
        TrainingJob(
            base=base,
            model=CPU,
            stage=SftStage.model_validate(stage),
            out=out,
            seed=3,
            log=lambda step, values: log.append({"step": step, **values}) if log is not None else None,
            callbacks=callbacks,
        ),
        some_rows(),
    )


def weights(out: Path) -> bytes:
    return (out / "adapter" / "adapter_model.safetensors").read_bytes()


RISING = {2: 0.1, 4: 0.5, 6: 0.3, 8: 0.2, 10: 0.4}


def test_evaluating_changes_nothing_of_the_training_and_stands_in_its_log(base: Path, tmp_path: Path) -> None:
    train(base, tmp_path / "plain", None)
    log: list[dict[str, float]] = []
    train(base, tmp_path / "watched", Scripted(RISING), log)
    assert weights(tmp_path / "plain") == weights(tmp_path / "watched")
    assert {row["step"]: row.get("eval_compile_rate") for row in log} == {**RISING, 5: None}
    assert all(row["seconds_evaluation"] > 0 for row in log if "eval_compile_rate" in row)
    lines = [json.loads(line) for line in (tmp_path / "watched" / EVALUATION_HISTORY).read_text().splitlines()]
    assert {line["step"]: line["values"]["compile_rate"] for line in lines} == RISING


def test_the_best_checkpoint_is_kept_and_becomes_the_result(base: Path, tmp_path: Path) -> None:
    result = train(base, tmp_path, Scripted(RISING), best="compile_rate")
    kept = load_file(tmp_path / "checkpoints" / "checkpoint-4" / "adapter_model.safetensors")
    ours = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert result.steps == 4
    assert kept.keys() == ours.keys()
    assert all(torch.equal(kept[name], ours[name]) for name in kept)
    train(base, tmp_path / "last", Scripted(RISING))
    assert weights(tmp_path) != weights(tmp_path / "last")


def test_training_stops_when_nothing_improves_and_a_second_call_changes_nothing(base: Path, tmp_path: Path) -> None:
    stopping = {"metrics": ["compile_rate"], "patience": 2}
    evaluator = Scripted(RISING)
    result = train(base, tmp_path, evaluator, best="compile_rate", early_stopping=stopping)
    assert evaluator.asked == [2, 4, 6, 8]
    assert result.steps == 4
    before = weights(tmp_path)
    again = Scripted({})
    assert train(base, tmp_path, again, best="compile_rate", early_stopping=stopping).steps == 4
    assert again.asked == []
    assert weights(tmp_path) == before


def test_an_interrupted_training_decides_as_an_unbroken_one(base: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"best": "compile_rate", "early_stopping": {"metrics": ["compile_rate"], "patience": 3}}
    unbroken = train(base, tmp_path / "unbroken", Scripted(RISING), **settings)
    with pytest.raises(KeyboardInterrupt):  # after the checkpoint of step 6
        train(base, tmp_path / "broken", Scripted(RISING, interrupt_at=8), **settings)
    resumed = Scripted(RISING)
    assert train(base, tmp_path / "broken", resumed, **settings).steps == unbroken.steps == 4
    assert resumed.asked == [8, 10]
    assert weights(tmp_path / "broken") == weights(tmp_path / "unbroken")
    assert (tmp_path / "broken" / EVALUATION_HISTORY).read_text() == (
        tmp_path / "unbroken" / EVALUATION_HISTORY
    ).read_text()


def test_evaluations_after_the_checkpoint_are_made_again(base: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):  # the last checkpoint is that of step 3
        train(base, tmp_path, Scripted(RISING, interrupt_at=6))
    resumed = Scripted(RISING)
    train(base, tmp_path, resumed)
    assert resumed.asked == [4, 6, 8, 10]
    steps = [json.loads(line)["step"] for line in (tmp_path / EVALUATION_HISTORY).read_text().splitlines()]
    assert steps == [2, 4, 6, 8, 10]


def test_the_loss_is_that_of_the_labelled_tokens_of_all_rows(base: Path) -> None:
    model: Any = load_model(base, CPU).model
    rows = some_rows(7)
    total, tokens = 0.0, 0
    for row in rows:
        logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1]
        targets = torch.tensor(row.labels[1:])
        total += float(cross_entropy(logits.detach(), targets, reduction="sum"))
        tokens += int((targets != -100).sum())
    for micro in (1, 3, 16):
        measured = HeldOutLoss(rows, padding=0, micro_batch=micro)(model, 0)
        assert measured["loss"] == pytest.approx(total / tokens, rel=1e-5)


def test_modes_gradients_and_random_numbers_are_as_before(base: Path) -> None:
    model: Any = load_model(base, CPU).model
    model.train()
    model.lm_head.eval()
    state = torch.random.get_rng_state()
    with evaluating(model):
        torch.rand(5)
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert model.training
    assert not model.lm_head.training
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_adapter_trained_under_autocast_answers_without_it(base: Path) -> None:
    model = attach_adapter(load_model(base, CPU.model_copy(update={"dtype": "bfloat16"})).model, LoraConfig(r=4))
    set_input_casts(model, on=False)
    for _ in range(2):
        with evaluating(model):
            model.get_base_model()(input_ids=torch.tensor([[5, 6, 7]]))
        with pytest.raises(RuntimeError, match="same dtype"):
            model.get_base_model()(input_ids=torch.tensor([[5, 6, 7]]))


values = st.floats(0, 1, allow_nan=False, width=16)


@given(st.lists(values, min_size=1, max_size=12), st.integers(1, 4), values)
def test_stopping_counts_evaluations_since_the_last_improvement(
    rates: list[float], patience: int, min_delta: float
) -> None:
    history = [(step, {"compile_rate": rate, "loss": -rate}) for step, rate in enumerate(rates)]
    best, since = -math.inf, 0
    for rate in rates:
        best, since = (rate, 0) if best == -math.inf or rate - best > min_delta else (best, since + 1)
    for metric in ("compile_rate", "loss"):
        rule = EarlyStopping.model_validate({"metrics": [metric], "patience": patience, "min_delta": min_delta})
        assert stops(history, rule) == (since >= patience)
    found = best_step(history, "compile_rate")
    assert found == rates.index(max(rates)) == best_step(history, "loss")


def test_training_continues_while_any_metric_improves() -> None:
    history = [(step, {"loss": 1.0 - step / 10, "compile_rate": 0.5}) for step in range(6)]
    assert stops(history, EarlyStopping(metrics=("compile_rate",), patience=3))
    assert not stops(history, EarlyStopping(metrics=("compile_rate", "loss"), patience=3))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "needs rows"),
        ({"rows": 5, "best": "compile_rate"}, "set prompts"),
        ({"prompts": 5, "best": "loss"}, "set rows"),
        ({"rows": 5, "early_stopping": {"metrics": ["loss"]}}, "needs best"),
        ({"rows": 5, "best": "loss", "early_stopping": {"metrics": ["loss", "tests_passed"]}}, "set prompts"),
    ],
)
def test_an_unmeasured_metric_cannot_select_a_checkpoint(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TrainingEvaluation.model_validate(wrong)


def test_the_result_can_be_loaded(base: Path, tmp_path: Path) -> None:
    train(base, tmp_path, Scripted(RISING), best="compile_rate")
    assert load_adapter(base, tmp_path / "adapter", CPU).model is not None
