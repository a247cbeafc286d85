"""Preference tuning raises chosen answers over rejected ones, from any adapter, and leaves what loads."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.training_evaluation import TrainingEvaluation
from burnish.errors import ConfigError, UserError
from burnish.model.adapters import read_origin
from burnish.model.base import load_adapter, load_model
from burnish.model.folders import model_digest
from burnish.train.job import TrainingJob
from burnish.train.preference.run import run_preference
from burnish.train.preference.trainer import collate_pairs, collate_ratings
from burnish.train.watch.evaluation import PeriodicEvaluation
from tests.tiny_models import make_tiny_model
from tests.train.small_preference import JudgedRow, run_small_preference, some_pairs, some_ratings
from tests.train.small_sft import Row

CPU = ModelConfig(device="cpu")
DPO_AT_START = math.log(2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def logged(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def answer_logp(model: Any, row: Row) -> float:
    """Log-probability of the labelled tokens."""
    labels = torch.tensor(row.labels[1:])
    with torch.inference_mode():
        logps = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1].log_softmax(-1)
    return float(logps[labels != -100].gather(1, labels[labels != -100, None]).sum())


def margins(model: Any) -> list[float]:
    return [answer_logp(model, pair.answers[0]) - answer_logp(model, pair.answers[1]) for pair in some_pairs()]


@pytest.mark.parametrize("kind", ["lora", "dora", "pissa", "vera", "full"])
def test_any_adapter_starts_at_the_reference_and_learns_what_is_better(base: Path, tmp_path: Path, kind: str) -> None:
    adapter = {"kind": kind} | ({} if kind == "full" else {"r": 16 if kind == "vera" else 4})
    rate = 0.3 if kind == "vera" else 1e-2
    result = run_small_preference(base, tmp_path, max_steps=8, adapter=adapter, learning_rate=rate)
    rows = logged(tmp_path)
    assert rows[0]["loss"] == pytest.approx(DPO_AT_START, abs=1e-5)
    assert rows[0]["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.1
    before = margins(load_model(base, CPU).model)
    if kind == "full":
        after = margins(load_model(result.trained, CPU).model)
    else:
        after = margins(load_adapter(base, result.trained, CPU).model)
        assert read_origin(result.trained).base_digest == model_digest(base)
    assert sum(after) - sum(before) > 5
    assert {"rewards/chosen", "rewards/accuracies", "logps/rejected", "tokens_per_s"} <= rows[-1].keys()


def test_the_losses_are_those_of_the_formula(base: Path, tmp_path: Path) -> None:
    """One step of rate zero on one batch of everything: DPO (Rafailov et al. 2023, eq. 7) of a model against itself."""
    pairs = some_pairs(4)
    values: dict[str, float] = {}
    run_preference(TrainingJob(base=base, model=CPU, stage=PreferenceStage(
            name="p", rows=Path("x"), max_steps=1, effective_batch=4, micro_batch=4, learning_rate=0, log_every=1
        ), out=tmp_path, seed=0, log=lambda _, row: values.update(row)), pairs)  # fmt: skip
    model = load_model(base, CPU).model
    chosen = [answer_logp(model, pair.answers[0]) for pair in pairs]
    assert values["logps/chosen"] == pytest.approx(sum(chosen) / 4, rel=1e-4)
    assert values["loss"] == pytest.approx(DPO_AT_START, abs=1e-6)


@pytest.mark.parametrize("loss", ["kto", "apo_zero_unpaired"])
def test_kto_raises_good_answers_and_lowers_bad_ones(base: Path, tmp_path: Path, loss: str) -> None:
    result = run_small_preference(base, tmp_path, max_steps=8, method={"kind": "kto", "loss": loss})
    rows = logged(tmp_path)
    assert rows[0]["loss"] == pytest.approx(0.5, abs=1e-4)
    assert rows[-1]["rewards/margins"] > 0.2
    after, before = margins(load_adapter(base, result.trained, CPU).model), margins(load_model(base, CPU).model)
    assert sum(after) - sum(before) > 5


def test_an_adapter_on_a_quantised_base_stays_in_full_precision(base: Path, tmp_path: Path) -> None:
    result = run_small_preference(base, tmp_path, max_steps=2, quantization={"kind": "nf4"}, learning_rate=1e-5)
    tensors = load_file(result.trained / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert any(not torch.equal(tensor, tensor.bfloat16().float()) for tensor in tensors.values())


def test_batches_hold_whole_answers_and_label_nothing_else() -> None:
    pairs = some_pairs(3)
    batch = collate_pairs([{"row": 2}, {"row": 0}], rows=pairs, padding=1)
    wanted = [pairs[2].answers[0], pairs[0].answers[0], pairs[2].answers[1], pairs[0].answers[1]]
    for place, answer in enumerate(wanted):
        length = len(answer.input_ids)
        assert batch["input_ids"][place, :length].tolist() == answer.input_ids
        assert batch["attention_mask"][place].tolist() == [1] * length + [0] * (batch["input_ids"].shape[1] - length)
        assert batch["completion_mask"][place, :length].tolist() == [int(label != -100) for label in answer.labels]
    assert batch["rows"].tolist() == [2, 0]


@pytest.mark.parametrize("taken", [[0, 1, 2], [5]])
def test_the_kl_term_has_the_prompt_with_an_answer_of_another_row(taken: list[int]) -> None:
    rows = some_ratings(6)
    batch = collate_ratings([{"row": row} for row in taken], rows=rows, padding=1)
    others = [taken[-1], *taken[:-1]] if len(taken) > 1 else [0]
    for place, (row, other) in enumerate(zip(taken, others, strict=True)):
        asked = rows[row].answers[0]
        prompt = asked.input_ids[: asked.labels.count(-100)]
        answer = [label for label in rows[other].answers[0].labels if label != -100]
        length = len(prompt) + len(answer)
        assert batch["KL_input_ids"][place, :length].tolist() == prompt + answer
        assert batch["KL_completion_mask"][place].sum() == len(answer)
        assert batch["label"][place] == rows[row].good


def test_an_adapter_on_the_output_layer_is_refused(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", tie_embeddings=False)
    with pytest.raises(ConfigError, match="names the output layer"):
        run_small_preference(
            base, tmp_path / "out", max_steps=1, adapter={"kind": "lora", "target_modules": ["q_proj", "lm_head"]}
        )


def test_a_nan_loss_names_its_rows(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"loss became nan in step 2, on the rows r\d+, r\d+") as stopped:
        run_small_preference(base, tmp_path, max_steps=4, learning_rate=1e30, max_grad_norm=1e30, warmup_share=0)
    kept = json.loads((tmp_path / "bad_batch.json").read_text())
    assert (kept["step"], kept["loss"]) == (2, "nan")
    assert all(row["id"] in stopped.value.cause and len(row["texts"]) == 2 for row in kept["rows"])


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_a_nan_gradient_never_reaches_the_weights(base: Path, tmp_path: Path, method: str) -> None:
    faults = {"poison_gradient_at": 3}
    with pytest.raises(UserError, match=r"the gradient became nan in step 3, on the rows r[\d/]+(, r[\d/]+){3}\."):
        run_small_preference(base, tmp_path, max_steps=6, save_every=1, method={"kind": method}, faults=faults)
    assert [row["step"] for row in logged(tmp_path)] == [1, 2]
    newest = max((tmp_path / "checkpoints").glob("checkpoint-*"))
    assert newest.name == "checkpoint-2"
    assert all(tensor.isfinite().all() for tensor in load_file(newest / "adapter_model.safetensors").values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adapter": {"kind": "lora", "dropout": 0.1}}, "adapter.dropout must be 0"),
        ({"method": {"kind": "dpo", "label_smoothing": 0.1}}, "goes with the loss 'robust'"),
        ({"method": {"kind": "kto"}, "micro_batch": 1}, "micro_batch must be 2 or more"),
    ],
)
def test_unsupported_preference_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PreferenceStage.model_validate({"name": "p", "rows": Path("x"), **settings})


def test_other_rows_start_from_scratch(base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = PreferenceStage(name="p", rows=Path("x"), max_steps=1, effective_batch=2, micro_batch=2)
    pairs = some_pairs(4)
    flipped = [JudgedRow(pair.id, pair.answers[::-1]) for pair in pairs]
    for rows in (pairs, flipped):
        run_preference(
            TrainingJob(base=base, model=CPU, stage=stage, out=tmp_path, seed=0, log=lambda _step, _values: None), rows
        )
    assert "made with other rows; training starts over" in caplog.text


@pytest.mark.parametrize("kind", ["dpo", "kto"])
def test_held_out_rows_are_measured_by_the_formula_and_decide(base: Path, tmp_path: Path, kind: str) -> None:
    rows: list[Any] = list(some_pairs(5) if kind == "dpo" else some_ratings(10))
    adapter = tmp_path / "adapter"
    config = TrainingEvaluation.model_validate({"every": 4, "rows": 1, "best": "rewards/margins"})
    watch = PeriodicEvaluation(config, [], tmp_path)
    out = run_small_preference(base, tmp_path, max_steps=8, method={"kind": kind}, held_out=rows, callbacks=[watch])
    assert out.trained == adapter
    measured = dict(watch.history)
    assert measured.keys() == {4, 8}
    assert {"loss", "rewards/chosen", "rewards/rejected", "rewards/margins"} <= measured[8].keys()
    assert ("rewards/accuracies" in measured[8]) == (kind == "dpo")
    model, reference = load_adapter(base, adapter, CPU).model, load_model(base, CPU).model
    best = max(measured, key=lambda step: measured[step]["rewards/margins"])
    assert out.steps == best
    if kind == "dpo":
        gains = [
            0.1 * (answer_logp(model, answer) - answer_logp(reference, answer))
            for row in rows
            for answer in row.answers
        ]
        pairs = list(zip(gains[::2], gains[1::2], strict=True))
        margin = sum(chosen - rejected for chosen, rejected in pairs) / len(pairs)
        assert measured[best]["rewards/margins"] == pytest.approx(margin, abs=1e-4)
        assert measured[best]["rewards/accuracies"] == sum(chosen > rejected for chosen, rejected in pairs) / len(pairs)
        loss = sum(math.log1p(math.exp(rejected - chosen)) for chosen, rejected in pairs) / len(pairs)
        assert measured[best]["loss"] == pytest.approx(loss, abs=1e-4)
