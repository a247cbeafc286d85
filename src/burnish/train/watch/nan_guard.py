"""Stop a training before a loss or gradient that is not finite changes the weights.

Not covered: which rows of the batch are the cause; supervised fine-tuning tries them one by one (`train.sft.trainer`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from burnish.errors import UserError
from burnish.fsio import write_json
from burnish.scale.processes import gather_values, is_first


class StopsAtNoNumber:
    """Mixin of a trainer that stops at a loss or gradient that is not finite."""

    bad_batch: Path
    """File for the batch whose loss or gradient is not finite."""
    step_batches: Sequence[Any] = ()

    def batch_of(self, inputs: dict[str, Any]) -> Any:
        """Return what identifies a micro batch until its step; may remove from ``inputs`` what the model does not
        take."""
        raise NotImplementedError

    def described(self, batch: Any) -> list[dict[str, Any]]:
        """Describe the rows of a micro batch, each with an ``id``; a ``loss`` that is not finite is text."""
        raise NotImplementedError

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Run one micro batch; raise UserError naming its rows in every process when the loss is not finite."""
        batch = self.batch_of(inputs)
        self.step_batches = [*self.step_batches, batch]
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        for bad in gather_values(None if math.isfinite(loss.item()) else (loss.item(), [batch])):
            if bad is not None:
                self._stop("loss", *bad)
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip as the trainer does; raise UserError before the step when the gradient is not finite."""
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        batches, self.step_batches = self.step_batches, ()
        if not math.isfinite(float(norm)):
            self._stop("gradient", float(norm), [batch for share in gather_values(batches) for batch in share])
        return norm

    def _stop(self, quantity: str, value: float, batches: Sequence[Any]) -> None:
        this: Any = self
        step = this.state.global_step + 1
        rows = [row for batch in batches for row in self.described(batch)]
        if is_first():
            write_json(self.bad_batch, {"step": step, quantity: str(value), "rows": rows})
        # JSON has no NaN: a row's loss that is not finite is stored as text.
        named = [row for row in rows if isinstance(row.get("loss"), str)] or rows
        ids = ", ".join(str(row["id"]) for row in named[:8])
        more = f" and {len(named) - 8} more" * (len(named) > 8)
        raise UserError(
            f"the {quantity} became {value} in step {step}, on the rows {ids}{more}.",
            "Lower learning_rate or max_grad_norm, or remove these rows; earlier checkpoints are kept, and "
            f"{self.bad_batch} holds the batch.",
        )
