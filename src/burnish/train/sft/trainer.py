"""The trainer of supervised fine-tuning: a weighted loss on labelled tokens, a row order of its own, an eye on NaN.

Not covered: what is trained, and from where it goes on (`train.sft.run`).

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

from burnish.errors import UserError
from burnish.fsio import write_json
from burnish.scale.processes import is_first, process_count, said_by_all
from burnish.train.batches.rows import IGNORED, EncodedRow, LengthGroupedSampler, collate
from burnish.train.batches.sharing import SharesRows
from burnish.train.watch.meter import Metered
from burnish.train.weights.deepspeed import DeepspeedTraining
from burnish.train.weights.sharded import ShardedTraining


class SftTrainer(SharesRows, Metered, ShardedTraining, DeepspeedTraining, Trainer):
    """The trainer; see the module.

    The loss of an optimiser step is the sum over its labelled tokens of weight times negative log-likelihood, divided
    by their number, however the step is cut into micro batches and shared out among processes.
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
        self.step_rows: list[int] = []
        self.model_accepts_loss_kwargs = True  # the trainer then hands over the token count of the whole step

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean weighted loss; see the class."""
        places = {key: inputs[key] for key in ("attention_mask", "position_ids") if key in inputs}
        outputs = model(input_ids=inputs["input_ids"], use_cache=False, **places)
        targets_BT = inputs["labels"][:, 1:]
        trained_BT = targets_BT != IGNORED
        logits_NV = outputs.logits[:, :-1][trained_BT].float()
        losses_N = cross_entropy(logits_NV, targets_BT[trained_BT], reduction="none")
        weights_N = inputs["weights"][:, 1:][trained_BT]
        tokens = len(losses_N) if num_items_in_batch is None else num_items_in_batch
        # The count is of all processes, and their gradients are averaged afterwards.
        loss = (weights_N * losses_N).sum() / tokens * process_count()
        return (loss, outputs) if return_outputs else loss

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """One micro batch; UserError naming its rows when the loss is NaN or infinite, in every process."""
        rows: list[int] = inputs.pop("rows").tolist()
        self.step_rows += rows
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        found = said_by_all(None if math.isfinite(loss.item()) else (loss.item(), rows))
        for bad in found:
            if bad is not None:
                self._stop("loss", *bad)
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        """The trainer's clipping; UserError before the step when the gradient is no number."""
        norm = super()._clip_grad_norm(model)
        rows, self.step_rows = self.step_rows, []
        if not math.isfinite(float(norm)):
            self._stop("gradient", float(norm), [row for share in said_by_all(rows) for row in share])
        return norm

    def _stop(self, what: str, value: float, rows: Sequence[int]) -> None:
        step = self.state.global_step + 1
        alone = self._losses_alone(rows)
        if is_first():
            write_json(self.bad_batch, {"step": step, what: str(value), "rows": [self._kept(*one) for one in alone]})
        guilty = [row for row, loss in alone if not math.isfinite(loss)] or list(rows)
        ids = ", ".join(self.rows[row].id for row in guilty[:8])
        more = f" and {len(guilty) - 8} more" if len(guilty) > 8 else ""
        raise UserError(
            f"the {what} became {value} in step {step}, on the rows {ids}{more}.",
            "Lower learning_rate or max_grad_norm, or take these rows out; earlier checkpoints are kept, and "
            f"{self.bad_batch} holds the batch.",
        )

    @torch.no_grad()
    def _losses_alone(self, rows: Sequence[int]) -> list[tuple[int, float]]:
        """The summed loss of each row, computed by itself, without dropout."""
        model: Any = self.model
        model.eval()
        found = []
        for row in rows:
            batch = collate(
                [((row, self.rows[row]),)], padding=self.tokenizer.pad_token_id or 0, mean_weight=1.0, packed=False
            )
            loss = self.compute_loss(model, self._prepare_inputs(batch), num_items_in_batch=1)
            found.append((row, float(loss) / process_count()))
        return found

    def _kept(self, row: int, loss: float) -> dict[str, Any]:
        it = self.rows[row]
        trained = [token for token, label in zip(it.input_ids, it.labels, strict=True) if label != IGNORED]
        return {
            "id": it.id,
            "loss": loss if math.isfinite(loss) else str(loss),
            "weight": it.weight,
            "text": self.tokenizer.decode(it.input_ids),
            "trained_text": self.tokenizer.decode(trained),
            "input_ids": list(it.input_ids),
            "labels": list(it.labels),
        }
