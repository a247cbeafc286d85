"""Compute how likely a causal language model finds given texts after a prompt, for multiple choice.

The sum of natural log-probabilities of a text's tokens, as lm-evaluation-harness's ``loglikelihood``. Not covered:
choosing among the texts (`score.metrics.multiple_choice`).

Shapes: B texts at once, T tokens of the longest prompt with its text, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from burnish.generate.slot_decoder import left_padded
from burnish.model.context import context_length

_Piece = tuple[int, int, list[int], list[int]]
"""Index of the prompt, index of the text, and the tokens of both."""
LONGEST_TOKENS = 16_384
"""Most tokens in one forward pass, padding included."""


def log_likelihoods(
    model: Any, tokenizer: Any, prompts: Sequence[str], texts: Sequence[Sequence[str]]
) -> list[list[float] | None]:
    """Return the log-likelihood of each prompt's texts; None where one of them exceeds the context.

    Args:
        model: causal language model in evaluation mode.
        tokenizer: the model's; prompts and texts are encoded apart, without special tokens.
        prompts: as rendered, up to where the answer begins.
        texts: for each prompt the texts to score; none is empty.
    """
    pieces: list[_Piece] = []
    context = context_length(model)
    totals: list[list[float] | None] = [[0.0] * len(some) for some in texts]
    for place, (prompt, some) in enumerate(zip(prompts, texts, strict=True)):
        head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        tails = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in some]
        if context is not None and len(head) + max(map(len, tails), default=0) > context:
            totals[place] = None
            continue
        pieces += [(place, number, head, tail) for number, tail in enumerate(tails)]
    pieces.sort(key=lambda piece: len(piece[2]) + len(piece[3]))
    start = 0
    while start < len(pieces):
        end = start + 1
        while end < len(pieces) and (end + 1 - start) * (len(pieces[end][2]) + len(pieces[end][3])) <= LONGEST_TOKENS:
            end += 1
        batch = pieces[start:end]
        for (place, number, _, _), value in zip(batch, _sums(model, tokenizer, batch), strict=True):
            values = totals[place]
            if values is not None:
                values[number] = value
        start = end
    return totals


def _sums(model: Any, tokenizer: Any, batch: Sequence[_Piece]) -> list[float]:
    device = next(model.parameters()).device
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(inner.forward).parameters
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    ids_BT, mask_BT = left_padded([head + tail for _, _, head, tail in batch], pad, device)
    longest = max(len(tail) for *_, tail in batch)
    keep: dict[str, Any] = {"logits_to_keep": longest + 1} if "logits_to_keep" in parameters else {}
    if "position_ids" in parameters:
        keep["position_ids"] = (mask_BT.cumsum(1) - 1).clamp(min=0)
    with torch.inference_mode():
        logits_BKV = model(input_ids=ids_BT, attention_mask=mask_BT, use_cache=False, **keep).logits[
            :, -longest - 1 : -1
        ]
        logs_BK = torch.log_softmax(logits_BKV.float(), -1).gather(-1, ids_BT[:, -longest:, None])[..., 0]
    return [float(row_K[longest - len(tail) :].sum()) for row_K, (*_, tail) in zip(logs_BK, batch, strict=True)]
