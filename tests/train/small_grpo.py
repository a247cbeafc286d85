"""Runs a small GRPO without a compiler; also as a program, so that a test can kill it.

What is rewarded is the share of a letter in the answer. Options are those of the stage, and ``kill_at``: the step in
whose log the process kills itself.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.model.source import load_tokenizer
from burnish.records import Completion, Score, Verdict
from burnish.train.grpo.prompt_pool import Prompts
from burnish.train.grpo.rollouts import Judge, Write
from burnish.train.grpo.run import run_grpo
from burnish.train.job import TrainingJob, TrainingResult
from burnish.workflows.answer.generators import declared_stop_ids
from burnish.workflows.train.grpo import writer
from tests.train.small_sft import log_into

CPU = ModelConfig(device="cpu")
LETTER = "e"
Worth = Callable[[int, Completion], float | None]


def share_of_letter(_: int, completion: Completion) -> float:
    """In 0..1."""
    return completion.text.count(LETTER) / max(1, len(completion.text))


def judge_by(worth: Worth) -> Judge:
    """A judge that gives rewards (None is infra); a reward of 0.5 or more passes."""

    def judge(pairs: Sequence[tuple[int, Completion]]) -> list[tuple[Verdict, Score]]:
        found = []
        for task, completion in pairs:
            value = worth(task, completion)
            status: Any = "infra" if value is None else "pass" if value >= 0.5 else "fail"
            reason: Any = {"infra": "infra", "pass": "ok", "fail": "tests_failed"}[status]
            named = {"task_id": completion.task_id, "sample_index": completion.sample_index}
            compiled = None if value is None else True
            verdict = Verdict(**named, status=status, stage="test", reason=reason, compiled=compiled)
            found.append((verdict, Score(**named, value=value, components={"reward_letter": value or 0.0})))
        return found

    return judge


def with_faults(worth: Worth, share: float, seed: int = 0) -> Worth:
    """The same, but a share of answers cannot be judged, by chance."""
    chance = random.Random(seed)
    return lambda task, completion: None if chance.random() < share else worth(task, completion)


def some_prompts(base: Path, count: int = 12) -> Prompts:
    """Short prompts of different lengths."""
    tokenizer: Any = load_tokenizer(base)
    texts = [f"Write a Rust function that returns {'the sum of ' * (n % 3)}the values {n}." for n in range(count)]
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return Prompts([f"t{n}" for n in range(count)], encoded, declared_stop_ids(base, tokenizer))


def grpo_stage(**said: Any) -> GrpoStage:
    """A stage of a few small steps."""
    settings: dict[str, Any] = {
        "max_steps": 3,
        "learning_rate": 1e-2,
        "warmup_share": 0,
        "schedule": "constant",
        "effective_batch": 16,
        "micro_batch": 8,
        "num_generations": 4,
        "decode_batch": 8,
        "max_completion_length": 12,
        "log_every": 1,
        "save_every": 2,
        "adapter": {"kind": "lora", "r": 4},
    }
    return GrpoStage.model_validate_json(json.dumps({"name": "grpo", **settings, **said}))


def run_small_grpo(
    base: Path,
    out: Path,
    *,
    kill_at: int | None = None,
    worth: Worth = share_of_letter,
    prompts: Prompts | None = None,
    write: Write | None = None,
    start: str | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    **said: Any,
) -> TrainingResult:
    """Train, with one line per step in ``out/log.jsonl``."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    stage, asked = grpo_stage(**said), prompts or some_prompts(base)
    return run_grpo(
        TrainingJob(
            base=base,
            model=CPU,
            stage=stage,
            out=out,
            seed=3,
            start=None if start is None else Path(start),
            log=log_into(out, kill_at=kill_at),
            callbacks=callbacks,
        ),
        asked,
        write or writer(stage, load_tokenizer(base), asked.stop_ids),
        judge_by(worth),
        judged_by="letter",
    )


def logged(out: Path) -> list[dict[str, float]]:
    """The lines of the log."""
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


if __name__ == "__main__":
    run_small_grpo(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))
