"""Runs a small fine-tuning; also as a program, so that a test can kill it or start several processes of it."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from burnish.config.launch import LaunchConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.data.encode.packing import pack_lengths
from burnish.scale.processes import join_processes
from burnish.train.job import TrainingJob, TrainingResult
from burnish.train.sft.run import run_sft


@dataclass(frozen=True)
class Row:
    """An encoded row made up for a test."""

    id: str
    input_ids: list[int]
    labels: list[int]
    weight: float = 1.0


def some_rows(count: int = 20) -> list[Row]:
    """Rows of 6 to 18 tokens whose first four are not trained; small numbers over and over, so there is a pattern."""
    rows = []
    for index in range(count):
        ids = [5 + (index + step) % 7 for step in range(6 + index * 5 % 13)]
        rows.append(Row(f"r{index}", ids, [-100] * 4 + ids[4:]))
    return rows


class FaultInjector(TrainerCallback):
    """What goes wrong on purpose, at the steps that it is told."""

    def __init__(
        self,
        *,
        torn_at: int | None = None,
        poison_at: int | None = None,
        poisoned_token: int = 0,
        poison_gradient_at: int | None = None,
        fits: int = 10**9,
    ) -> None:
        self.poison_gradient_at = poison_gradient_at
        self.torn_at = torn_at
        self.poison_at = poison_at
        self.poisoned_token = poisoned_token
        self.fits = fits

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """From step ``poison_at`` on, sequences that begin with ``poisoned_token`` are embedded as what are no numbers;
        from ``poison_gradient_at`` on, gradients are none while losses are."""

        def poison(_module: Any, inputs: tuple[torch.Tensor, ...], embedded_BTD: torch.Tensor) -> torch.Tensor | None:
            if self.poison_at is None or state.global_step + 1 < self.poison_at:
                return None
            poisoned_B11 = (inputs[0][:, 0] == self.poisoned_token)[:, None, None]
            return embedded_BTD.masked_fill(poisoned_B11, float("nan"))

        def poison_gradient(gradient: torch.Tensor) -> torch.Tensor:
            poisoned = self.poison_gradient_at is not None and state.global_step + 1 >= self.poison_gradient_at
            return gradient * float("nan") if poisoned else gradient

        model.get_input_embeddings().register_forward_hook(poison)
        next(weight for weight in model.parameters() if weight.requires_grad).register_hook(poison_gradient)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The device has room for ``fits`` sequences; from step ``torn_at`` on, a large file kills its writer."""
        if args.per_device_train_batch_size > self.fits and state.global_step + 1 >= 5:
            raise torch.OutOfMemoryError("as if CUDA were out of memory")
        if state.global_step + 1 == self.torn_at:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))


def log_into(
    out: Path, *, kill_at: int | None, interrupt_at: int | None = None
) -> Callable[[int, Mapping[str, float]], None]:
    """A log with one line per step in ``out/log.jsonl``; kills this process (or sends it Ctrl-C) at a step."""

    def log(step: int, values: Mapping[str, float]) -> None:
        with (out / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)

    return log


def run_small_sft(
    base: Path,
    out: Path,
    *,
    kill_at: int | None = None,
    interrupt_at: int | None = None,
    faults: dict[str, int] | None = None,
    quantization: dict[str, Any] | None = None,
    launch: dict[str, Any] | None = None,
    **stage: Any,
) -> TrainingResult:
    """Fine-tune on `some_rows`; kill this process (or send it Ctrl-C) in the log of a step."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    settings: dict[str, Any] = {
        "learning_rate": 1e-2,
        "effective_batch": 4,
        "micro_batch": 2,
        "log_every": 1,
        "save_every": 3,
        "adapter": {"kind": "lora", "r": 4, "dropout": 0.1},
    }
    rows = some_rows()
    return run_sft(
        TrainingJob(
            base=base,
            model=ModelConfig.model_validate({"device": "cpu", "quantization": quantization}),
            stage=SftStage.model_validate({"name": "sft", **settings, **stage}),
            out=out,
            seed=3,
            launch=LaunchConfig.model_validate_json(json.dumps(launch or {})),
            log=log_into(out, kill_at=kill_at, interrupt_at=interrupt_at),
            callbacks=[FaultInjector(**faults)] if faults else [],
        ),
        rows,
        pack_lengths([len(row.input_ids) for row in rows], 40) if stage.get("packing") else None,
    )


if __name__ == "__main__":
    options = json.loads(sys.argv[3])
    if "RANK" in os.environ:
        join_processes(on_cpu=True)
    run_small_sft(Path(sys.argv[1]), Path(sys.argv[2]), **options)
