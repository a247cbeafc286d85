"""Runs a small preference tuning; also as a program, so that a test can kill it.

Options are those of the stage, and ``kill_at``: the step in whose log the process kills itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.train.job import TrainingJob, TrainingResult
from burnish.train.preference.run import run_preference
from tests.train.small_sft import FaultInjector, Row, log_into


@dataclass(frozen=True)
class JudgedRow:
    """A judged row made up for a test."""

    id: str
    answers: tuple[Row, ...]
    good: bool = True


def some_pairs(count: int = 14) -> list[JudgedRow]:
    """Prompts of three to six tokens; the chosen answer counts up from the last of them, the rejected one down."""
    rows = []
    for index in range(count):
        prompt = [20 + (index * 3 + step) % 11 for step in range(3 + index % 4)]
        answers = []
        for direction in (1, -1):
            answer = [40 + (prompt[-1] + direction * step) % 11 for step in range(1, 4 + index % 3)] + [3]
            answers.append(Row(f"r{index}", prompt + answer, [-100] * len(prompt) + answer))
        rows.append(JudgedRow(f"r{index}", tuple(answers)))
    return rows


def some_ratings(count: int = 14) -> list[JudgedRow]:
    """The answers of `some_pairs`, one by one: chosen ones are good."""
    return [JudgedRow(f"{row.id}/{place}", (row.answers[place],), place == 0)
            for row in some_pairs(count // 2) for place in (0, 1)]  # fmt: skip


def run_small_preference(
    base: Path,
    out: Path,
    *,
    kill_at: int | None = None,
    quantization: Any = None,
    faults: dict[str, int] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    held_out: Sequence[JudgedRow] = (),
    **stage: Any,
) -> TrainingResult:
    """Train on `some_pairs` or, with KTO, `some_ratings`; kill this process in the log of a step."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    settings: dict[str, Any] = {
        "learning_rate": 1e-2,
        "effective_batch": 4,
        "micro_batch": 2,
        "log_every": 1,
        "save_every": 3,
        "adapter": {"kind": "lora", "r": 4},
    }
    described = {"name": "prefer", "rows": "rows.jsonl", **settings, **stage}
    checked = PreferenceStage.model_validate_json(json.dumps(described))
    return run_preference(
        TrainingJob(
            base=base,
            model=ModelConfig.model_validate({"device": "cpu", "quantization": quantization}),
            stage=checked,
            out=out,
            seed=3,
            log=log_into(out, kill_at=kill_at),
            callbacks=[*callbacks, *([FaultInjector(**faults)] if faults else [])],
        ),
        some_pairs() if checked.method.kind == "dpo" else some_ratings(),
        held_out,
    )


if __name__ == "__main__":
    run_small_preference(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))
