"""Slots: whoever comes in when, every row gets what it gets alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.config.model import ModelConfig
from burnish.generate.sampling import Decoded, Decoding, Request
from burnish.generate.slot_decoder import SlotDecoder, fits
from burnish.model.base import load_model
from tests.tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_model(make_tiny_model(tmp_path_factory.mktemp("llama")), ModelConfig(device="cpu")).model


def options(temperature: float, stop: frozenset[int] = frozenset()) -> Decoding:
    return Decoding(temperature=temperature, top_p=1.0, stop_ids=stop, pad_id=1)


def decoded(model: Any, requests: list[Request], how: Decoding, **limits: Any) -> list[Decoded]:
    found = {place: one for place, one, seconds in SlotDecoder(model, how, **limits).run(requests) if seconds > 0}
    assert len(found) == len(requests)
    return [found[place] for place in range(len(requests))]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    slots=st.integers(1, 7),
    budget=st.one_of(st.none(), st.integers(1, 200)),
    temperature=st.sampled_from([0.0, 1.0]),
)
def test_rows_are_independent_of_slots_and_neighbours(
    model: Any, seed: int, slots: int, budget: int | None, temperature: float
) -> None:
    draw = random.Random(seed)
    shared = [draw.randrange(5, 380) for _ in range(6)]
    requests = [
        Request(
            shared if draw.random() < 0.3 else [draw.randrange(5, 380) for _ in range(draw.randrange(1, 30))],
            draw.randrange(1, 25),
            draw.randrange(2**40),
        )
        for _ in range(12)
    ]
    how = options(temperature, frozenset(draw.sample(range(5, 380), 20)))
    alone = [decoded(model, [request], how, slots=1)[0] for request in requests]
    assert decoded(model, requests, how, slots=slots, budget=budget) == alone


def test_the_token_budget_bounds_running_rows_and_slots_are_refilled(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [Request([7] * (3 + n % 5), 4 + n % 9) for n in range(30)]
    decoder = SlotDecoder(model, options(0.0), slots=8, budget=60)
    steps = 0
    for _ in decoder.run(requests):
        steps += 1
        longest = max((len(row.request.prompt) + row.request.limit for row in decoder.rows), default=0)
        assert len(decoder.rows) * longest <= 60
        assert len(decoder.rows) <= 8
        assert decoder.length <= 60
    assert steps == 30
    freely = SlotDecoder(model, options(0.0), slots=8)
    forwards = 0
    real = type(model).forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal forwards
        forwards += kwargs["input_ids"].shape[1] == 1
        return real(self, *args, **kwargs)

    counted.__wrapped__ = real  # type: ignore[attr-defined]
    monkeypatch.setattr(type(model), "forward", counted)
    list(freely.run(requests))
    tokens = sum(request.limit for request in requests)
    assert forwards < 1.5 * tokens / 8  # in fixed batches of 8 sorted by prompt it is 4 times the longest answer


def test_sliding_window_models_do_not_fit_the_slot_decoder(tmp_path: Path, model: Any) -> None:
    assert fits(model)
    gemma = load_model(make_tiny_model(tmp_path, "gemma"), ModelConfig(device="cpu")).model
    assert not fits(gemma)


def test_equal_prompts_are_prefilled_once(model: Any) -> None:
    seen = []
    hook = model.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    with torch.inference_mode():
        list(SlotDecoder(model, options(1.0), slots=8).run([Request([9, 8, 7], 3, seed) for seed in range(8)]))
    hook.remove()
    assert seen[0] == (1, 3)
