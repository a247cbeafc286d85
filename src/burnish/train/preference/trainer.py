"""Run TRL's DPO and KTO trainers on encoded rows, with our row order, shares of processes, and a guard against NaN.

The loss of an optimiser step is the mean over its rows, for any split into micro batches and processes: every process
takes micro batches that a single one would take, weighted by their rows. TRL would average over micro batches, and
gather the values behind its metrics and KTO's KL term; here the KL term is that of a micro batch, and the metrics are
means over the rows of all processes.

Not covered: the weights that are trained, and where training continues (`train.preference.run`).

Shapes: B answers (of pairs first all chosen, then all rejected), T tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_trainer import KTOTrainer

from burnish.scale.processes import gather_values, process_count
from burnish.train.batches.rows import IGNORED, EncodedRow, LengthGroupedSampler
from burnish.train.batches.sharing import BLANK, SharesRows
from burnish.train.watch.meter import Metered
from burnish.train.watch.nan_guard import StopsAtNoNumber
from burnish.train.weights.reference import NoTrlExtras

ROW = "row"


class JudgedAnswers(Protocol):
    """Training row, such as `data.encode.preferences.EncodedJudgement`."""

    @property
    def id(self) -> str:
        """Return the name of the row in messages."""
        ...

    @property
    def answers(self) -> Sequence[EncodedRow]:
        """Return chosen and rejected, or a single answer; labels cover only the answer."""
        ...

    @property
    def good(self) -> bool:
        """Return whether a single answer is a good one."""
        ...


class Means:
    """Weighted means by name."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, values: Mapping[str, float], weights: Mapping[str, float]) -> None:
        """Add values, each the mean over a number of rows."""
        for name, value in values.items():
            total, weight = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = (total + value * weights[name], weight + weights[name])

    def here(self) -> dict[str, float]:
        """Return the means in this process."""
        return self._of([self._sums])

    def of_all(self) -> dict[str, float]:
        """Return the means over all processes, and reset."""
        shares, self._sums = gather_values(self._sums), {}
        return self._of(shares)

    @staticmethod
    def _of(shares: Sequence[Mapping[str, tuple[float, float]]]) -> dict[str, float]:
        means = {}
        for name in sorted({name for share in shares for name in share}):
            parts = [share[name] for share in shares if name in share]
            weight = sum(weight for _, weight in parts)
            if weight:
                means[name] = sum(total for total, _ in parts) / weight
        return means


class EncodedRowsMixin(SharesRows, Metered, StopsAtNoNumber, NoTrlExtras):
    """Mixin of both trainers; see the module."""

    rows: Sequence[JudgedAnswers]
    order: LengthGroupedSampler
    taken: Sequence[int] = ()
    """Row numbers of the current micro batch."""
    share: float = 1.0
    """Weight of a row of the current step, in micro batches of one process."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset  # the data set holds row numbers; the collator looks up the tokens

    def shared_dataset(self) -> Any:
        return _Numbers(len(self.rows))

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> Any:
        """Return the micro batches of a step, and compute the weight of each of their rows."""
        this: Any = super()
        batches, items = this.get_batch_samples(epoch_iterator, num_batches, device)
        rows = sum(gather_values(sum(len(batch["rows"]) for batch in batches)))
        # The loss of a step is Σ over its rows / rows. The trainer divides by the micro batches of a process and
        # averages gradients over the processes: multiply by both, so that each row weighs 1 / rows.
        self.share = len(batches) * process_count() / max(rows, 1)
        return batches, items

    def batch_of(self, inputs: dict[str, Any]) -> list[int]:
        """Return the row numbers."""
        numbers: list[int] = inputs.pop("rows").tolist()
        self.taken = numbers
        return numbers

    def described(self, batch: list[int]) -> list[dict[str, Any]]:
        """Return rows with the text of each answer after its prompt, as the model saw it."""
        decode = self.processing_class.decode  # type: ignore[attr-defined]
        rows = [self.rows[number] for number in batch]
        return [{"id": row.id, "good": row.good, "texts": [decode(it.input_ids) for it in row.answers]} for row in rows]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return TRL's loss of the micro batch, weighted by its rows."""
        loss, values = self.judged(model, inputs)
        self.means.add(values, self.weights(values, [self.rows[row] for row in self.taken]))
        # `loss` is a mean over the micro batch's rows: times their number it is a sum, times `share` the step's share.
        return loss * (len(self.taken) * self.share)

    @property
    def means(self) -> Means:
        """Return the means of metrics since the last row of the log."""
        means: Means = self.__dict__.setdefault("_means", Means())
        return means

    def judged(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """Return TRL's loss of a micro batch, its mean over the rows, and its metrics, of this process only."""
        this: Any = self
        metrics = this._metrics["train" if this.model.training else "eval"]
        with _ungathered(this.accelerator):
            loss: torch.Tensor = super().compute_loss(model, inputs)  # type: ignore[misc]
        # TRL appends the micro batch's values to lists that it would average at the next log row, ignoring row counts.
        # They are taken out here and averaged by rows in `means`. "num_tokens" is a running count, not a mean.
        values = {name: float(history[-1]) for name, history in metrics.items() if name != "num_tokens"}
        metrics.clear()
        return loss, values

    def weights(self, values: Mapping[str, float], rows: Sequence[JudgedAnswers]) -> dict[str, float]:
        """Return the number of rows behind each of the values."""
        counts: dict[str, int] = {}
        if not isinstance(self, DPOTrainer):
            good = sum(row.good for row in rows)
            counts = {"/chosen": good, "/rejected": len(rows) - good}
        return {name: float(counts.get(name[name.find("/") :], len(rows))) for name in values}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the trainer's row, with the metrics of all processes."""
        this: Any = super()
        this.log(logs | self.means.of_all(), start_time)


class _Numbers:
    """Data set of row numbers."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, index: int) -> dict[str, int]:
        return {ROW: index}


@contextmanager
def _ungathered(accelerator: Any) -> Iterator[None]:
    """Keep values that TRL gathers those of this process."""
    accelerator.gather = accelerator.gather_for_metrics = lambda values: values
    try:
        yield
    finally:
        del accelerator.gather, accelerator.gather_for_metrics


class PairTrainer(EncodedRowsMixin, DPOTrainer):
    """Trainer of DPO on encoded pairs."""


class RatingTrainer(EncodedRowsMixin, KTOTrainer):
    """Trainer of KTO on encoded answers."""


class HeldOutJudgements:
    """Evaluator of the method's loss and implicit rewards on held-out rows: an `evaluation.Evaluator`.

    ``loss``, ``rewards/chosen``, ``rewards/rejected``, ``rewards/margins``, and of pairs ``rewards/accuracies``: means
    over all rows. KTO's KL term is that of a micro batch, as in training.
    """

    def __init__(self, trainer: Any, rows: Sequence[JudgedAnswers], *, micro_batch: int, padding: int) -> None:
        self.trainer = trainer
        self.rows = rows
        self.micro_batch = micro_batch
        self.padding = padding
        self.pairs = isinstance(trainer, DPOTrainer)

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        """Measure all rows."""
        means = Means()
        collate = collate_pairs if self.pairs else collate_ratings
        for start in range(0, len(self.rows), self.micro_batch):
            numbers = range(start, min(start + self.micro_batch, len(self.rows)))
            batch = collate([{ROW: number} for number in numbers], rows=self.rows, padding=self.padding)
            del batch["rows"]
            loss, values = self.trainer.judged(model, self.trainer._prepare_inputs(batch))
            values["loss"] = float(loss)
            means.add(values, self.trainer.weights(values, [self.rows[number] for number in numbers]))
        values_here = means.here().items()
        measured = {name: value for name, value in values_here if name == "loss" or name.startswith("rewards/")}
        if {"rewards/chosen", "rewards/rejected"} <= measured.keys():
            measured["rewards/margins"] = measured["rewards/chosen"] - measured["rewards/rejected"]
        return measured


def collate_pairs(
    numbers: Sequence[Mapping[str, int]], *, rows: Sequence[JudgedAnswers], padding: int
) -> dict[str, torch.Tensor]:
    """Build a right-padded batch for TRL's DPO: ``input_ids``, ``attention_mask`` and ``completion_mask``, (B, T) each.

    ``rows`` are the row numbers. A batch of `BLANK` rows alone is a pair without answers.
    """
    taken = _real(numbers)
    answers: list[Any] = [rows[row].answers[place] for place in (0, 1) for row in taken] or [_Nothing(padding)] * 2
    return _padded(answers, padding) | {"rows": torch.tensor(taken, dtype=torch.long)}


def collate_ratings(
    numbers: Sequence[Mapping[str, int]], *, rows: Sequence[JudgedAnswers], padding: int
) -> dict[str, torch.Tensor]:
    """Build a right-padded batch for TRL's KTO: as for pairs, with ``label`` (B).

    Under ``KL_`` names each prompt comes once more with the answer of the row before it in the micro batch. A row alone
    in its batch gets the next row's answer.
    """
    taken = _real(numbers)
    answers: list[Any] = [rows[row].answers[0] for row in taken]
    good = [rows[row].good for row in taken]
    mismatched: list[Any] = [_Nothing(padding)]
    if not taken:
        answers, good = mismatched, [True]
    else:
        others = [answers[-1], *answers[:-1]] if len(answers) > 1 else [rows[(taken[0] + 1) % len(rows)].answers[0]]
        mismatched = [_Crossed(answer, other) for answer, other in zip(answers, others, strict=True)]
    return (
        _padded(answers, padding)
        | {f"KL_{key}": tensor for key, tensor in _padded(mismatched, padding).items()}
        | {"label": torch.tensor(good), "rows": torch.tensor(taken, dtype=torch.long)}
    )


def _real(numbers: Sequence[Mapping[str, int]]) -> list[int]:
    return [number[ROW] for number in numbers if number[ROW] != BLANK]


class _Nothing:
    """Row without answers."""

    def __init__(self, padding: int) -> None:
        self.input_ids = [padding] * 2
        self.labels = [IGNORED] * 2


class _Crossed:
    """Prompt of one row with the answer of another."""

    def __init__(self, prompted: EncodedRow, answered: EncodedRow) -> None:
        head, tail = _answer_begin(prompted), _answer_begin(answered)
        self.input_ids = prompted.input_ids[:head] + answered.input_ids[tail:]
        self.labels = [IGNORED] * head + answered.labels[tail:]


def _answer_begin(row: EncodedRow) -> int:
    return next(place for place, label in enumerate(row.labels) if label != IGNORED)


def _padded(answers: Sequence[Any], padding: int) -> dict[str, torch.Tensor]:
    shape = (len(answers), max(len(answer.input_ids) for answer in answers))
    ids_BT = torch.full(shape, padding)
    seen_BT, judged_BT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for place, answer in enumerate(answers):
        length = len(answer.input_ids)
        ids_BT[place, :length] = torch.tensor(answer.input_ids)
        seen_BT[place, :length] = 1
        judged_BT[place, :length] = torch.tensor([label != IGNORED for label in answer.labels], dtype=torch.long)
    return {"input_ids": ids_BT, "attention_mask": seen_BT, "completion_mask": judged_BT}
