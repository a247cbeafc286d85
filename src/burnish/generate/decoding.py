"""Decode prompts in slots if the model supports it, otherwise in batches, or with transformers' loop.

Models with sliding windows are decoded in batches in the given order, and finished rows leave their batch. Models
without a key-value cache (state-space models) use ``generate`` of transformers. All three write
the same tokens for the same request, apart from rounding. `benchmarks/generate.py` compares their speed.

Not covered: beam search, repetition penalties, speculative decoding.

Shapes: B unfinished rows, T tokens of the longest prompt, V vocabulary, N tokens that may be written.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import DynamicCache, LogitsProcessor

from burnish.generate.sampling import (
    Decoded,
    Decoding,
    Request,
    choose_tokens,
    cut,
    is_over,
    token_logprobs,
    uniform_numbers,
)
from burnish.generate.slot_decoder import SlotDecoder, fits, left_padded

COMPACT_SHARE = 0.875
"""Finished rows leave the batch once at most this share of its rows is unfinished, since each removal copies
the cache."""

Written = tuple[list[int], list[float] | None]
"""New tokens of a row, with their log-probabilities when recorded."""


def decode_batch(
    model: Any, prompts: Sequence[Sequence[int]], limits: Sequence[int], options: Decoding, generator: torch.Generator
) -> list[Decoded]:
    """Continue each prompt by at most its limit of tokens, all at once; a limit of 0 writes nothing.

    Args:
        model: a causal language model in evaluation mode.
        prompts: token ids, one or more per row.
        limits: most new tokens per row, the stop token included.
        options: sampling options and stop tokens.
        generator: gives every row a seed of its own; unused when greedy.
    """
    requests = seeded_requests(prompts, limits, options, generator)
    decoded = [Decoded([], "length") for _ in prompts]
    for place, written, _ in decode(model, requests, options, slots=max(1, len(requests))):
        decoded[place] = written
    return decoded


def seeded_requests(
    prompts: Sequence[Sequence[int]], limits: Sequence[int], options: Decoding, generator: torch.Generator
) -> list[Request]:
    """Build one request per prompt, each with a seed from ``generator``, which stays unused when greedy."""
    seeds = [0] * len(prompts)
    if not options.greedy:
        seeds = torch.randint(2**62, (len(prompts),), generator=generator, device=generator.device).tolist()
    return [Request(*fields) for fields in zip(prompts, limits, seeds, strict=True)]


def decode(
    model: Any, requests: Sequence[Request], options: Decoding, *, slots: int, budget: int | None = None
) -> Iterator[tuple[int, Decoded, float]]:
    """Decode the requests in their order, many at a time, and yield them as they finish.

    Args:
        model: a causal language model in evaluation mode.
        slots: most rows at once.
        budget: most tokens of all rows being decoded, padding included; None for no limit.

    Yields the index of a request, its tokens, and the seconds since it was begun.
    """
    for place, request in enumerate(requests):
        if request.limit <= 0:
            yield place, Decoded([], "length"), 0.0
    places = [place for place, request in enumerate(requests) if request.limit > 0]
    in_order = [requests[place] for place in places]
    if keeps_plain_cache(model) and fits(model):
        for index, written, seconds in SlotDecoder(model, options, slots=slots, budget=budget).run(in_order):
            yield places[index], written, seconds
        return
    loop = _lean_loop if keeps_plain_cache(model) else _transformers_loop
    for first, batch in _batches(in_order, slots, budget):
        started = time.perf_counter()
        with torch.inference_mode():
            answered = loop(model, batch, options)
        seconds = time.perf_counter() - started
        for index, (ids, logprobs) in enumerate(answered, first):
            yield places[index], cut(ids, options, logprobs), seconds


def keeps_plain_cache(model: Any) -> bool:
    """Return whether the model's state is a `DynamicCache` from which rows can be removed."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(inner.forward).parameters
    return "past_key_values" in parameters and "attention_mask" in parameters and not inner._is_stateful


def _batches(requests: Sequence[Request], slots: int, budget: int | None) -> Iterator[tuple[int, list[Request]]]:
    """Yield each batch with the index of its first request."""
    first, longest = 0, 0
    for place, request in enumerate(requests):
        length = len(request.prompt) + request.limit
        rows = place - first + 1
        if place > first and (rows > slots or (budget is not None and rows * max(longest, length) > budget)):
            yield first, list(requests[first:place])
            first, longest = place, 0
        longest = max(longest, length)
    if first < len(requests):
        yield first, list(requests[first:])


def _numbers(requests: Sequence[Request], options: Decoding, device: torch.device) -> torch.Tensor | None:
    """Return the random numbers of all rows, (B, N); None when greedy."""
    if options.greedy:
        return None
    uniform_BN = torch.zeros(len(requests), max(request.limit for request in requests))
    for row, request in enumerate(requests):
        uniform_BN[row, : request.limit] = uniform_numbers(request)
    return uniform_BN.to(device)


def _lean_loop(model: Any, requests: Sequence[Request], options: Decoding) -> list[Written]:
    device = next(model.parameters()).device
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(inner.forward).parameters
    extra: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
    takes_positions = "position_ids" in parameters

    ids_BT, mask_BT = left_padded([request.prompt for request in requests], options.pad_id, device)
    padded = not bool(mask_BT.all())
    # Prompts are left-padded, so positions count real tokens only: the first real token is at 0.
    position_B1 = mask_BT.sum(1, keepdim=True)
    positions = {"position_ids": (mask_BT.cumsum(1) - 1).clamp(min=0)} if takes_positions else {}
    cache = DynamicCache(config=inner.config.get_text_config(decoder=True))
    uniform_BN = _numbers(requests, options, device)
    rows = list(range(len(requests)))
    written: list[list[int]] = [[] for _ in requests]
    logprobs: list[list[float]] = [[] for _ in requests]
    over = [False] * len(requests)

    for step in range(max(request.limit for request in requests)):
        # Without padding every mask entry would be 1, which attention does without a mask too.
        mask = {"attention_mask": mask_BT} if padded else {}
        output = model(input_ids=ids_BT, past_key_values=cache, use_cache=True, **mask, **positions, **extra)
        next_B = choose_tokens(output.logits[:, -1], options, None if uniform_BN is None else uniform_BN[:, step])
        if options.logprobs:
            chosen_B = token_logprobs(output.logits[:, -1], next_B, options.temperature)
            for row, logprob in zip(rows, chosen_B.tolist(), strict=True):
                if not over[row]:
                    logprobs[row].append(logprob)
        # Finished rows are still computed until the batch is compacted; their further tokens are dropped.
        for row, token in zip(rows, next_B.tolist(), strict=True):
            if not over[row]:
                written[row].append(token)
                over[row] = is_over(written[row], requests[row], options)
        alive = [index for index, row in enumerate(rows) if not over[row]]
        if not alive:
            break
        ids_BT = next_B[:, None]
        if padded:
            mask_BT = torch.cat([mask_BT, mask_BT.new_ones(len(rows), 1)], dim=1)
        # `rows` maps the batch index B to the request; every tensor with a batch dimension is compacted with it.
        if len(alive) <= COMPACT_SHARE * len(rows):
            keep = torch.tensor(alive, dtype=torch.long, device=device)
            cache.batch_select_indices(keep)
            rows = [rows[index] for index in alive]
            ids_BT, mask_BT, position_B1 = (tensor[keep] for tensor in (ids_BT, mask_BT, position_B1))
            uniform_BN = None if uniform_BN is None else uniform_BN[keep]
        positions = {"position_ids": position_B1} if takes_positions else {}
        position_B1 = position_B1 + 1
    return [(ids, logprobs[row] if options.logprobs else None) for row, ids in enumerate(written)]


class _Chosen(LogitsProcessor):
    """Make ``generate`` take exactly the tokens of `choose_tokens`: all others get the probability 0."""

    def __init__(self, choose: Callable[[torch.Tensor, int], torch.Tensor], prompt: int) -> None:
        self.choose, self.prompt = choose, prompt

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        chosen_B = self.choose(scores, input_ids.shape[1] - self.prompt)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen_B[:, None], 0.0)


def _transformers_loop(model: Any, requests: Sequence[Request], options: Decoding) -> list[Written]:
    """Decode with `generate` of transformers, until the longest row ends."""
    device = next(model.parameters()).device
    ids_BT, mask_BT = left_padded([request.prompt for request in requests], options.pad_id, device)
    uniform_BN = _numbers(requests, options, device)

    def choose(logits_BV: torch.Tensor, step: int) -> torch.Tensor:
        return choose_tokens(logits_BV, options, None if uniform_BN is None else uniform_BN[:, step])

    out_BT = model.generate(
        input_ids=ids_BT,
        attention_mask=mask_BT,
        max_new_tokens=max(request.limit for request in requests),
        eos_token_id=sorted(options.stop_ids) or None,
        pad_token_id=options.pad_id,
        do_sample=False,
        logits_processor=[_Chosen(choose, ids_BT.shape[1])],
    )
    new_BT = out_BT[:, ids_BT.shape[1] :].tolist()
    pairs = zip(new_BT, requests, strict=True)
    return [(_until_over(ids[: request.limit], request, options), None) for ids, request in pairs]


def _until_over(ids: list[int], request: Request, options: Decoding) -> list[int]:
    """Cut a row behind its end."""
    end = next((end for end in range(1, len(ids) + 1) if is_over(ids[:end], request, options)), len(ids))
    return ids[:end]
