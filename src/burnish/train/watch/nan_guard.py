"""Stop a training before a loss or gradient that is not finite changes the weights.

Not covered: which rows of the batch are guilty; supervised fine-tuning tries them one by one (`train.sft.trainer`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from burnish.errors import UserError
from burnish.fsio import write_json
from burnish.scale.processes import is_first, said_by_all


class StopsAtNoNumber:
    """Put before a trainer among the bases of a class, which says what of a batch is worth keeping."""

    bad_batch: Path
    """File for the batch that was no number."""
    step_batches: Sequence[Any] = ()

    def batch_of(self, inputs: dict[str, Any]) -> Any:
        """What to remember of a micro batch until the step is taken; may take out of ``inputs`` what the model does
        not know."""
        raise NotImplementedError

    def described(self, batch: Any) -> list[dict[str, Any]]:
        """The rows of a remembered micro batch as they are to be kept, each with an ``id``; a ``loss`` of its own is
        text when it is no number."""
        raise NotImplementedError

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """One micro batch; UserError naming its rows when the loss is NaN or infinite, in every process."""
        batch = self.batch_of(inputs)
        self.step_batches = [*self.step_batches, batch]
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        for bad in said_by_all(None if math.isfinite(loss.item()) else (loss.item(), [batch])):
            if bad is not None:
                self._stop("loss", *bad)
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        """The trainer's clipping; UserError before the step when the gradient is no number."""
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        batches, self.step_batches = self.step_batches, ()
        if not math.isfinite(float(norm)):
            self._stop("gradient", float(norm), [batch for share in said_by_all(batches) for batch in share])
        return norm

    def _stop(self, quantity: str, value: float, batches: Sequence[Any]) -> None:
        this: Any = self
        step = this.state.global_step + 1
        rows = [row for batch in batches for row in self.described(batch)]
        if is_first():
            write_json(self.bad_batch, {"step": step, quantity: str(value), "rows": rows})
        # A row whose own loss was no number is kept with that loss as text.
        named = [row for row in rows if isinstance(row.get("loss"), str)] or rows
        ids = ", ".join(str(row["id"]) for row in named[:8])
        more = f" and {len(named) - 8} more" * (len(named) > 8)
        raise UserError(
            f"the {quantity} became {value} in step {step}, on the rows {ids}{more}.",
            "Lower learning_rate or max_grad_norm, or remove these rows; earlier checkpoints are kept, and "
            f"{self.bad_batch} holds the batch.",
        )
