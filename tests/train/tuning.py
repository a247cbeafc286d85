"""Runs a small fine-tuning; also as a program, so that a test can kill it: ``python tuning.py BASE OUT STEPS ...``."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from burnish.config.model import ModelConfig
from burnish.config.recipe import SftStage
from burnish.train.sft import SftResult, run_sft


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


def tune(
    base: Path,
    out: Path,
    *,
    kill_at: int | None = None,
    interrupt_at: int | None = None,
    quantization: dict[str, Any] | None = None,
    **stage: Any,
) -> SftResult:
    """Fine-tune on `some_rows`; kill this process (or send it Ctrl-C) in the log of a step."""

    def log(step: int, values: Mapping[str, float]) -> None:
        with (out / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)

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
    return run_sft(
        base=base,
        model=ModelConfig.model_validate({"device": "cpu", "quantization": quantization}),
        stage=SftStage.model_validate({"name": "sft", **settings, **stage}),
        encoded=some_rows(),
        out=out,
        seed=3,
        log=log,
    )


if __name__ == "__main__":
    options = json.loads(sys.argv[3])
    tune(Path(sys.argv[1]), Path(sys.argv[2]), **options)
