"""Decode one batch: prompts in, new tokens out. A lean loop over the key-value cache, and transformers' own loop.

The lean loop calls the model directly and takes finished rows out of the batch. Step for step it costs what
``generate`` costs; with answers of different lengths it is 1.4 times as fast on one CPU thread
(`benchmarks/model_speed.py` prints the ratio). Models that do not keep a plain key-value cache (state-space models) go
through ``generate``.

Not covered: beam search, repetition penalties, speculative decoding.

Shapes: B rows still decoded, T tokens of the longest prompt, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import DynamicCache

COMPACT_SHARE = 0.875
"""Finished rows leave the batch once at most this share of its rows is alive; each removal copies the cache."""

Written = tuple[list[int], list[float] | None]
"""New tokens of a row, with their log-probabilities where they are kept."""


@dataclass(frozen=True)
class Decoding:
    """How to choose tokens and when to stop."""

    temperature: float
    top_p: float
    stop_ids: frozenset[int]
    pad_id: int
    logprobs: bool = False
    """Keep the log-probability of every token, at this temperature and over the whole vocabulary."""


@dataclass(frozen=True)
class Decoded:
    """What was written after one prompt; ``ids`` are without the stop token."""

    ids: list[int]
    finish_reason: Literal["stop", "length"]
    stop_id: int | None = None
    """The token that ended it."""
    logprobs: list[float] | None = None
    """Of ``ids``, and of the stop token where there is one; None where nobody asked, or transformers' loop wrote."""


def decode_batch(
    model: Any, prompts: Sequence[Sequence[int]], limits: Sequence[int], options: Decoding, generator: torch.Generator
) -> list[Decoded]:
    """Continue each prompt by at most its limit of tokens; a limit of 0 writes nothing.

    Args:
        model: a causal language model in evaluation mode.
        prompts: token ids, one or more per row.
        limits: most new tokens per row, the stop token included.
        options: sampling options and stop tokens.
        generator: random numbers on the model's device; unused when greedy.
    """
    rows = [row for row, limit in enumerate(limits) if limit > 0]
    decoded = [Decoded([], "length") for _ in prompts]
    if not rows:
        return decoded
    loop = _lean_loop if keeps_plain_cache(model) else _transformers_loop
    with torch.inference_mode():
        written = loop(model, [prompts[row] for row in rows], [limits[row] for row in rows], options, generator)
    for row, (ids, logprobs) in zip(rows, written, strict=True):
        decoded[row] = _cut(ids, logprobs, options.stop_ids)
    return decoded


def keeps_plain_cache(model: Any) -> bool:
    """Whether the model's state is a `DynamicCache` that rows can be taken out of."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(inner.forward).parameters
    return "past_key_values" in parameters and "attention_mask" in parameters and not inner._is_stateful


def _cut(ids: list[int], logprobs: list[float] | None, stop_ids: frozenset[int]) -> Decoded:
    for position, token in enumerate(ids):
        if token in stop_ids:
            return Decoded(ids[:position], "stop", token, logprobs)
    return Decoded(ids, "length", None, logprobs)


def left_padded(prompts: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Any, Any]:
    """Token ids and attention mask, both (B, T)."""
    longest = max(len(prompt) for prompt in prompts)
    ids_BT = torch.full((len(prompts), longest), pad_id, dtype=torch.long)
    mask_BT = torch.zeros((len(prompts), longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BT[row, longest - len(prompt) :] = torch.tensor(prompt, dtype=torch.long)
        mask_BT[row, longest - len(prompt) :] = 1
    return ids_BT.to(device), mask_BT.to(device)


def _lean_loop(
    model: Any,
    prompts: Sequence[Sequence[int]],
    limits: Sequence[int],
    options: Decoding,
    generator: torch.Generator,
) -> list[Written]:
    device = next(model.parameters()).device
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(inner.forward).parameters
    extra: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
    takes_positions = "position_ids" in parameters

    ids_BT, mask_BT = left_padded(prompts, options.pad_id, device)
    padded = not bool(mask_BT.all())
    position_B1 = mask_BT.sum(1, keepdim=True)
    positions = {"position_ids": (mask_BT.cumsum(1) - 1).clamp(min=0)} if takes_positions else {}
    cache = DynamicCache(config=inner.config.get_text_config(decoder=True))
    stop = torch.tensor(sorted(options.stop_ids), dtype=torch.long, device=device)
    limit_B = torch.tensor(limits, dtype=torch.long, device=device)
    done_B = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    rows = list(range(len(prompts)))
    written: list[list[int]] = [[] for _ in prompts]
    logprobs: list[list[float]] = [[] for _ in prompts]

    for step in range(1, max(limits) + 1):
        mask = {"attention_mask": mask_BT} if padded else {}
        output = model(input_ids=ids_BT, past_key_values=cache, use_cache=True, **mask, **positions, **extra)
        next_B = choose_tokens(output.logits[:, -1], options, generator)
        done_before = done_B.tolist()
        for row, token, over in zip(rows, next_B.tolist(), done_before, strict=True):
            if not over:
                written[row].append(token)
        if options.logprobs:
            chosen_B = token_logprobs(output.logits[:, -1], next_B, options.temperature)
            for row, logprob, over in zip(rows, chosen_B.tolist(), done_before, strict=True):
                if not over:
                    logprobs[row].append(logprob)
        done_B = done_B | torch.isin(next_B, stop) | (limit_B <= step)
        alive = [index for index, over in enumerate(done_B.tolist()) if not over]
        if not alive:
            break
        ids_BT = next_B[:, None]
        if padded:
            mask_BT = torch.cat([mask_BT, mask_BT.new_ones(len(rows), 1)], dim=1)
        if len(alive) <= COMPACT_SHARE * len(rows):
            keep = torch.tensor(alive, dtype=torch.long, device=device)
            cache.batch_select_indices(keep)
            rows = [rows[index] for index in alive]
            ids_BT, mask_BT, position_B1, limit_B, done_B = (
                tensor[keep] for tensor in (ids_BT, mask_BT, position_B1, limit_B, done_B)
            )
        positions = {"position_ids": position_B1} if takes_positions else {}
        position_B1 = position_B1 + 1
    return [(ids, logprobs[row] if options.logprobs else None) for row, ids in enumerate(written)]


def token_logprobs(logits_BV: torch.Tensor, tokens_B: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log-probabilities (B) of the tokens under the softmax at a temperature; greedy tokens count as sampled at 1."""
    scaled_BV = logits_BV.float() / (temperature or 1.0)
    return scaled_BV.log_softmax(-1).gather(1, tokens_B[:, None])[:, 0]


def choose_tokens(logits_BV: torch.Tensor, options: Decoding, generator: torch.Generator) -> torch.Tensor:
    """One token per row: the most likely one at temperature 0, else a draw from the nucleus of mass ``top_p``.

    Nucleus sampling keeps the smallest set of tokens whose probabilities reach ``top_p`` (Holtzman et al. 2020);
    the most likely token always stays.
    """
    if options.temperature == 0:
        return logits_BV.argmax(-1)
    probabilities_BV = torch.softmax(logits_BV.float() / options.temperature, -1)
    if options.top_p < 1:
        sorted_BV, order_BV = probabilities_BV.sort(-1, descending=True)
        outside_BV = sorted_BV.cumsum(-1) - sorted_BV >= options.top_p
        probabilities_BV = torch.zeros_like(probabilities_BV).scatter(
            -1, order_BV, sorted_BV.masked_fill(outside_BV, 0.0)
        )
    return torch.multinomial(probabilities_BV, 1, generator=generator)[:, 0]


def _transformers_loop(
    model: Any,
    prompts: Sequence[Sequence[int]],
    limits: Sequence[int],
    options: Decoding,
    generator: torch.Generator,
) -> list[Written]:
    """`generate` of transformers, which draws from torch's global generator: it is seeded here and put back."""
    device = next(model.parameters()).device
    ids_BT, mask_BT = left_padded(prompts, options.pad_id, device)
    sampling: dict[str, Any] = {"do_sample": False}
    if options.temperature > 0:
        sampling = {"do_sample": True, "temperature": options.temperature, "top_p": options.top_p, "top_k": 0}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator, device=device)))
        out_BT = model.generate(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            max_new_tokens=max(limits),
            eos_token_id=sorted(options.stop_ids) or None,
            pad_token_id=options.pad_id,
            **sampling,
        )
    new_BT = out_BT[:, ids_BT.shape[1] :].tolist()
    return [(ids[:limit], None) for ids, limit in zip(new_BT, limits, strict=True)]
