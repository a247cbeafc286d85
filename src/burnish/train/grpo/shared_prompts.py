"""Read each prompt once for all its completions, and compute logits of completion tokens alone.

Completions of one prompt stand behind it in one sequence. A completion sees the prompt and itself, at the positions it
would have alone, so its log-probabilities are those of prompt and completion as a row of their own, up to rounding.
TRL reads the prompt once per completion, and on a CPU computes logits of every prompt token and padding.

Not covered: attention other than ``sdpa``, which alone takes a mask of its own kind; sliding windows.

Shapes: B completions, T tokens of the longest row, K tokens of the longest completion, S sequences, L tokens of the
longest sequence, N completion tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

LINEAR_WORK = 12
"""Multiplications of a transformer layer per token and squared width, apart from attention."""


@dataclass(frozen=True)
class SharedPrompts:
    """Sequences of a prompt and completions of it."""

    input_ids_SL: torch.Tensor
    position_ids_SL: torch.Tensor
    mask_S1LL: torch.Tensor
    """Whether the token of a row sees that of a column."""
    places_SL: torch.Tensor
    """Tokens whose next one is a completion's."""
    next_ids_N: torch.Tensor
    """These next tokens, in the order of ``tensor[places_SL]``."""
    rows_N: torch.Tensor
    columns_N: torch.Tensor
    """Where they stand among the completions (B, K)."""


def shares_prompts(model: Any) -> bool:
    """Return whether a model's attention takes the mask of shared prompts."""
    config = model.config.get_text_config()
    return (
        config is model.config
        and config._attn_implementation == "sdpa"
        and getattr(config, "sliding_window", None) is None
    )


def share_prompts(input_ids_BT: torch.Tensor, attention_BT: torch.Tensor, kept: int, width: int) -> SharedPrompts:
    """Join completions of equal prompts where that is less work.

    Args:
        input_ids_BT: prompts, padded on the left, and completions, padded on the right.
        attention_BT: 0 for padding, and for completions that are not looked at.
        kept: columns of completions: K.
        width: width of the model, by which attention weighs against everything else.
    """
    prompts, completions = [], []
    for ids, seen in zip(input_ids_BT.tolist(), attention_BT.tolist(), strict=True):
        prompts.append(tuple(token for token, is_seen in zip(ids[:-kept], seen[:-kept], strict=True) if is_seen))
        completions.append([token for token, is_seen in zip(ids[-kept:], seen[-kept:], strict=True) if is_seen])
    shared = list(_by_prompt(prompts))
    alone = [[row] for rows in shared for row in rows]
    lengths = [len(ids) for ids in completions]
    groups = min((shared, alone), key=lambda groups: _work(groups, prompts, lengths, width))
    return _joined(groups, prompts, completions, input_ids_BT.device)


def _by_prompt(prompts: Sequence[tuple[int, ...]]) -> Iterator[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, prompt in enumerate(prompts):
        groups.setdefault(prompt, []).append(row)
    return iter(groups.values())


def _work(
    groups: Sequence[Sequence[int]], prompts: Sequence[tuple[int, ...]], lengths: Sequence[int], width: int
) -> int:
    """Return the work of a forward pass over sequences padded to the longest, in an arbitrary unit."""
    longest = max(len(prompts[rows[0]]) - 1 + sum(lengths[row] for row in rows) for rows in groups)
    return len(groups) * longest * (LINEAR_WORK * width + 2 * longest)


def _joined(
    groups: Sequence[Sequence[int]],
    prompts: Sequence[tuple[int, ...]],
    completions: Sequence[Sequence[int]],
    device: torch.device,
) -> SharedPrompts:
    longest = max(len(prompts[rows[0]]) - 1 + sum(len(completions[row]) for row in rows) for rows in groups)
    ids_SL, positions_SL, parts_SL = (torch.zeros(len(groups), max(longest, 1), dtype=torch.long) for _ in range(3))
    next_ids: list[int] = []
    rows_N: list[int] = []
    columns: list[int] = []
    for sequence, rows in enumerate(groups):
        *head, last = prompts[rows[0]]
        ids, positions, parts = list(head), list(range(len(head))), [1] * len(head)
        for part, row in enumerate(rows, 2):
            written = completions[row]
            # The last token of the prompt stands before each completion, whose own last token predicts nothing.
            ids += [last, *written][: len(written)]
            positions += range(len(head), len(head) + len(written))
            parts += [part] * len(written)
            next_ids += written
            rows_N += [row] * len(written)
            columns += range(len(written))
        for tensor, values in ((ids_SL, ids), (positions_SL, positions), (parts_SL, parts)):
            tensor[sequence, : len(values)] = torch.tensor(values, dtype=torch.long)
    return SharedPrompts(
        ids_SL.to(device),
        positions_SL.to(device),
        _sees(parts_SL.to(device)),
        (parts_SL > 1).to(device),
        *(torch.tensor(values, dtype=torch.long, device=device) for values in (next_ids, rows_N, columns)),
    )


def _sees(parts_SL: torch.Tensor) -> torch.Tensor:
    """Return the mask (S, 1, L, L) of parts: 0 padding, 1 the prompt, each completion a number of its own."""
    length = parts_SL.shape[1]
    of_prompt_S1L = parts_SL[:, None, :] == 1
    same_SLL = parts_SL[:, None, :] == parts_SL[:, :, None]
    earlier_LL = torch.ones(length, length, dtype=torch.bool, device=parts_SL.device).tril()
    mask_SLL = (of_prompt_S1L | same_SLL) & earlier_LL
    return mask_SLL[:, None]


def log_probabilities(model: Any, shared: SharedPrompts, kept: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities and entropies (B, K) of completions, 0 where there is no token.

    Args:
        model: with TRL's fused output layer, or a PEFT model around one.
        shared: of `share_prompts`.
        kept: K.
        rows: B.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    with _hidden_states_only_at(inner.base_model, shared.places_SL):
        outputs = model(
            input_ids=shared.input_ids_SL,
            attention_mask=shared.mask_S1LL,
            position_ids=shared.position_ids_SL,
            shift_labels=shared.next_ids_N[None],
            fused_lm_head=True,
        )
    placed = (shared.rows_N, shared.columns_N)
    logps_BK = outputs.log_probs.new_zeros(rows, kept).index_put(placed, outputs.log_probs[0])
    entropy = outputs.log_probs.new_zeros(1, len(placed[0])) if outputs.entropy is None else outputs.entropy
    return logps_BK, entropy.new_zeros(rows, kept).index_put(placed, entropy[0])


@contextmanager
def _hidden_states_only_at(backbone: Any, places_SL: torch.Tensor) -> Iterator[None]:
    def keep(_module: Any, _inputs: Any, outputs: Any) -> Any:
        outputs.last_hidden_state = outputs.last_hidden_state[places_SL][None]
        return outputs

    handle = backbone.register_forward_hook(keep)
    try:
        yield
    finally:
        handle.remove()
