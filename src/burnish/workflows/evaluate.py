"""Evaluate answers without a recipe: a model's, those of a file, or those in the task file itself; tasks of any kind.

Everything that judging needs lies in the folder then, so `workflows.rescore` judges again without a model. Left out on
purpose: comparing several models (`workflows.compare`, or a recipe with evaluate stages).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, assert_never

from burnish import __version__
from burnish.config.evaluate import EvaluateConfig, FieldAnswers, FileAnswers, ModelAnswers
from burnish.config.tasks import HumanEvalPackTasks
from burnish.data.humanevalpack import read_answers as read_field
from burnish.data.task_sets import load_task_set
from burnish.errors import ConfigError, DataError
from burnish.fsio import digest_json, read_lines, write_json
from burnish.ledger.attempt_log import attempt_log
from burnish.ledger.memory import peak_bytes, reset_peak
from burnish.ledger.run_folder import open_run
from burnish.ledger.stage import begin, fingerprint, finish
from burnish.model.folders import model_digest, resolve_base
from burnish.records import Completion, Task
from burnish.score.answers import check_tasks
from burnish.workflows.answer import answer_tasks, open_generator
from burnish.workflows.build_tasks import write_records
from burnish.workflows.context import COMPLETIONS
from burnish.workflows.lineage import CODE, TOOLCHAIN, code_digest
from burnish.workflows.recording import record_evaluation
from burnish.workflows.report import SUMMARY
from burnish.workflows.requirements import require_train_extra
from burnish.workflows.score_answers import FOLDER, TASKS, judge_answers, summarise, verifier_for


def evaluate(config: EvaluateConfig, *, resume: bool = False) -> dict[str, Any]:
    """Judge the answers and return the content of ``summary.json``, which lies in ``config.out`` then.

    The same call again goes on in the same folder. Raises RunFolderError when it belongs to another evaluation.
    """
    answers = config.answers
    if isinstance(answers, ModelAnswers):
        require_train_extra()
    task_set = load_task_set(config.tasks, config.seed)
    tasks = task_set.held_out[: config.limit]
    check_tasks(tasks)
    given = _given_answers(config, tasks)
    resolved = config.model_dump(mode="json")
    with ExitStack() as stack:
        verifier = stack.enter_context(verifier_for(tasks, config.verify, config.out / ".cache"))
        toolchain = {} if verifier is None else {TOOLCHAIN: verifier.digest}
        digests = {CODE: code_digest()} | toolchain | {"tasks": _digest(tasks)} | _model_digests(answers)
        run = stack.enter_context(
            open_run(config.out, recipe=resolved, digests=digests, version=__version__, resume=resume)
        )
        stack.enter_context(attempt_log(config.out / "logs"))
        folder = config.out / FOLDER
        attempt = begin(folder, fingerprint(resolved, digests, code=digests[CODE], seed=config.seed))
        reset_peak()
        write_records(folder / TASKS, tasks)
        completions = given if given is not None else _write_answers(config, tasks, folder)
        write_records(folder / COMPLETIONS, completions)
        judgement = judge_answers(verifier, tasks, completions, tolerance=config.tolerance)
        outputs = (TASKS, COMPLETIONS, *judgement.write(folder))
        done = finish(folder, attempt, outputs, peak_bytes=peak_bytes())
        summary = summarise(
            _name(config),
            tasks,
            judgement,
            seconds=done.seconds,
            tolerance=config.tolerance,
            excluded_tasks=task_set.excluded,
        )
        write_json(config.out / SUMMARY, summary)
        record_evaluation(config, run, digests, done, summary)
    return summary


def read_completions(path: Path, tasks: Sequence[Task]) -> list[Completion]:
    """Completions of a file; raises DataError naming file and line of a broken row or an unknown task."""
    if not path.is_file():
        raise DataError(f"there is no file {path}", "Name a JSONL file of Completion records (burnish generate).")
    known = {task.id for task in tasks}
    completions = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            completion = Completion.from_json(line)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error.cause}", error.way_out) from error
        if completion.task_id not in known:
            raise DataError(
                f"{path}:{number}: the task set has no task {completion.task_id!r}",
                "Evaluate with the tasks, seed and limit that the completions were written for.",
            )
        completions.append(completion)
    return completions


def _given_answers(config: EvaluateConfig, tasks: Sequence[Task]) -> list[Completion] | None:
    """Answers that exist already; None when a model must write them."""
    match config.answers:
        case ModelAnswers():
            return None
        case FileAnswers(path=path):
            return read_completions(path, tasks)
        case FieldAnswers(name=name):
            if isinstance(config.tasks, HumanEvalPackTasks):
                wanted = {task.id for task in tasks}
                return [one for one in read_field(config.tasks.path, name) if one.task_id in wanted]
            if name != "reference":
                raise ConfigError(f"these tasks have no answers in a field {name!r}", "Set answers.name=reference.")
            return [
                Completion(task_id=task.id, text=task.reference, finish_reason="given")
                for task in tasks
                if task.reference is not None
            ]
    assert_never(config.answers)


def _write_answers(config: EvaluateConfig, tasks: Sequence[Task], folder: Path) -> list[Completion]:
    answers = config.answers
    assert isinstance(answers, ModelAnswers)
    generator = open_generator(
        resolve_base(answers.model.base),
        answers.adapter,
        config=answers.model,
        sampling=answers.sampling,
        seed=config.seed,
    )
    return answer_tasks(generator, tasks, folder / COMPLETIONS, samples=answers.sampling.samples)


def _model_digests(answers: ModelAnswers | FileAnswers | FieldAnswers) -> dict[str, str]:
    if not isinstance(answers, ModelAnswers):
        return {}
    digests = {"base model": model_digest(resolve_base(answers.model.base))}
    if answers.adapter is not None:
        if not answers.adapter.is_dir():
            raise ConfigError(f"there is no adapter folder {answers.adapter}", "Name the folder that training wrote.")
        digests["adapter"] = model_digest(answers.adapter)
    return digests


def _digest(tasks: Sequence[Task]) -> str:
    return digest_json([task.to_json() for task in tasks])


def _name(config: EvaluateConfig) -> str:
    match config.answers:
        case ModelAnswers(adapter=adapter, model=model):
            return Path(adapter or model.base).name
        case FileAnswers(path=path):
            return path.stem
        case FieldAnswers(name=name):
            return name
    assert_never(config.answers)
