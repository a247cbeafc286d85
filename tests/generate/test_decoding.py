"""The lean loop writes what transformers' own greedy decoding writes, whatever else is in the batch."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM

from burnish.config.model import ModelConfig
from burnish.generate.decoding import decode_batch, keeps_plain_cache
from burnish.generate.sampling import Decoding, choose_tokens
from burnish.model.base import load_model
from tests.tiny_models import Family, make_tiny_model

CPU = ModelConfig(device="cpu")


def tiny(folder: Path, family: Family) -> Any:
    return load_model(make_tiny_model(folder, family), CPU).model


def some_prompts(count: int) -> list[list[int]]:
    draw = random.Random(1)
    return [[draw.randrange(5, 380) for _ in range(draw.randrange(3, 40))] for _ in range(count)]


def greedy(stop: set[int] | None = None) -> Decoding:
    return Decoding(temperature=0.0, top_p=1.0, stop_ids=frozenset(stop or ()), pad_id=1)


def by_transformers(model: Any, prompt: list[int], length: int) -> list[int]:
    ids = torch.tensor([prompt])
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=length,
        min_new_tokens=length,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=1,
    )
    return [int(token) for token in out[0, len(prompt) :]]


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma"])
def test_greedy_decoding_equals_transformers_alone_and_in_a_batch(tmp_path: Path, family: Family) -> None:
    model = tiny(tmp_path, family)
    prompts = some_prompts(7)
    expected = [by_transformers(model, prompt, 30) for prompt in prompts]
    limits = [30] * len(prompts)
    batched = decode_batch(model, prompts, limits, greedy(), torch.Generator())
    alone = [decode_batch(model, [prompt], [30], greedy(), torch.Generator())[0] for prompt in prompts]
    assert [one.ids for one in alone] == expected
    assert [one.ids for one in batched] == expected
    assert {one.finish_reason for one in batched} == {"length"}


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_rows_that_finish_early_do_not_change_the_others(tmp_path: Path, family: Family) -> None:
    model = tiny(tmp_path, family)
    prompts = some_prompts(9)
    expected = [by_transformers(model, prompt, 30) for prompt in prompts]
    limits = [3 * (row + 1) for row in range(len(prompts))]
    written = decode_batch(model, prompts, limits, greedy(), torch.Generator())
    assert [answer.ids for answer in written] == [ids[:limit] for ids, limit in zip(expected, limits, strict=True)]


def test_a_stop_token_ends_the_row_and_is_left_out(tmp_path: Path) -> None:
    model = tiny(tmp_path, "llama")
    prompts = some_prompts(4)
    free = decode_batch(model, prompts, [20] * 4, greedy(), torch.Generator())
    stop = free[0].ids[5]
    written = decode_batch(model, prompts, [20] * 4, greedy({stop}), torch.Generator())
    for before, after in zip(free, written, strict=True):
        cut = before.ids.index(stop) if stop in before.ids else None
        assert after.ids == before.ids[:cut]
        assert after.finish_reason == ("length" if cut is None else "stop")
    assert written[0].finish_reason == "stop"


def test_a_limit_of_zero_writes_nothing(tmp_path: Path) -> None:
    model = tiny(tmp_path, "llama")
    written = decode_batch(model, some_prompts(2), [0, 4], greedy(), torch.Generator())
    assert [len(answer.ids) for answer in written] == [0, 4]
    assert decode_batch(model, [[5]], [0], greedy(), torch.Generator())[0].finish_reason == "length"


def test_a_state_space_model_goes_through_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=2, state_size=4, pad_token_id=1)
    mamba: Any = MambaForCausalLM
    model = mamba(config).eval()
    assert not keeps_plain_cache(model)
    prompt = [7, 8, 9]
    written = decode_batch(model, [prompt], [6], greedy(), torch.Generator())
    assert written[0].ids == by_transformers(model, prompt, 6)


def test_greedy_takes_the_most_likely_token() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [5.0, 1.0, 1.0]])
    assert choose_tokens(logits, greedy(), None).tolist() == [1, 0]


def test_samples_follow_temperature_and_nucleus() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = probabilities.log().expand(20_000, -1)
    random_numbers = torch.Generator().manual_seed(0)

    def frequencies(temperature: float, top_p: float) -> torch.Tensor:
        options = Decoding(temperature, top_p, frozenset(), 0)
        uniform = torch.rand(len(logits), generator=random_numbers)
        return choose_tokens(logits, options, uniform).bincount(minlength=4) / len(logits)

    # 0.02 is more than five standard deviations of a share over 20,000 draws.
    assert torch.allclose(frequencies(1.0, 1.0), probabilities, atol=0.02)
    squared = probabilities**2 / (probabilities**2).sum()
    assert torch.allclose(frequencies(0.5, 1.0), squared, atol=0.02)
    assert torch.allclose(frequencies(1.0, 0.79), torch.tensor([0.625, 0.375, 0, 0]), atol=0.02)
    assert frequencies(1.0, 0.79)[2:].sum() == 0
    assert frequencies(1.0, 0.01).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("family", ["llama", "gemma"])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_log_probabilities_are_those_of_one_forward_pass(tmp_path: Path, family: Family, temperature: float) -> None:
    model = tiny(tmp_path, family)
    prompts = some_prompts(5)
    free = decode_batch(model, prompts, [12] * 5, greedy(), torch.Generator())
    how = Decoding(temperature, 1.0, frozenset(one.ids[-1] for one in free[:2]), 1, logprobs=True)
    written = decode_batch(model, prompts, [12] * 5, how, torch.Generator().manual_seed(3))
    for prompt, one in zip(prompts, written, strict=True):
        answer = one.ids + ([one.stop_id] if one.stop_id is not None else [])
        assert one.logprobs is not None
        assert len(one.logprobs) == len(answer)
        logits_TV = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].float()
        logs_TV = torch.log_softmax(logits_TV / (temperature or 1.0), -1)
        expected = [float(logs_TV[place, token].detach()) for place, token in enumerate(answer)]
        assert one.logprobs == pytest.approx(expected, abs=1e-3)
