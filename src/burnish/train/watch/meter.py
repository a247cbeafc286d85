"""Measure a training while it runs: tokens, model FLOPs and utilisation, memory, time by phase.

Model FLOPs of one step follow from shapes alone (Kaplan et al. 2020, section 2.1; Chowdhery et al. 2022, appendix B):

    tokens x (4 x frozen + 6 x trained weights) + 12 x heads x head size x pairs, summed over the layers

A weight costs each token 2 in the forward pass and 2 for the gradient of its input; a trained weight costs 2 more for
its own gradient, which a frozen base under an adapter does not need. Embedding lookups are not multiplications. A pair
is a query with a key that it attends to: causal, inside its own document, inside the window of a sliding layer; scores
and values cost 4 x heads x head size, and twice that again for their gradients. Recomputation (gradient checkpointing)
is not counted. Model FLOP utilisation (``mfu``) divides the rate of these FLOPs by that of a matrix multiplication,
measured on the same device in the same dtype before the first step.

Rates are over the time of training itself: evaluation and checkpoints are phases of their own. Phases measure the
host's waiting; on an accelerator, work counts where its result is read.

Not covered: experts of a mixture, convolutions, time inside a data loader's own processes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.ledger.memory import peak_bytes
from burnish.model.contents import ParameterCounts, count_parameters
from burnish.scale.processes import gather_values, process_count

IGNORED = -100
PHASES = ("data", "forward_backward", "optimizer", "log", "checkpoint", "evaluation")
TRAINING_PHASES = PHASES[:4]


@dataclass(frozen=True)
class Arithmetic:
    """Cost of a token and of an attended pair in one training step, in model FLOPs."""

    per_token: int
    per_pair: int
    """Cost of a pair in layers with full attention."""
    per_window_pair: int
    """Cost of a pair in layers with a sliding window."""
    window: int | None

    def of(self, tokens: int, pairs: int, window_pairs: int) -> int:
        """Return the FLOPs of a batch."""
        return tokens * self.per_token + pairs * self.per_pair + window_pairs * self.per_window_pair


def arithmetic_of(model: Any, counts: ParameterCounts) -> Arithmetic:
    """Read the costs off a model with a Hugging Face configuration."""
    config = model.config.get_text_config()
    heads = int(config.num_attention_heads)
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    layers = int(config.num_hidden_layers)
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * layers
    sliding = sum(kind == "sliding_attention" for kind in kinds) if window else 0
    pair = 12 * heads * int(size)
    return Arithmetic(
        per_token=4 * counts.frozen_matmul + 6 * counts.trainable_matmul,
        per_pair=pair * (layers - sliding),
        per_window_pair=pair * sliding,
        window=int(window) if window else None,
    )


@cache
def matmul_flops_per_s(device: str, dtype: torch.dtype) -> float:
    """Measure the best rate of a few square matrix multiplications on the device; takes milliseconds."""
    accelerator = device != "cpu"
    size, tries = (8192, 10) if accelerator else (768, 5)
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(tries + 1):
        started = time.perf_counter()
        torch.matmul(left, right)
        if accelerator:
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def peaks_of_all() -> dict[str, int]:
    """Combine `peak_memory` of all processes; every process must call it.

    Each process knows only its own tensors: those on one device are added up. Resident memory is that of the largest
    process.
    """
    return together(gather_values(peak_memory()))


def together(peaks: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Combine the peaks of several processes: add up devices, take the largest resident memory."""
    names = dict.fromkeys(name for peak in peaks for name in peak)
    return {name: (max if name == "peak_memory_bytes" else sum)(peak.get(name, 0) for peak in peaks) for name in names}


def peak_memory() -> dict[str, int]:
    """Return peak bytes: resident memory of the process, and tensors and allocator of each CUDA device.

    The process's counts from where its stage began, the devices' from where training began.
    """
    peaks = {"peak_memory_bytes": peak_bytes() or 0}
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            peaks[f"peak_allocated_bytes_cuda{index}"] = torch.cuda.max_memory_allocated(index)
            peaks[f"peak_reserved_bytes_cuda{index}"] = torch.cuda.max_memory_reserved(index)
    return peaks


@dataclass
class Totals:
    """Counts between two moments, over all processes."""

    tokens: int = 0
    """Tokens of the sequences, without padding if there is an attention mask."""
    trained_tokens: int = 0
    """Tokens in the loss."""
    flops: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    def add(self, phase: str, seconds: float) -> None:
        """Count seconds of a phase; a method's own phases are not part of training itself."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    @property
    def training_s(self) -> float:
        """Return the seconds of training itself."""
        return sum(self.seconds[phase] for phase in TRAINING_PHASES)


class StepMeter(TrainerCallback):
    """Add measurements to each row of the trainer's log, and keep the totals of this attempt.

    A trainer with the mixin `Metered` reports each batch. The meter must come before the callbacks that read the log.
    It leaves the random generators unchanged, so that measuring does not change the training.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.total = Totals()
        self.rate: float | None = None
        """Measured matmul FLOP/s of all devices; None before the first step."""
        self.counts: ParameterCounts | None = None
        self.reference_bytes = 0
        """Weights of the reference model, if there is one."""
        self._costs: Arithmetic | None = None
        self._since = Totals()
        self._phase, self._entered = "data", clock()
        self._counted: list[torch.Tensor] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        """Count the model's weights and measure the device."""
        self.counts = count_parameters(model)
        self._costs = arithmetic_of(model, self.counts)
        weight = next(parameter for parameter in model.parameters() if parameter.is_floating_point())
        dtype = torch.bfloat16 if args.bf16 else weight.dtype
        generators = torch.random.get_rng_state()
        on_device = torch.cuda.get_rng_state(weight.device) if weight.is_cuda else None
        self.rate = matmul_flops_per_s(str(weight.device), dtype) * process_count()
        torch.random.set_rng_state(generators)
        if on_device is not None:
            torch.cuda.set_rng_state(on_device, weight.device)
            torch.cuda.empty_cache()
            for index in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(index)
        self._enter("data")

    def count(self, inputs: dict[str, Any]) -> None:
        """Note a micro batch: ids, mask or positions, and labels (or TRL's completion mask) of shape (B, T)."""
        ids, mask, positions = (inputs.get(key) for key in ("input_ids", "attention_mask", "position_ids"))
        if ids is None:
            return
        if positions is None:
            positions = (torch.ones_like(ids) if mask is None else mask).cumsum(-1) - 1
        seen = positions + 1 if mask is None or mask.ndim != 2 else (positions + 1) * mask
        window = self._costs.window if self._costs is not None else None
        labels, answers = inputs.get("labels"), inputs.get("completion_mask")
        if labels is not None:
            trained = labels[:, 1:] != IGNORED
        else:
            trained = torch.zeros_like(ids) if answers is None else answers[:, 1:]
        tokens = torch.as_tensor(ids.numel(), device=ids.device) if mask is None or mask.ndim != 2 else mask.sum()
        pairs = [seen.sum(), seen.clamp(max=window).sum() if window else seen.sum() * 0]
        self._counted.append(torch.stack([tokens, trained.sum(), *pairs]).double())

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of the body as ``name``, one of `PHASES` or of the method's own."""
        before = self._phase
        self._enter(name)
        try:
            yield
        finally:
            self._enter(before)

    def beside(self, name: str, seconds: float) -> None:
        """Count seconds of work that ran in parallel to the phases."""
        for totals in (self._since, self.total):
            totals.add(name, seconds)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the phase of fetching batches."""
        self._enter("forward_backward")

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the phase of computing gradients."""
        self._enter("optimizer")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """End the phase of the optimiser; logging, saving or the next batches follow."""
        self._enter("data")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Count the time since the step's end (or its log) as writing the checkpoint."""
        self._phase = "checkpoint"
        self._enter("data")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add rates, utilisation, memory and seconds since the last row to ``logs``."""
        if logs is None or "loss" not in logs:
            return
        self._phase = "log"
        self._enter("data")
        self._gather()
        now, self._since = self._since, Totals()
        seconds = max(now.training_s, 1e-9)
        logs["tokens_per_s"] = now.tokens / seconds
        logs["trained_tokens_per_s"] = now.trained_tokens / seconds
        logs["model_flops_per_s"] = now.flops / seconds
        if self.rate:
            logs["mfu"] = now.flops / seconds / self.rate
        logs |= peaks_of_all() | {f"seconds_{phase}": round(spent, 6) for phase, spent in now.seconds.items()}

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Bring the totals up to the last step."""
        self._enter("data")
        self._gather()

    def _enter(self, phase: str) -> None:
        now = self.clock()
        for totals in (self._since, self.total):
            totals.add(self._phase, now - self._entered)
        self._phase, self._entered = phase, now

    def _gather(self) -> None:
        if self._costs is None:
            return
        counted = torch.stack(self._counted).sum(0) if self._counted else torch.zeros(4, dtype=torch.double)
        self._counted.clear()
        if process_count() > 1:
            torch.distributed.all_reduce(counted)
        tokens, trained, pairs, window_pairs = (int(number) for number in counted.tolist())
        for totals in (self._since, self.total):
            totals.tokens += tokens
            totals.trained_tokens += trained
            totals.flops += self._costs.of(tokens, pairs, window_pairs)


class Metered:
    """Mixin of a trainer: report every micro batch to the trainer's ``meter``."""

    meter: StepMeter | None = None

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Count the batch, then run the trainer's own step."""
        if self.meter is not None:
            self.meter.count(inputs)
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        return loss


def is_measurement(key: str) -> bool:
    """Return whether a key of the trainer's log is one of the meter's."""
    return bool(re.fullmatch(r"(trained_)?tokens_per_s|model_flops_per_s|mfu|peak_\w+_bytes\w*|seconds_\w+", key))
