"""Prove before training that rows in one sequence do not see each other: packed and alone, a row has the same loss.

An attention backend that ignores restarting positions lets a row attend to the rows before it, without any error: the
model would learn from false contexts. So a few real sequences are computed both ways, in the precision of training.

Not covered: gradients (they follow from the same graph). State-space layers that ignore positions fail the proof.
Shapes: B sequences, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from burnish.errors import GateError
from burnish.train.batches.rows import IGNORED, RowGroup, SequenceDataset, collate
from burnish.wording import counted

TOLERANCE = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 2e-2}
"""Largest mean, over rows, of the relative difference of a row's summed loss. bfloat16 keeps 8 bits: kernels that add
in another order differ by 0.8 % in the mean and by up to 2 % in a short row (SmolLM2-135M, 24 rows); context that leaks
by 17 % in the mean. Rows that begin a sequence are not counted."""
SEQUENCES = 4
"""Sequences to compare, those with the most rows."""


@dataclass(frozen=True)
class PackingProof:
    """Result of the comparison."""

    sequences: int
    rows: int
    mean_difference: float
    """Relative, over the rows' losses."""
    backend: str
    tolerance: float

    def __str__(self) -> str:
        return (
            f"{counted(self.rows, 'row')} packed into {counted(self.sequences, 'sequence')} have the losses they have "
            f"alone ({self.backend} attention, mean relative difference {self.mean_difference:.1e}, "
            f"{self.tolerance:g} is allowed)"
        )


def prove_packing(model: Any, dataset: SequenceDataset, *, padding: int) -> PackingProof:
    """Compare the losses of the fullest sequences with those of their rows alone.

    Args:
        model: causal language model on its device; its mode is kept.
        dataset: the training sequences.
        padding: id that fills sequences.

    Raises:
        GateError: the rows' losses differ by more than `TOLERANCE`.
    """
    dtype = next(model.parameters()).dtype
    tolerance = TOLERANCE.get(dtype, max(TOLERANCE.values()))
    backend = str(getattr(model.config, "_attn_implementation", None) or "the model's own")
    fullest = sorted(range(len(dataset)), key=lambda index: -len(dataset.packs[index]))[:SEQUENCES]
    groups = [dataset[index] for index in fullest if len(dataset.packs[index]) > 1]
    rows = [row for group in groups for row in group]
    training = model.training
    model.eval()
    try:
        packed = _losses(model, groups, padding=padding, packed=True)
        alone = _losses(model, [(row,) for row in rows], padding=padding, packed=False)
    finally:
        model.train(training)
    # The first row of a sequence has none before it, and a row without labels no loss: neither can differ.
    places = [place for place in _behind_others(groups) if any(label != IGNORED for label in rows[place][1].labels[1:])]
    differences = {place: abs(packed[place] - alone[place]) / max(abs(alone[place]), 1e-9) for place in places}
    mean = sum(differences.values()) / len(differences) if differences else 0.0
    if not mean <= tolerance:  # NaN, too
        place = max(differences, key=lambda place: (math.isnan(differences[place]), differences[place]))
        raise GateError(
            f"packed rows attend to each other: with {backend} attention the loss of row {rows[place][1].id} is "
            f"{packed[place]:.6g} in a packed sequence and {alone[place]:.6g} alone, and rows differ by {mean:.1e} of "
            f"theirs in the mean; {tolerance:g} is allowed.",
            "Set packing to false in the stage, or load the model with an attention backend that keeps packed rows "
            "apart (sdpa).",
        )
    return PackingProof(len(groups), len(rows), mean, backend, tolerance)


def _behind_others(groups: list[RowGroup]) -> Iterator[int]:
    """Yield the places, among the rows of all groups, of those with a row before them in their sequence."""
    start = 0
    for group in groups:
        yield from range(start + 1, start + len(group))
        start += len(group)


def _losses(model: Any, groups: list[RowGroup], *, padding: int, packed: bool) -> list[float]:
    """Return the summed loss of each row over its labels, in the order of the groups."""
    losses: list[float] = []
    device = next(model.parameters()).device
    for group in groups:
        batch = collate([group], padding=padding, mean_weight=1.0, packed=packed)
        places = {key: batch[key].to(device) for key in ("attention_mask", "position_ids") if key in batch}
        with torch.inference_mode():
            logits_BTV = model(input_ids=batch["input_ids"].to(device), use_cache=False, **places).logits
        targets_T = batch["labels"][0, 1:].to(device)
        losses_T = cross_entropy(logits_BTV[0, :-1].float(), targets_T, reduction="none", ignore_index=IGNORED)
        start = 0
        for _, row in group:
            end = start + len(row.input_ids)
            # the loss at place t predicts token t + 1
            losses.append(losses_T[start : end - 1].double().sum().item())
            start = end
    return losses
