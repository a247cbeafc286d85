"""Let a model answer tasks or prompts without a recipe, into a file of `Completion` records.

Left out on purpose: judging the answers (`workflows.evaluate` reads the file).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from burnish.config.verbs import GenerateConfig
from burnish.data.task_sets import load_task_set
from burnish.errors import ConfigError, DataError
from burnish.model.folders import resolve_base
from burnish.protocols import Generator
from burnish.records import Completion, Message, Task
from burnish.workflows.answer import answer_tasks, open_generator, read_answers
from burnish.workflows.requirements import require_train_extra


def generate(config: GenerateConfig) -> list[Completion]:
    """Write ``config.out`` and return its completions; a file that an interrupted call began is gone on with.

    Raises DataError when the file holds answers of another model, other options or other tasks.
    """
    require_train_extra()
    tasks = _tasks(config)
    answers = config.answers
    if answers.adapter is not None and not answers.adapter.is_dir():
        raise ConfigError(f"there is no adapter folder {answers.adapter}", "Name the folder that training wrote.")
    generator = open_generator(
        resolve_base(answers.model.base),
        answers.adapter,
        config=answers.model,
        sampling=answers.sampling,
        seed=config.seed,
    )
    _check_same(config, generator, tasks)
    return answer_tasks(generator, tasks, config.out, samples=answers.sampling.samples)


def _tasks(config: GenerateConfig) -> Sequence[Task]:
    if config.prompts:
        prompts = enumerate(config.prompts[: config.limit], 1)
        return [
            Task(id=f"prompt-{number}", family="prompt", prompt=(Message(role="user", content=text),))
            for number, text in prompts
        ]
    return load_task_set(config.tasks, config.seed).held_out[: config.limit]


def _check_same(config: GenerateConfig, generator: Generator, tasks: Sequence[Task]) -> None:
    known = {task.id for task in tasks}
    options = config.answers.sampling.model_dump(mode="json") | {"seed": config.seed}
    for completion in read_answers(Path(config.out)).values():
        same = completion.model_digest == generator.model_digest and completion.sampling == options
        if not same or completion.task_id not in known:
            raise DataError(
                f"{config.out} holds answers of another model, other options or other tasks",
                "Name another file with --set out=FILE, or remove this one.",
            )
