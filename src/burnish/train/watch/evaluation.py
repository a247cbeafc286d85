"""Evaluate while training: when, the consequences, and the loss on held-out rows.

Every evaluation is a line of ``evaluations.jsonl`` in the stage's folder. Early stopping and the best checkpoint depend
on those lines alone, so that a resumed training decides like an uninterrupted one; lines of steps after the resumed
checkpoint are dropped and written again. The last step is evaluated too.

Completions are measured by functions of the workflow, the same as in `burnish evaluate`: teacher forcing never replaces
generation. Not covered: several processes with sharded weights.

Shapes: B rows, T tokens, N labelled tokens, V vocabulary.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import TrainerControl, TrainerState, TrainingArguments

from burnish.config.stages.training_evaluation import EarlyStopping, TrainingEvaluation, TrainingMetric
from burnish.fsio import append_lines, write_atomic
from burnish.records.files import read_rows
from burnish.records.layout import EVALUATION_HISTORY
from burnish.scale.processes import of_first
from burnish.train.batches.answer_logits import logits_only_at
from burnish.train.batches.rows import IGNORED, EncodedRow, collate
from burnish.train.watch.training_log import EVALUATED, MeterUser

logger = logging.getLogger(__name__)

Evaluator = Callable[[Any, int], Mapping[str, float]]
"""Measures a model in evaluation mode at a step; returns names and finite values."""
Evaluations = Sequence[tuple[int, Mapping[str, float]]]
"""Steps and values, ordered by step."""


def improvement(metric: TrainingMetric, before: float, now: float) -> float:
    """Return how much better ``now`` is; negative when worse."""
    return before - now if metric == "loss" else now - before


def best_step(evaluations: Evaluations, metric: TrainingMetric) -> int | None:
    """Return the step of the best value, the earliest of equals; None when there is none."""
    best: tuple[int, float] | None = None
    for step, values in evaluations:
        if metric in values and (best is None or improvement(metric, best[1], values[metric]) > 0):
            best = (step, values[metric])
    return best[0] if best is not None else None


def stops(evaluations: Evaluations, rule: EarlyStopping) -> bool:
    """Return whether no metric of the rule improved on its best in the last ``patience`` evaluations."""
    return all(_evaluations_without_progress(evaluations, metric, rule) >= rule.patience for metric in rule.metrics)


def _evaluations_without_progress(evaluations: Evaluations, metric: TrainingMetric, rule: EarlyStopping) -> int:
    best: float | None = None
    waited = 0
    for _, values in evaluations:
        if metric in values and (best is None or improvement(metric, best, values[metric]) > rule.min_delta):
            best, waited = values[metric], 0
        else:
            waited += 1
    return waited


class PeriodicEvaluation(MeterUser):
    """Evaluate every so many steps, keep the best checkpoint, and stop early by the configured rule.

    Args:
        config: when to evaluate, and the rules of stopping and of the best checkpoint.
        evaluators: measurements; their names must differ.
        folder: folder of the stage, with `EVALUATION_HISTORY` and ``checkpoints``.
    """

    def __init__(self, config: TrainingEvaluation, evaluators: Sequence[Evaluator], folder: Path) -> None:
        self.config = config
        self.evaluators = evaluators
        self.folder = folder
        self.latest: Mapping[str, float] = {}

    @property
    def history(self) -> list[tuple[int, dict[str, float]]]:
        """Return the evaluations so far."""
        path = self.folder / EVALUATION_HISTORY
        rows = list(read_rows(path))
        return [(row["step"], row["values"]) for row in rows]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Drop evaluations after the checkpoint; end at once when the training had stopped early there."""
        if state.is_world_process_zero:
            kept = [row for row in self.history if row[0] <= state.global_step]
            write_atomic(self.folder / EVALUATION_HISTORY, "".join(_line(step, values) + "\n" for step, values in kept))
        if of_first(self._stopped()):
            control.should_training_stop = True
        return control

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> TrainerControl:
        """Evaluate when it is time; ask for a row of the log, and for a checkpoint of the best step."""
        step = state.global_step
        if step % self.config.every and step < state.max_steps:
            return control
        if state.is_world_process_zero:
            with self.meter.phase("evaluation") if self.meter is not None else nullcontext():
                self.latest = self._evaluate(model, step)
            append_lines(self.folder / EVALUATION_HISTORY, [_line(step, self.latest)])
        control.should_log = True
        best = of_first(self._best())
        if best == step:
            state.best_global_step = step  # the trainer's rotation of checkpoints keeps this one
            control.should_save = True
        if of_first(self._stopped()):
            logger.info("no further progress by step %d: training stops early", step)
            control.should_training_stop = control.should_save = True
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add this step's evaluation to the row."""
        if logs is not None and "loss" in logs:
            logs |= {EVALUATED + name: value for name, value in self.latest.items()}
            self.latest = {}

    def best_checkpoint(self) -> Path | None:
        """Return the checkpoint that becomes the result; None when the last step does."""
        step = self._best()
        return self.folder / "checkpoints" / f"checkpoint-{step}" if step is not None else None

    def _evaluate(self, model: Any, step: int) -> dict[str, float]:
        values: dict[str, float] = {}
        with evaluating(model):
            for evaluate in self.evaluators:
                measured = evaluate(model, step)
                values |= {name: float(value) for name, value in measured.items()}
        return values

    def _best(self) -> int | None:
        return None if self.config.best is None else best_step(self.history, self.config.best)

    def _stopped(self) -> bool:
        rule = self.config.early_stopping
        return rule is not None and stops(self.history, rule)


class HeldOutLoss:
    """Evaluator of the mean negative log-likelihood over labelled tokens, unweighted and unpacked: ``{"loss":
    ...}``."""

    def __init__(self, rows: Sequence[EncodedRow], *, padding: int, micro_batch: int) -> None:
        self.rows = sorted(enumerate(rows), key=lambda pair: len(pair[1].input_ids))
        self.padding = padding
        self.micro_batch = micro_batch

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        """Measure all rows, in batches of similar length."""
        device = next(model.parameters()).device
        total, tokens = 0.0, 0
        for start in range(0, len(self.rows), self.micro_batch):
            rows = [(pair,) for pair in self.rows[start : start + self.micro_batch]]
            batch = collate(rows, padding=self.padding, mean_weight=1.0, packed=False)
            ids_BT, mask_BT = batch["input_ids"].to(device), batch["attention_mask"].to(device)
            targets_BT = batch["labels"][:, 1:].to(device)
            trained_BT = targets_BT != IGNORED
            with logits_only_at(model, trained_BT):
                logits_NV = model(input_ids=ids_BT, attention_mask=mask_BT, use_cache=False).logits
            losses_N = cross_entropy(logits_NV.float(), targets_BT[trained_BT], reduction="none")
            total += float(losses_N.double().sum())
            tokens += len(losses_N)
        return {"loss": total / tokens}


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Set evaluation mode without gradients for the body, then restore modes, casts and random generators."""
    uncast: list[Any] = [module for module in model.modules() if not getattr(module, "cast_input_dtype_enabled", True)]
    training = [module for module in model.modules() if module.training]
    on_cpu = torch.random.get_rng_state()
    on_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    model.eval()
    for module in uncast:
        module.cast_input_dtype_enabled = True  # a generation may run outside of autocast
    try:
        with torch.no_grad():
            yield
    finally:
        for module in uncast:
            module.cast_input_dtype_enabled = False
        for module in training:
            module.training = True
        torch.random.set_rng_state(on_cpu)
        if on_devices:
            torch.cuda.set_rng_state_all(on_devices)


def _line(step: int, values: Mapping[str, float]) -> str:
    return json.dumps({"step": step, "values": dict(values)})
