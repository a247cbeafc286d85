from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.errors import ConfigError, DataError, UserError
from burnish.model.adapters import read_origin
from burnish.model.base import load_adapter, load_model
from burnish.model.chat_template import template_digest
from burnish.model.folders import model_digest
from burnish.model.source import load_tokenizer
from burnish.train.job import TrainingJob, TrainingResult
from burnish.train.sft.run import run_sft
from burnish.train.watch.evaluation import HeldOutLoss, evaluating
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import Row, run_small_sft, some_rows
from tests.train.training_programs import run_as_program

CPU = ModelConfig(device="cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def losses(out: Path) -> dict[int, float]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {row["step"]: row["loss"] for row in rows}


def adapter_bytes(out: Path) -> bytes:
    return (out / "adapter" / "adapter_model.safetensors").read_bytes()


def run(
    base: Path,
    out: Path,
    rows: list[Row],
    packs: Sequence[Sequence[int]] | None = None,
    *,
    model: ModelConfig = CPU,
    callbacks: Sequence[TrainerCallback] = (),
    **stage: Any,
) -> TrainingResult:
    settings: dict[str, Any] = {"max_steps": 2, "effective_batch": 4, "micro_batch": 4, "log_every": 1}
    return run_sft(
        TrainingJob(
            base=base,
            model=model,
            stage=SftStage.model_validate({"name": "sft", **settings, **stage}),
            out=out,
            seed=0,
            log=lambda _step, _values: None,
            callbacks=callbacks,
        ),
        rows,
        packs,
    )


def test_training_lowers_the_loss_and_leaves_an_adapter(base: Path, tmp_path: Path) -> None:
    result = run_small_sft(base, tmp_path, max_steps=30)
    curve = losses(tmp_path)
    assert sorted(curve) == list(range(1, 31))
    assert sum(curve[step] for step in range(26, 31)) < 0.5 * sum(curve[step] for step in range(1, 6))
    assert result.trained == tmp_path / "adapter"
    assert result.steps == 30
    # 20 rows in batches of 4: 30 steps are 6 passes
    assert result.trained_tokens == 6 * sum(len(row.labels) - 4 for row in some_rows())
    origin = read_origin(result.trained)
    assert origin.base_digest == model_digest(base)
    assert origin.template_digest == template_digest(load_tokenizer(base))
    assert sorted(p.name for p in result.trained.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "burnish.json",
        "chat_template.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert str(tmp_path) not in (result.trained / "adapter_config.json").read_text()
    tuned = load_adapter(base, result.trained, CPU).model
    plain = load_model(base, CPU).model
    ids = torch.tensor([some_rows()[2].input_ids])
    with torch.inference_mode():
        assert (tuned(input_ids=ids).logits - plain(input_ids=ids).logits).abs().max() > 0.1


class LossWhileTraining(TrainerCallback):
    """The held-out loss after each step, computed as an evaluation in the middle of a training is."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Measure."""
        with evaluating(model):
            self.losses.append(HeldOutLoss(some_rows(), padding=0, micro_batch=4)(model, state.global_step)["loss"])


@pytest.mark.parametrize("kind", ["full", "lora", "dora", "vera", "pissa"])
def test_bfloat16_on_a_cpu_trains_as_float32_does(base: Path, tmp_path: Path, kind: str) -> None:
    curves = {}
    for dtype in ("float32", "bfloat16"):
        seen = LossWhileTraining()
        model = ModelConfig.model_validate({"device": "cpu", "dtype": dtype})
        adapter: dict[str, Any] = {"kind": kind} | ({} if kind == "full" else {"r": 4})
        settings: dict[str, Any] = {"max_steps": 6, "learning_rate": 1e-2, "adapter": adapter}
        result = run(base, tmp_path / dtype, some_rows(), model=model, callbacks=[seen], **settings)
        curves[dtype] = seen.losses
        weights = [tensor for file in result.trained.glob("*.safetensors") for tensor in load_file(file).values()]
        assert {tensor.dtype for tensor in weights} == {torch.float32}, "an update of 1/256 would be rounded away"
    assert curves["bfloat16"][-1] < curves["bfloat16"][0]
    assert curves["bfloat16"] == pytest.approx(curves["float32"], rel=0.03)
    assert curves["bfloat16"] != curves["float32"]


def test_the_log_has_what_curves_need(base: Path, tmp_path: Path) -> None:
    run_small_sft(base, tmp_path, max_steps=4, schedule="constant", warmup_share=0.5)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(row.keys() >= {"loss", "learning_rate", "grad_norm", "tokens_per_s"} for row in rows)
    assert all(row["tokens_per_s"] > 0 for row in rows)
    assert rows[0]["learning_rate"] < rows[-1]["learning_rate"] == 1e-2


def test_killed_and_resumed_in_a_new_process_is_bit_for_bit_the_unbroken_run(base: Path, tmp_path: Path) -> None:
    run_small_sft(base, tmp_path / "unbroken", max_steps=13)
    for kill_at in (5, 11):  # in the second and the third pass; the last checkpoints are those of 3 and 9
        killed = run_as_program("small_sft", base, tmp_path / "killed", max_steps=13, kill_at=kill_at)
        assert killed.returncode == -9, killed.stderr
        assert not (tmp_path / "killed" / "adapter").exists()
    resumed = run_as_program("small_sft", base, tmp_path / "killed", max_steps=13)
    assert resumed.returncode == 0, resumed.stderr
    assert adapter_bytes(tmp_path / "killed") == adapter_bytes(tmp_path / "unbroken")
    assert losses(tmp_path / "killed") == losses(tmp_path / "unbroken")
    steps = [json.loads(line)["step"] for line in (tmp_path / "killed" / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, *range(4, 12), *range(10, 14)]
    assert model_digest(tmp_path / "killed" / "adapter") == model_digest(tmp_path / "unbroken" / "adapter")


@pytest.mark.parametrize("packing", [False, True])
def test_ctrl_c_saves_a_checkpoint_and_the_same_call_continues(base: Path, tmp_path: Path, packing: bool) -> None:
    whole = run_small_sft(base, tmp_path / "whole", max_steps=7, packing=packing)
    with pytest.raises(KeyboardInterrupt):
        run_small_sft(base, tmp_path / "broken", max_steps=7, packing=packing, interrupt_at=4)
    assert (tmp_path / "broken" / "checkpoints" / "checkpoint-5" / "complete.json").is_file()
    run_small_sft(base, tmp_path / "broken", max_steps=7, packing=packing)
    assert adapter_bytes(tmp_path / "broken") == whole.trained.joinpath("adapter_model.safetensors").read_bytes()


def test_a_finished_training_that_lost_its_adapter_only_writes_it_again(base: Path, tmp_path: Path) -> None:
    result = run_small_sft(base, tmp_path, max_steps=4, schedule="constant")
    before = adapter_bytes(tmp_path)
    (result.trained / "adapter_model.safetensors").unlink()
    (tmp_path / "log.jsonl").unlink()
    again = run_small_sft(base, tmp_path, max_steps=4, schedule="constant")
    assert adapter_bytes(tmp_path) == before
    assert again.trained_tokens == result.trained_tokens
    assert not (tmp_path / "log.jsonl").exists()


def test_checkpoints_of_another_training_are_not_resumed(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_small_sft(base, tmp_path / "fresh", max_steps=4, learning_rate=1e-3)
    run_small_sft(base, tmp_path / "used", max_steps=4)
    run_small_sft(base, tmp_path / "used", max_steps=4, learning_rate=1e-3)
    assert adapter_bytes(tmp_path / "used") == adapter_bytes(tmp_path / "fresh")
    assert "other learning_rate; training starts over" in caplog.text


def test_accumulation_gives_the_gradient_of_the_whole_batch(base: Path, tmp_path: Path) -> None:
    weights = []
    for micro in (1, 4):
        out = tmp_path / str(micro)
        run(base, out, some_rows(), micro_batch=micro, max_steps=3, learning_rate=1e-2)
        weights.append(load_file(out / "adapter" / "adapter_model.safetensors"))
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-5), name


def test_packed_rows_train_as_they_do_alone(base: Path, tmp_path: Path) -> None:
    """The whole set in one step: the same gradient, weights of rows and padding included."""
    rows = [replace(row, weight=1.0 + index % 3) for index, row in enumerate(some_rows(10))]
    packs = [(0, 3, 5), (1, 2), (4,), (6, 7, 8, 9)]
    settings: dict[str, Any] = {"max_steps": 3, "learning_rate": 1e-2}
    alone = run(base, tmp_path / "alone", rows, effective_batch=10, micro_batch=5, **settings)
    packed = run(base, tmp_path / "packed", rows, packs, packing=True, effective_batch=4, micro_batch=2, **settings)
    assert packed.trained_tokens == alone.trained_tokens
    expected = load_file(tmp_path / "alone" / "adapter" / "adapter_model.safetensors")
    for name, tensor in load_file(tmp_path / "packed" / "adapter" / "adapter_model.safetensors").items():
        # Adam divides by gradients that begin at zero, so rounding weighs more than in the losses themselves.
        assert torch.allclose(tensor, expected[name], atol=5e-4), name


def test_a_row_of_tiny_weight_hardly_counts(base: Path, tmp_path: Path) -> None:
    good = Row("good", [5, 6, 7, 8, 9, 10], [-100, -100, 7, 8, 9, 10])
    bad = Row("bad", [5, 6, 11, 12, 13, 14], [-100, -100, 11, 12, 13, 14], weight=1e-6)
    settings: dict[str, Any] = {"max_steps": 60, "learning_rate": 1e-2, "effective_batch": 2, "micro_batch": 2}
    run(base, tmp_path, [good, bad], **settings)
    model = load_adapter(base, tmp_path / "adapter", CPU).model
    with torch.inference_mode():
        after_prompt = model(input_ids=torch.tensor([[5, 6]])).logits[0, -1].softmax(-1)
    assert after_prompt[7] > 0.5  # a frozen head of 32 dimensions cannot be surer
    assert after_prompt[11] < 0.01


def test_labels_decide_what_is_trained(base: Path, tmp_path: Path) -> None:
    """Gradient steps on rows that differ only in untrained labels' tokens after the answer give equal adapters."""
    left = [Row("a", [5, 6, 7, 8, 9], [-100, -100, 7, -100, -100])]
    right = [Row("a", [5, 6, 7, 20, 21], [-100, -100, 7, -100, -100])]
    run(base, tmp_path / "left", left)
    run(base, tmp_path / "right", right)
    assert adapter_bytes(tmp_path / "left") == adapter_bytes(tmp_path / "right")


def test_a_nan_loss_names_the_rows_of_a_packed_sequence(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the loss became (nan|inf).* on the rows r\d+, r\d+"):
        run(
            base,
            tmp_path,
            some_rows(8),
            [(0, 1), (2, 3), (4, 5), (6, 7)],
            packing=True,
            max_steps=20,
            learning_rate=1e30,
            max_grad_norm=1e30,
        )


@pytest.mark.parametrize("family", ["qwen3", "gemma"])
def test_other_families_and_modules_to_save_are_trained(tmp_path: Path, family: Any) -> None:
    model = make_tiny_model(tmp_path / "base", family)
    run(
        model,
        tmp_path,
        some_rows(),
        learning_rate=1e-2,
        adapter={"kind": "lora", "r": 2, "modules_to_save": ["embed_tokens"]},
    )
    stored = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert any("embed_tokens" in name for name in stored)
    load_adapter(model, tmp_path / "adapter", CPU)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ({"micro_batch": 3}, "micro_batch 3 does not divide effective_batch 4"),
        ({"adapter": {"kind": "lora", "target_modules": ["c_attn"]}}, "target_modules names 'c_attn'"),
        ({"adapter": {"kind": "lora", "modules_to_save": ["score"]}}, "modules_to_save names 'score'"),
    ],
)
def test_untrainable_settings_are_refused_before_the_first_step(
    base: Path, tmp_path: Path, stage: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        run(base, tmp_path, some_rows(), **stage)


def test_rows_without_a_trained_token_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not one token to train on"):
        run(base, tmp_path, [Row("a", [5, 6], [5, -100])])


def test_a_nan_loss_names_its_rows(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the loss became (nan|inf).* on the rows r\d+"):
        run(base, tmp_path, some_rows(), learning_rate=1e30, max_steps=20, max_grad_norm=1e30)


def test_logged_values_are_floats(base: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, Mapping[str, float]]] = []
    stage = SftStage(name="sft", max_steps=2, effective_batch=2, micro_batch=2, log_every=2)
    run_sft(
        TrainingJob(
            base=base,
            model=CPU,
            stage=stage,
            out=tmp_path,
            seed=0,
            log=lambda step, values: seen.append((step, values)),
        ),
        some_rows(),
    )
    assert [step for step, _ in seen] == [2]
    assert all(isinstance(value, float) for value in seen[0][1].values())
