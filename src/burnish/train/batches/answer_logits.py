"""Compute logits only where a token is trained.

The output layer of a model with a large vocabulary is a fifth of its work and most of its memory at the loss. Prompts
and padding need no logits: the hidden states of all other places are dropped just before the output layer. That happens
inside the model's own forward pass, so it holds for adapters on the output layer and for models spread over processes.

Shapes: B sequences, T tokens, N trained tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def logits_only_at(model: Any, places_BT: torch.Tensor) -> Iterator[None]:
    """In the body ``model(...)`` returns logits (N, V) of the marked places, in the order of ``tensor[places_BT]``.

    Args:
        model: a causal language model, or a PEFT model around one.
        places_BT: which places have logits; may lack columns of the input on the right, which then have none.
    """

    def keep(_module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden_BTD, *others = inputs
        return (hidden_BTD[:, : places_BT.shape[1]][places_BT], *others)

    handle = model.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield
    finally:
        handle.remove()
