"""Log-likelihoods of texts after a prompt, against a sum over one row at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from burnish.config.model import ModelConfig
from burnish.generate import likelihood
from burnish.generate.likelihood import log_likelihoods
from burnish.model.base import load_model
from tests.tiny_models import Family, make_tiny_model


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_batched_likelihoods_equal_single_ones(tmp_path: Path, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_model(make_tiny_model(tmp_path, family), ModelConfig(device="cpu"))
    model: Any = loaded.model
    tokenizer: Any = loaded.tokenizer
    prompts = ["Write a Rust function that", "How are you?"]
    texts = [["sums", "returns the squares of the values", "x"], ["fine", "I am fine."]]
    expected = []
    for prompt, some in zip(prompts, texts, strict=True):
        head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        values = []
        for text in some:
            ids = head + tokenizer(text, add_special_tokens=False)["input_ids"]
            logs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].float(), -1)
            values.append(sum(float(logs[place - 1, ids[place]]) for place in range(len(head), len(ids))))
        expected.append(values)
    for longest in (16_384, 20):
        monkeypatch.setattr(likelihood, "LONGEST_TOKENS", longest)
        found = log_likelihoods(model, tokenizer, prompts, texts)
        assert [pytest.approx(values, abs=1e-4) for values in expected] == found


@pytest.mark.parametrize("learned", [True, False])
def test_texts_beyond_the_context_have_no_likelihood_and_change_no_others(tmp_path: Path, learned: bool) -> None:
    loaded = load_model(make_tiny_model(tmp_path), ModelConfig(device="cpu"))
    tokenizer: Any = loaded.tokenizer
    model: Any = loaded.model
    if learned:  # positions that an index runs out of
        config = GPT2Config(vocab_size=len(tokenizer), n_positions=16, n_embd=16, n_layer=1, n_head=2)
        learned_model: Any = GPT2LMHeadModel
        model = learned_model(config).eval()
    else:
        model.config.max_position_embeddings = 16
    short, long = "w", "w " * 14
    found = log_likelihoods(model, tokenizer, [short, long, short], [["a", "b"], ["a", "b " * 20], ["a", "b " * 20]])
    alone = log_likelihoods(model, tokenizer, [short], [["a", "b"]])
    assert found[1:] == [None, None]
    assert found[0] == pytest.approx(alone[0], abs=1e-5)
