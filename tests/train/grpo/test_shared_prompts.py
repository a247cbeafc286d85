"""A prompt read once for all its completions gives the log-probabilities and gradients of rows read alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM
from trl.trainer.utils import add_fused_lm_head

from burnish.train.grpo.shared_prompts import log_probabilities, share_prompts, shares_prompts
from tests.tiny_models import Family, make_tiny_model

PROMPTS = ([5, 6, 7, 8], [9, 10], [11])
COMPLETIONS = [
    (0, [20, 21, 22]),
    (1, [23]),
    (0, [24, 25]),
    (2, [26, 27, 28, 29]),
    (0, []),
    (1, [30, 31]),
    (0, [20, 21]),
]
"""Completions as place of their prompt and tokens: groups mixed, one empty, one the beginning of another."""
KEPT = 4


def loaded(folder: Path, family: Family = "llama", attention: str = "sdpa") -> Any:
    auto: Any = AutoModelForCausalLM
    model = auto.from_pretrained(make_tiny_model(folder, family), attn_implementation=attention)
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    return model


def padded(completions: list[tuple[int, list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, PROMPTS))
    ids, seen = [], []
    for place, tokens in completions:
        prompt, missing = PROMPTS[place], KEPT - len(tokens)
        ids.append([0] * (longest - len(prompt)) + prompt + tokens + [0] * missing)
        seen.append([0] * (longest - len(prompt)) + [1] * (len(prompt) + len(tokens)) + [0] * missing)
    return torch.tensor(ids), torch.tensor(seen)


def alone(model: Any, ids: torch.Tensor, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What TRL computes: every completion with its prompt, padding between none of them."""
    logps: list[torch.Tensor] = []
    entropies: list[torch.Tensor] = []
    for row, mask in zip(ids, seen, strict=True):
        tokens = row[mask > 0][None]
        count = int(mask[-KEPT:].sum())
        labels = tokens.clone()
        labels[:, : tokens.shape[1] - count] = -100
        out = model(input_ids=tokens, labels=labels, fused_lm_head=True)
        for values, all_values in ((out.log_probs, logps), (out.entropy, entropies)):
            kept = values[0, values.shape[1] - count :]
            all_values.append(torch.cat([kept, kept.new_zeros(KEPT - count)]))
    return torch.stack(logps), torch.stack(entropies)


def gradients(model: Any, values: Any) -> torch.Tensor:
    model.zero_grad()
    (values * torch.linspace(-1, 1, values.numel()).view_as(values)).sum().backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters()])


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("width", [1, 10_000], ids=["attention is dear", "attention is cheap"])
def test_numbers_and_gradients_are_those_of_rows_alone(family: Family, width: int, tmp_path: Path) -> None:
    model = loaded(tmp_path / family, family)
    ids, seen = padded(COMPLETIONS)
    wanted = alone(model, ids, seen)
    shared = share_prompts(ids, seen, KEPT, width)
    found = log_probabilities(model, shared, KEPT, len(ids))
    for values, right in zip(found, wanted, strict=True):
        torch.testing.assert_close(values, right, rtol=1e-4, atol=1e-5)
    mask = seen[:, -KEPT:]
    torch.testing.assert_close(
        gradients(model, found[0] * mask), gradients(model, wanted[0] * mask), rtol=1e-3, atol=1e-5
    )


def test_a_prompt_is_read_once_where_that_is_less_work() -> None:
    ids, seen = padded([(0, [20, 21, 22])] * 4)
    together = share_prompts(ids, seen, KEPT, width=10_000)
    assert together.input_ids_SL.shape == (1, 3 + 4 * 3)
    assert share_prompts(ids, seen, KEPT, width=0).input_ids_SL.shape == (4, 3 + 3)
    assert together.input_ids_SL[0, :6].tolist() == [5, 6, 7, 8, 20, 21]
    assert together.position_ids_SL[0].tolist() == [0, 1, 2, *([3, 4, 5] * 4)]


def test_a_completion_sees_the_prompt_and_itself_alone() -> None:
    shared = share_prompts(*padded([(1, [20, 21]), (1, [22, 23])]), KEPT, width=10_000)
    assert shared.mask_S1LL[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 1],
    ]


def test_only_attention_that_takes_such_masks_shares(tmp_path: Path) -> None:
    assert shares_prompts(loaded(tmp_path / "llama"))
    assert not shares_prompts(loaded(tmp_path / "eager", attention="eager"))
    assert not shares_prompts(loaded(tmp_path / "gemma", "gemma"))  # sliding windows
