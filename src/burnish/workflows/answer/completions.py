"""Write a model's answers to a file as they finish; an interruption loses only running ones.

Existing answers are kept; only tasks with missing samples are answered again. Each sample has its own random
numbers, so an interrupted file ends up like an uninterrupted one, up to rounding. Left out on purpose: which engine
answers (`workflows.answer.generators`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.fsio import append_lines
from burnish.ledger.memory import peak_bytes
from burnish.progress import progress
from burnish.protocols import Generator
from burnish.records import Completion, Task
from burnish.records.files import read_records, write_records

Answers = dict[tuple[str, int], Completion]


def read_answers(path: Path) -> Answers:
    """Read the file's completions by task and sample."""
    if not path.exists():
        return {}
    completions = list(read_records(Completion, path))
    return {(completion.task_id, completion.sample_index): completion for completion in completions}


def answer_tasks(
    generator: Generator,
    tasks: Sequence[Task],
    path: Path,
    *,
    samples: int,
    pace: Path | None = None,
    written: Callable[[Sequence[Completion]], None] = lambda _: None,
) -> list[Completion]:
    """Write all samples of all tasks, keeping existing ones; return them in task order.

    ``written`` gets each list of answers once it is on disk.

    With ``pace`` a line is appended to that file for each list of answers: how many tokens they have, the seconds since
    the list before (after warm-up), and the peak of memory so far.
    """
    answers = read_answers(path)
    ids = {task_id for task_id, _ in answers}
    done = {task_id for task_id in ids if all((task_id, sample) in answers for sample in range(samples))}
    wanted = {task.id for task in tasks}
    with progress("generate", len(tasks) * samples, "completions", done=len(done & wanted) * samples) as bar:
        tokens, begun = 0, time.perf_counter()
        last = begun
        for batch in generator.generate(tasks, done):
            now = time.perf_counter()
            if not batch:  # the generator is warm now
                begun = last = now
                continue
            fresh = {(completion.task_id, completion.sample_index): completion for completion in batch}
            torn = not fresh.keys().isdisjoint(answers)
            answers |= fresh
            if torn:
                write_records(path, answers.values())
            else:
                append_lines(path, [completion.to_json() for completion in batch])
            written(batch)
            fresh_tokens = sum(completion.completion_tokens for completion in batch)
            if pace is not None:
                line = {
                    "completions": len(batch),
                    "completion_tokens": fresh_tokens,
                    "wall_s": round(now - last, 6),
                    "peak_bytes": peak_bytes(),
                    "device_peak_bytes": _device_peak_bytes(),
                }
                append_lines(pace, [json.dumps(line)])
            tokens, last = tokens + fresh_tokens, now
            bar.advance(len(batch), **{"tokens/s": f"{tokens / max(now - begun, 1e-9):.0f}"})
    return [answers[task.id, sample] for task in tasks for sample in range(samples)]


def _device_peak_bytes() -> int | None:
    """Return peak tensor memory on the accelerator; None without one or without torch."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return int(torch.cuda.max_memory_allocated())


def open_generator(
    model: Path,
    adapter: Path | None,
    *,
    config: ModelConfig,
    sampling: SamplingConfig,
    seed: int,
    adapter_off: bool = False,
) -> Generator:
    """Load the model (and adapter) and build its generator.

    With ``adapter_off`` the adapter is disabled and checked: see `model.adapter_off`.
    """
    from burnish.model.base import load_adapter, load_model

    if adapter is not None and adapter_off:
        from burnish.model.adapter_off import load_with_adapter_off

        loaded = load_with_adapter_off(model, adapter, config)
    else:
        loaded = load_model(model, config) if adapter is None else load_adapter(model, adapter, config)
    return generator_of(loaded.model, loaded.tokenizer, loaded.digest, sampling=sampling, seed=seed)


def generator_of(model: Any, tokenizer: Any, digest: str, *, sampling: SamplingConfig, seed: int) -> Generator:
    """Build the generator of a loaded model; ``digest`` is recorded with every completion."""
    from burnish.data.encode.chat import render_prompt
    from burnish.generate.transformers_engine import TransformersGenerator

    return TransformersGenerator(
        model,
        tokenizer,
        sampling=sampling,
        seed=seed,
        model_digest=digest,
        render=lambda messages: render_prompt(messages, tokenizer, thinking=sampling.thinking),
    )
