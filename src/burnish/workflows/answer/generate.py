"""Answer tasks or prompts without a recipe, to a file or the terminal.

Several models can answer the same prompts, one after the other, to be read side by side. Left out on purpose: judging
the answers (`workflows.evaluate.evaluate` reads the file).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from burnish.config.verbs.evaluate import ModelAnswers
from burnish.config.verbs.standalone import GenerateConfig
from burnish.data.tasks.task_sets import check_task_files, load_task_set
from burnish.errors import ConfigError, DataError
from burnish.fsio import HALF_PAIR, half_pair
from burnish.protocols import Generator
from burnish.records import Completion, Message, Task
from burnish.records.layout import COMPLETIONS
from burnish.workflows.answer.completions import answer_tasks, read_answers
from burnish.workflows.answer.generators import open_source, ready, written_by


@dataclass(frozen=True)
class SideBySide:
    """One prompt and each model's answer."""

    prompt: str
    answers: tuple[tuple[str, Completion], ...]
    """Name of a model, and a completion of it."""


def generate(config: GenerateConfig) -> list[Completion]:
    """Write ``config.out`` and return its completions, continuing an interrupted file.

    Raises DataError when the file holds answers of another model, other options or other tasks.
    """
    if config.out is None and not config.prompts:
        raise ConfigError("no output file is set for the answers to the tasks.", "Add --set out=FILE.jsonl.")
    if config.out is not None and config.out.is_dir():
        raise ConfigError(
            f"out is {config.out}, which is a folder.", f"Give a file: --set out={config.out}/answers.jsonl"
        )
    source = ready(config.answers) if isinstance(config.answers, ModelAnswers) else None
    tasks = _tasks(config)
    generator = written_by(config.answers, seed=config.seed, source=source)
    if config.out is not None:
        _check_same(config, config.out, generator, tasks)
    return _answer(config, generator, tasks)


def side_by_side(config: GenerateConfig, models: Sequence[str]) -> list[SideBySide]:
    """Let each model answer the prompts; names are as in ``answers.model.base``.

    All are resolved before the first is loaded. Raises ConfigError when there are no prompts, or a file to write.
    """
    if not config.prompts or config.out is not None or not isinstance(config.answers, ModelAnswers):
        raise ConfigError(
            "--models compares models in this process on prompts, and only prints to the terminal.",
            "Give --prompt TEXT (or prompts) and no out; for files, call burnish generate once per model.",
        )
    answering = [
        config.answers.model_copy(update={"model": config.answers.model.model_copy(update={"base": name})})
        for name in models
    ]
    resolved = [(answers, ready(answers)) for answers in answering]
    tasks = _tasks(config)
    columns = []
    for answers, source in resolved:
        columns.append(_answer(config, open_source(source, answers, seed=config.seed), tasks))
    per_task = config.answers.sampling.samples
    return [
        SideBySide(
            tasks[place // per_task].prompt[-1].content,
            tuple((name, column[place]) for name, column in zip(models, columns, strict=True)),
        )
        for place in range(len(tasks) * per_task)
    ]


def _answer(config: GenerateConfig, generator: Generator, tasks: Sequence[Task]) -> list[Completion]:
    samples = config.answers.sampling.samples
    if config.out is not None:
        return answer_tasks(generator, tasks, config.out, samples=samples)
    with tempfile.TemporaryDirectory() as scratch:
        return answer_tasks(generator, tasks, Path(scratch) / COMPLETIONS, samples=samples)


def _tasks(config: GenerateConfig) -> Sequence[Task]:
    prompts = read_prompts(config.prompts) if isinstance(config.prompts, Path) else config.prompts
    for number, text in enumerate(prompts, 1):
        if half_pair(text):
            place = f"{config.prompts}: " if isinstance(config.prompts, Path) else ""
            raise DataError(f"{place}prompt {number} holds {HALF_PAIR}.", "Write the whole character, or leave it out.")
    if prompts:
        return [
            Task(id=f"prompt-{number}", family="prompt", prompt=(Message(role="user", content=text),))
            for number, text in enumerate(prompts[: config.limit], 1)
        ]
    check_task_files(config.tasks, "tasks")
    return load_task_set(config.tasks, config.seed).held_out[: config.limit]


def read_prompts(path: Path) -> tuple[str, ...]:
    """Read the prompts of a YAML or JSON file: a list of texts, or a mapping with such a list under ``prompts``.

    Raises DataError when there is no such file, or it holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as error:
        raise DataError(f"there is no file of prompts {path}", "Name a YAML or JSON file.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is neither YAML nor JSON: {str(error).splitlines()[0]}", "Fix the file.") from error
    prompts = content.get("prompts") if isinstance(content, dict) else content
    if (
        not isinstance(prompts, list)
        or not prompts
        or not all(isinstance(prompt, str) and prompt for prompt in prompts)
    ):
        raise DataError(
            f"{path} has no list of prompts.", "Write a list of texts, or a mapping with `prompts:` and such a list."
        )
    return tuple(prompts)


def _check_same(config: GenerateConfig, out: Path, generator: Generator, tasks: Sequence[Task]) -> None:
    known = {task.id for task in tasks}
    options = config.answers.sampling.deciding() | {"seed": config.seed}
    for completion in read_answers(out).values():
        same = completion.model_digest == generator.model_digest and completion.sampling == options
        if not same or completion.task_id not in known:
            raise DataError(
                f"{out} holds answers of another model, other options or other tasks",
                f"Give another file with --set out=FILE, or remove {out}.",
            )
