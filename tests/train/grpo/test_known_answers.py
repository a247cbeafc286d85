"""The loss and its gradient, computed a second time with nothing but a forward pass: signs, normalisation, clipping,
masking, the KL term."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from burnish.model.base import load_model
from burnish.train.grpo.prompt_pool import Prompts
from burnish.train.grpo.rollouts import Answer
from tests.tiny_models import make_tiny_model
from tests.train.small_grpo import CPU, logged, run_small_grpo

PROMPT = [40, 41, 42]
ANSWERS = ([50, 51, 52, 3], [60, 61, 3], [70, 71, 72, 73, 74], [80, 3])
"""The third never ended."""
REWARDS: tuple[float | None, ...] = (1.0, 0.0, 0.25, 0.5)
STOP = 3
TEMPERATURE = 0.7


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def one_group(
    base: Path, out: Path, answers: Sequence[list[int]], rewards: Sequence[float | None], **said: Any
) -> list[dict[str, float]]:
    """Steps on one prompt whose answers and rewards are always these; every weight is trained."""

    def write(_: Any, prompts: Sequence[Sequence[int]], __: int) -> list[tuple[int, Answer]]:
        assert [list(ids) for ids in prompts] == [PROMPT] * len(answers)
        return [(n, Answer(ids, str(n), ids[-1] == STOP, None)) for n, ids in enumerate(answers)]

    settings: dict[str, Any] = {
        "num_generations": len(answers),
        "effective_batch": len(answers),
        "micro_batch": len(answers),
        "decode_batch": len(answers),
        "adapter": {"kind": "full"},
        "temperature": TEMPERATURE,
        "save_every": 1,
        "max_steps": 1,
        "dynamic_sampling": "off",
        "max_grad_norm": 1e9,
    }
    prompts = Prompts(["t"], [PROMPT], frozenset({STOP}))
    worth = {str(n): reward for n, reward in enumerate(rewards)}
    run_small_grpo(base, out, worth=lambda _, one: worth[one.text], prompts=prompts, write=write, **settings | said)
    return logged(out)


def policy(base: Path, checkpoint: Path | None = None) -> Any:
    loaded: Any = load_model(base, CPU).model
    model = loaded.float()
    if checkpoint is not None:
        model.load_state_dict(load_file(checkpoint / "model.safetensors"), strict=False)
    return model


def logps(model: Any, answer: list[int]) -> torch.Tensor:
    """Of the answer's tokens, at the temperature."""
    logits: torch.Tensor = model(input_ids=torch.tensor([PROMPT + answer])).logits[0, len(PROMPT) - 1 : -1]
    return (logits / TEMPERATURE).log_softmax(-1).gather(1, torch.tensor(answer)[:, None])[:, 0]


def advantages_of(rewards: Sequence[float | None]) -> list[float]:
    """(r - mean) / (std + 1e-4) over those that have one; the others are 0."""
    scored = torch.tensor([reward for reward in rewards if reward is not None], dtype=torch.float64)
    return [0.0 if r is None else float((r - scored.mean()) / (scored.std() + 1e-4)) for r in rewards]


def gradient_norm(model: Any, loss: torch.Tensor) -> float:
    gradients = torch.autograd.grad(loss, [weight for weight in model.parameters() if weight.requires_grad])
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())


def test_the_loss_of_two_completions_equals_the_one_by_hand(base: Path, tmp_path: Path) -> None:
    """Rewards 1 and 0: mean 0.5, standard deviation 0.7071 (n - 1), advantages +-0.7070; 4 and 3 tokens."""
    [row] = one_group(base, tmp_path, ANSWERS[:2], (1.0, 0.0))
    assert row["loss"] == pytest.approx(-(4 * 0.70701 - 3 * 0.70701) / 7, abs=1e-4)
    before, after = policy(base), policy(base, tmp_path / "checkpoints" / "checkpoint-1")
    gained = [float((logps(after, answer) - logps(before, answer)).detach().sum()) for answer in ANSWERS[:2]]
    assert gained[0] > 0.01, "what was rewarded becomes likelier"
    assert gained[1] < -0.01, "what was not becomes less likely"


@pytest.mark.parametrize(
    ("loss_type", "micro_batch"),  # bnpo is normalised in each micro batch, so it has one value for the uncut one alone
    [*itertools.product(["dapo", "grpo", "dr_grpo"], [4, 2]), ("bnpo", 4)],
)
@pytest.mark.parametrize("unscored", [False, True])
def test_loss_and_gradient_are_those_of_the_formula(
    base: Path, tmp_path: Path, loss_type: str, micro_batch: int, unscored: bool
) -> None:
    rewards = (1.0, None, 0.25, 0.5) if unscored else REWARDS
    said = {"loss_type": loss_type, "micro_batch": micro_batch, "mask_truncated_completions": True}
    [row] = one_group(base, tmp_path, ANSWERS, rewards, **said)
    model = policy(base).requires_grad_(True)
    kept = [n for n in range(4) if rewards[n] is not None and ANSWERS[n][-1] == STOP]
    advantages = advantages_of(rewards)
    sums = {n: -advantages[n] * logps(model, ANSWERS[n]).sum() for n in kept}
    tokens = {n: len(ANSWERS[n]) for n in kept}
    by_type = {
        "dapo": sum(sums.values()) / sum(tokens.values()),
        "bnpo": sum(sums.values()) / sum(tokens.values()),
        "grpo": sum(sums[n] / tokens[n] for n in kept) / len(kept),
        "dr_grpo": sum(sums.values()) / (len(kept) * 12),
    }
    assert row["grad_norm"] == pytest.approx(gradient_norm(model, torch.as_tensor(by_type[loss_type])), rel=1e-4)
    scored = [reward for reward in rewards if reward is not None]
    assert row["reward"] == pytest.approx(sum(scored) / len(scored))


def test_the_kl_term_equals_the_formula(base: Path, tmp_path: Path) -> None:
    """exp(ref - p) - (ref - p) - 1 per token, against the model that it starts from, times the ratio: its gradient is
    then (p - ref) times that of p, which is that of the KL divergence of the policy's own samples."""
    beta = 0.5
    rows = one_group(base, tmp_path, ANSWERS, REWARDS, beta=beta, max_steps=2, learning_rate=1e-3)
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-6)
    model, reference = policy(base, tmp_path / "checkpoints" / "checkpoint-1").requires_grad_(True), policy(base)
    tokens = sum(map(len, ANSWERS))
    policy_loss, kl = torch.zeros(()), torch.zeros(())
    for advantage, answer in zip(advantages_of(REWARDS), ANSWERS, strict=True):
        now, then = logps(model, answer), logps(reference, answer).detach()
        ratio = (now - now.detach()).exp()
        kl = kl + (((then - now).exp() - (then - now) - 1) * ratio).sum() / tokens
        policy_loss = policy_loss - advantage * ratio.sum() / tokens
    assert float(kl.detach()) > 1e-3
    assert rows[1]["kl"] == pytest.approx(float(kl.detach()), rel=1e-3)
    assert rows[1]["loss"] == pytest.approx(float((policy_loss + beta * kl).detach()), rel=1e-3)
    assert rows[1]["grad_norm"] == pytest.approx(gradient_norm(model, policy_loss + beta * kl), rel=1e-3)


def test_a_second_pass_over_the_same_completions_is_clipped(base: Path, tmp_path: Path) -> None:
    said = {"num_iterations": 2, "max_steps": 2, "epsilon": 0.1, "epsilon_high": 0.2, "learning_rate": 3e-2}
    rows = one_group(base, tmp_path, ANSWERS, REWARDS, **said)
    model, first = policy(base, tmp_path / "checkpoints" / "checkpoint-1").requires_grad_(True), policy(base)
    total, clipped = torch.zeros(()), 0
    for advantage, answer in zip(advantages_of(REWARDS), ANSWERS, strict=True):
        ratio = (logps(model, answer) - logps(first, answer).detach()).exp()
        total = total - torch.minimum(ratio * advantage, ratio.clamp(0.9, 1.2) * advantage).sum()
        clipped += int(((ratio < 0.9) & (advantage < 0) | (ratio > 1.2) & (advantage > 0)).sum())
    tokens = sum(map(len, ANSWERS))
    assert 0 < clipped < tokens
    assert rows[1]["clip_ratio/region_mean"] == pytest.approx(clipped / tokens, abs=1e-4)
    assert rows[1]["loss"] == pytest.approx(float(total.detach()) / tokens, rel=1e-3)
    assert rows[1]["grad_norm"] == pytest.approx(gradient_norm(model, total / tokens), rel=1e-3)


def test_equal_rewards_and_a_single_judged_completion_move_nothing(base: Path, tmp_path: Path) -> None:
    before = policy(base).state_dict()
    for name, rewards in (("equal", (0.9, 0.9, 0.9, 0.9)), ("one", (1.0, None, None, None)), ("none", (None,) * 4)):
        [row] = one_group(base, tmp_path / name, ANSWERS, rewards, learning_rate=1.0)
        assert row["grad_norm"] == 0
        after = load_file(tmp_path / name / "checkpoints" / "checkpoint-1" / "model.safetensors")
        assert all(torch.equal(after[key], before[key]) for key in after), name
        kept = [json.loads(line) for line in (tmp_path / name / "rollouts.jsonl").read_text().splitlines()]
        assert len(kept) == 4
