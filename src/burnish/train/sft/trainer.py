"""Define the trainer of supervised fine-tuning: weighted loss on labelled tokens, own row order, guard against NaN.

Not covered: the weights that are trained, and where training continues (`train.sft.run`).

Shapes: B sequences, T tokens, N labelled tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer

from burnish.scale.processes import process_count
from burnish.train.batches.answer_logits import logits_only_at
from burnish.train.batches.rows import IGNORED, EncodedRow, LengthGroupedSampler, collate
from burnish.train.batches.sharing import SharesRows
from burnish.train.watch.meter import Metered
from burnish.train.watch.nan_guard import StopsAtNoNumber
from burnish.train.weights.deepspeed import DeepspeedTraining
from burnish.train.weights.sharded import ShardedTraining


class SftTrainer(SharesRows, Metered, StopsAtNoNumber, ShardedTraining, DeepspeedTraining, Trainer):
    """Trainer of supervised fine-tuning; see the module.

    The loss of an optimiser step is the sum over its labelled tokens of weight times negative log-likelihood, divided
    by their number, for any split of the step into micro batches and processes.
    """

    def __init__(
        self,
        *,
        rows: Sequence[EncodedRow],
        order: LengthGroupedSampler,
        tokenizer: Any,
        bad_batch: Path,
        **trainer: Any,
    ) -> None:
        super().__init__(**trainer)
        self.rows = rows
        self.order = order
        self.tokenizer = tokenizer
        self.bad_batch = bad_batch
        self.model_accepts_loss_kwargs = True  # makes the trainer pass the token count of the whole step

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the mean weighted loss; see the class."""
        places = {key: inputs[key] for key in ("attention_mask", "position_ids") if key in inputs}
        # Position t predicts token t + 1. Only labelled positions get logits: N instead of B * T rows of V.
        targets_BT = inputs["labels"][:, 1:]
        trained_BT = targets_BT != IGNORED
        with logits_only_at(self.accelerator.unwrap_model(model), trained_BT):
            outputs = model(input_ids=inputs["input_ids"], use_cache=False, **places)
        losses_N = cross_entropy(outputs.logits.float(), targets_BT[trained_BT], reduction="none")
        weights_N = inputs["weights"][:, 1:][trained_BT]
        tokens = len(losses_N) if num_items_in_batch is None else num_items_in_batch
        # `tokens` counts the labelled tokens of the whole step in all processes. Gradients are averaged over the
        # processes afterwards, so each share is multiplied by their number.
        loss = (weights_N * losses_N).sum() / tokens * process_count()
        return (loss, outputs) if return_outputs else loss

    def batch_of(self, inputs: dict[str, Any]) -> list[int]:
        """Return the row numbers."""
        rows: list[int] = inputs.pop("rows").tolist()
        return rows

    def described(self, batch: list[int]) -> list[dict[str, Any]]:
        """Return rows with their text and the loss of each alone."""
        return [self._kept(row, loss) for row, loss in self._losses_alone(batch)]

    @torch.no_grad()
    def _losses_alone(self, rows: Sequence[int]) -> list[tuple[int, float]]:
        """Return the summed loss of each row, computed alone and without dropout."""
        model: Any = self.model
        model.eval()
        losses = []
        for row in rows:
            batch = collate(
                [((row, self.rows[row]),)], padding=self.tokenizer.pad_token_id or 0, mean_weight=1.0, packed=False
            )
            loss = self.compute_loss(model, self._prepare_inputs(batch), num_items_in_batch=1)
            losses.append((row, float(loss) / process_count()))
        return losses

    def _kept(self, row: int, loss: float) -> dict[str, Any]:
        kept = self.rows[row]
        trained = [token for token, label in zip(kept.input_ids, kept.labels, strict=True) if label != IGNORED]
        return {
            "id": kept.id,
            "loss": loss if math.isfinite(loss) else str(loss),
            "weight": kept.weight,
            "text": self.tokenizer.decode(kept.input_ids),
            "trained_text": self.tokenizer.decode(trained),
            "input_ids": list(kept.input_ids),
            "labels": list(kept.labels),
        }
