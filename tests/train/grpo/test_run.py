"""GRPO on a tiny model: learns what is rewarded, from any adapter, goes on bit for bit, and a fault is no zero."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from burnish.errors import ConfigError, UserError
from burnish.model.base import load_adapter, load_model
from burnish.records import Completion, Rollout
from burnish.records.layout import ROLLOUTS
from burnish.train.grpo.rollouts import Answer
from tests.tiny_models import make_tiny_model
from tests.train.small_grpo import CPU, LETTER, logged, run_small_grpo, share_of_letter, some_prompts, with_faults
from tests.train.small_sft import FaultInjector
from tests.train.training_programs import run_as_program


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def rollouts(out: Path) -> list[Rollout]:
    return [Rollout.from_json(line) for line in (out / ROLLOUTS).read_text().splitlines()]


def letter_likelihood(model: Any, tokenizer: Any, prompts: list[list[int]]) -> float:
    """Mean probability that the first token of an answer has the letter in it."""
    tokens = [token for token in range(len(tokenizer)) if LETTER in tokenizer.decode([token], skip_special_tokens=True)]
    with torch.no_grad():
        found = [model(input_ids=torch.tensor([ids])).logits[0, -1].softmax(-1)[tokens].sum() for ids in prompts]
    return float(torch.stack(found).mean())


@pytest.mark.parametrize("kind", ["lora", "full", "pissa"])
def test_what_is_rewarded_becomes_likelier(base: Path, tmp_path: Path, kind: str) -> None:
    adapter: dict[str, Any] = {"kind": kind} | ({} if kind == "full" else {"r": 4})
    said: dict[str, Any] = {
        "effective_batch": 64,
        "micro_batch": 64,
        "num_generations": 8,
        "decode_batch": 64,
        "beta": 0.001,
    }
    rate = 1e-2 if kind == "full" else 3e-2
    result = run_small_grpo(base, tmp_path, max_steps=10, adapter=adapter, save_every=100, learning_rate=rate, **said)
    loaded = load_model(base, CPU)
    prompts = [list(ids) for ids in some_prompts(base).ids]
    before = letter_likelihood(loaded.model, loaded.tokenizer, prompts)
    trained = load_model(result.trained, CPU) if kind == "full" else load_adapter(base, result.trained, CPU)
    after = letter_likelihood(trained.model, trained.tokenizer, prompts)
    assert after > 1.5 * before
    rows = logged(tmp_path)
    assert rows[-1]["reward"] > 1.5 * rows[0]["reward"]
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-6)
    assert max(row["rollouts/logprob_mismatch"] for row in rows) < 1e-5
    assert {"rewards/letter", "entropy", "seconds_generate", "seconds_verifier_stall", "seconds_verify"} <= rows[
        0
    ].keys()


def test_a_learning_rate_of_zero_leaves_the_policy_unchanged(base: Path, tmp_path: Path) -> None:
    result = run_small_grpo(base, tmp_path, learning_rate=0, adapter={"kind": "full"}, max_steps=2)
    before, after = load_file(base / "model.safetensors"), load_file(result.trained / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(row["grad_norm"] > 0 for row in logged(tmp_path)), "and yet there was something to learn"


def test_dropped_forward_passes_change_nothing(base: Path, tmp_path: Path) -> None:
    """Completions with advantage 0 are left out of the forward pass; with an entropy bonus of almost nothing they are
    not, and the steps are the same. Every third task gives every answer the same."""

    def coarse(task: int, completion: Completion) -> float:
        return float(task % 3 != 0 and completion.sample_index % 2 == 0)

    said: dict[str, Any] = {
        "max_steps": 3,
        "dynamic_sampling": "off",
        "revisit_share": 0,
        "micro_batch": 4,
        "max_grad_norm": 1e9,
    }
    short = run_small_grpo(base, tmp_path / "short", worth=coarse, **said)
    whole = run_small_grpo(base, tmp_path / "whole", worth=coarse, entropy_coef=1e-12, **said)
    one, other = (load_file(result.trained / "adapter_model.safetensors") for result in (short, whole))
    shares = [row["rollouts/groups_with_signal"] for row in logged(tmp_path / "short")]
    assert sum(shares) / 3 == pytest.approx(2 / 3), "12 tasks, each drawn once in three steps"
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


@pytest.mark.parametrize(
    "options",
    [
        {"beta": 0.1},
        {"num_iterations": 2, "generation_batch_size": 32, "effective_batch": 16, "dynamic_sampling": "replace"},
    ],
    ids=["a step per batch, with a reference", "four steps per batch, groups replaced"],
)
def test_a_training_killed_and_resumed_equals_the_unbroken_run(
    base: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_small_grpo(base, whole, max_steps=7, save_every=3, **options)
    killed = run_as_program("small_grpo", base, broken, max_steps=7, save_every=3, kill_at=5, **options)
    assert killed.returncode == -9, killed.stderr
    (broken / ROLLOUTS).open("a").write('{"torn')
    resumed = run_as_program("small_grpo", base, broken, max_steps=7, save_every=3, **options)
    assert resumed.returncode == 0, resumed.stderr
    assert [row["step"] for row in logged(broken)] == [1, 2, 3, 4, 5, 4, 5, 6, 7]

    def written(out: Path) -> list[tuple[int, str, int, str]]:
        return [(one.step, one.completion.task_id, one.completion.sample_index, one.completion.text)
                for one in rollouts(out)]  # fmt: skip

    assert written(broken) == written(whole)
    one, other = (out / "adapter" / "adapter_model.safetensors" for out in (whole, broken))
    assert one.read_bytes() == other.read_bytes()
    assert {row["step"]: row["loss"] for row in logged(broken)} == {row["step"]: row["loss"] for row in logged(whole)}


def test_faults_of_the_machine_move_rewards_no_more_than_chance(base: Path, tmp_path: Path) -> None:
    """One answer in ten cannot be judged. Counted as 0 it would lower the mean by a tenth, which this would see."""

    def worth(task: int, completion: Completion) -> float:
        return 0.8 + 0.2 * (share_of_letter(task, completion) > 0.02)

    said: dict[str, Any] = {
        "max_steps": 1,
        "effective_batch": 512,
        "micro_batch": 64,
        "num_generations": 8,
        "decode_batch": 128,
    }
    said |= {"dynamic_sampling": "off", "learning_rate": 0}
    prompts = some_prompts(base, 64)
    run_small_grpo(base, tmp_path / "clean", worth=worth, prompts=prompts, **said)
    run_small_grpo(base, tmp_path / "faulty", worth=with_faults(worth, 0.1), prompts=prompts, **said)
    [clean], [faulty] = logged(tmp_path / "clean"), logged(tmp_path / "faulty")
    assert 0.06 < faulty["rollouts/infra_share"] < 0.14
    noise = clean["reward_std"] / 512**0.5
    assert abs(clean["reward"] - faulty["reward"]) < 3 * noise < 0.1 * clean["reward"]
    assert faulty["rollouts/group_std"] == pytest.approx(clean["rollouts/group_std"], rel=0.15)
    assert faulty["grad_norm"] == pytest.approx(clean["grad_norm"], rel=0.35)
    assert faulty["rollouts/groups_with_signal"] == pytest.approx(clean["rollouts/groups_with_signal"], abs=0.1)


def test_groups_without_signal_are_replaced_and_counted(base: Path, tmp_path: Path) -> None:
    """Half of the tasks give every answer the same."""
    run_small_grpo(
        base, tmp_path, max_steps=4, dynamic_sampling="replace", revisit_share=0, effective_batch=16, micro_batch=4,
        worth=lambda task, one: share_of_letter(task, one) + one.sample_index if task % 2 else 0.0,
    )  # fmt: skip
    rows = logged(tmp_path)
    assert any(row["rollouts/completions"] > 16 for row in rows)
    assert all(row["rollouts/completions"] <= 32 for row in rows)
    for step, row in enumerate(rows):
        of_step = [rollout for rollout in rollouts(tmp_path) if rollout.step == step]
        assert len(of_step) == row["rollouts/completions"]
        dull = sum(int(one.completion.task_id[1:]) % 2 == 0 for one in of_step)
        assert row["rollouts/wasted_share"] == pytest.approx(dull / len(of_step))
        assert len({one.completion.task_id for one in of_step}) * 4 == len(of_step), "a task is drawn once"


def test_grpo_continues_an_adapter(base: Path, tmp_path: Path) -> None:
    first = run_small_grpo(base, tmp_path / "first", max_steps=2)
    second = run_small_grpo(base, tmp_path / "second", max_steps=1, learning_rate=0, start=str(first.trained))
    one, other = (load_file(result.trained / "adapter_model.safetensors") for result in (first, second))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_sampler_that_is_not_the_trained_model_is_detected(base: Path, tmp_path: Path) -> None:
    def write(_: Any, prompts: Any, __: int) -> list[tuple[int, Answer]]:
        return [(n, Answer([50 + n % 5, 51], "e" * (n % 3), False, [-0.1, -0.1])) for n in range(len(prompts))]

    with pytest.raises(UserError, match=r"log-probabilities differ from the trainer's by \d"):
        run_small_grpo(base, tmp_path, write=write)


def test_a_nan_gradient_never_reaches_the_weights(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the gradient became nan in step 3, on the rows t\d+, "):
        run_small_grpo(base, tmp_path, max_steps=4, callbacks=[FaultInjector(poison_gradient_at=3)])
    kept = json.loads((tmp_path / "bad_batch.json").read_text())
    assert len(kept["rows"]) == 16
    assert all(isinstance(row["text"], str) for row in kept["rows"])


def test_impossible_prompts_and_adapters_are_refused_for_grpo(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="draws 4 different tasks at once, but there are 3"):
        run_small_grpo(base, tmp_path, prompts=some_prompts(base, 3))
    with pytest.raises(ConfigError, match="more than the model's context of"):
        run_small_grpo(base, tmp_path, max_completion_length=10_000)
    untied = make_tiny_model(tmp_path / "untied", tie_embeddings=False)
    with pytest.raises(ConfigError, match="names the output layer"):
        run_small_grpo(untied, tmp_path, adapter={"kind": "lora", "target_modules": ["q_proj", "lm_head"]})


def test_the_share_of_a_task_set_that_was_seen_grows(base: Path, tmp_path: Path) -> None:
    run_small_grpo(base, tmp_path, max_steps=3, revisit_share=0.5)
    rows = logged(tmp_path)
    assert [row["rollouts/tasks_seen"] for row in rows] == [4, 6, 8]
    assert statistics.fmean(row["rollouts/completions"] for row in rows) == 16
