"""Let a model answer tasks into a file, batch by batch, so that an interrupted attempt loses one batch at most.

The generator cuts the tasks into the same batches every time and each batch has its own random numbers: an
interrupted answer file ends up as an unbroken one would. A batch that was not written whole is written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.fsio import append_lines, read_lines, write_atomic
from burnish.progress import progress
from burnish.protocols import Generator
from burnish.records import Completion, Task

Answers = dict[tuple[str, int], Completion]


def finished_tasks(path: Path, samples: int) -> set[str]:
    """Ids of the tasks whose samples are all in the file."""
    answers = read_answers(path)
    ids = {task_id for task_id, _ in answers}
    return {task_id for task_id in ids if all((task_id, sample) in answers for sample in range(samples))}


def read_answers(path: Path) -> Answers:
    """Completions of the file by task and sample."""
    if not path.exists():
        return {}
    completions = [Completion.from_json(line) for line in read_lines(path)]
    return {(one.task_id, one.sample_index): one for one in completions}


def answer_tasks(generator: Generator, tasks: Sequence[Task], path: Path, *, samples: int) -> list[Completion]:
    """All samples of all tasks, in the order of ``tasks``; what the file holds already is kept."""
    answers = read_answers(path)
    done = finished_tasks(path, samples)
    with progress("generate", total=len(tasks) * samples, unit="completions", done=len(done) * samples) as bar:
        for batch in generator.generate(tasks, done):
            fresh = {(one.task_id, one.sample_index): one for one in batch}
            torn = not fresh.keys().isdisjoint(answers)
            answers |= fresh
            if torn:
                write_atomic(path, "".join(one.to_json() + "\n" for one in answers.values()))
            else:
                append_lines(path, [one.to_json() for one in batch])
            bar.advance(len(batch))
    return [answers[task.id, sample] for task in tasks for sample in range(samples)]


def open_generator(
    model: Path, adapter: Path | None, *, config: ModelConfig, sampling: SamplingConfig, seed: int
) -> Generator:
    """Load the model (and adapter) and make the generator that answers with it."""
    from burnish.model.base import load_adapter, load_model

    loaded = load_model(model, config) if adapter is None else load_adapter(model, adapter, config)
    return generator_of(loaded.model, loaded.tokenizer, loaded.digest, sampling=sampling, seed=seed)


def generator_of(model: Any, tokenizer: Any, digest: str, *, sampling: SamplingConfig, seed: int) -> Generator:
    """The generator that answers with a model in memory; ``digest`` is recorded with every completion."""
    from burnish.data.chat import render_prompt
    from burnish.generate.transformers_engine import TransformersGenerator

    return TransformersGenerator(
        model,
        tokenizer,
        sampling=sampling,
        seed=seed,
        model_digest=digest,
        render=lambda messages: render_prompt(messages, tokenizer),
    )
