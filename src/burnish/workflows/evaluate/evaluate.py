"""Evaluate answers without a recipe: from a model, a server, or a file.

The folder then has everything that judging needs, so `workflows.evaluate.rescore` judges again without a model.
Left out on purpose: several models (`workflows.evaluate.all_models`), comparing them (`workflows.evaluate.compare`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from burnish import __version__
from burnish.config.tasks import HumanEvalPackTasks
from burnish.config.verbs.evaluate import (
    EndpointAnswers,
    EvaluateConfig,
    FieldAnswers,
    FileAnswers,
    ModelAnswers,
    WrittenAnswers,
)
from burnish.data.sources.files import nearest_file
from burnish.data.tasks.humanevalpack import read_answers as read_field
from burnish.data.tasks.task_sets import check_task_files, load_task_set, say_untested
from burnish.errors import ConfigError, DataError
from burnish.fsio import digest_json, write_json
from burnish.generate.openai_http import endpoint_digest
from burnish.ledger.attempt_log import attempt_log
from burnish.ledger.memory import peak_bytes, reset_peak
from burnish.ledger.run_folder import check_owner, open_run
from burnish.ledger.stage import begin, fingerprint, finish, read_done
from burnish.model.source import ModelSource
from burnish.records import Completion, Task
from burnish.records.answer_forms import read_answers_of_others
from burnish.records.layout import EVALUATED, SUMMARY
from burnish.records.summary import Summary
from burnish.score.summaries.answers import check_tasks
from burnish.score.summaries.summary import build_summary
from burnish.workflows.answer.generators import ready
from burnish.workflows.evaluate.core import evaluate_answers
from burnish.workflows.evaluate.rescore import read_summary
from burnish.workflows.evaluate.score import has_rust, verifier_for
from burnish.workflows.evaluate.written_answers import Writing
from burnish.workflows.run.inputs import CODE, TOOLCHAIN, code_digest
from burnish.workflows.run.ledger_entry import record_evaluation

_log = logging.getLogger("burnish.evaluate")


def evaluate(config: EvaluateConfig, *, resume: bool = False) -> Summary:
    """Judge the answers, write ``summary.json`` to ``config.out``, and return its content.

    The same call again continues in the same folder; a finished evaluation is only read. Raises RunFolderError
    when the folder belongs to another evaluation.
    """
    answers = config.answers
    resolved = config.model_dump(mode="json")
    check_owner(config.out, resolved, resume=resume)
    source = _check_before(config)
    task_set = load_task_set(config.tasks, config.seed)
    tasks = task_set.held_out[: config.limit]
    check_tasks(tasks)
    say_untested(tasks)
    if config.repair_turns and not has_rust(tasks):
        raise ConfigError("repair_turns fixes Rust, and no task is Rust.", "Remove repair_turns.")
    name, answered_by, given = answering(config, tasks, source)
    with ExitStack() as stack:
        verifier = stack.enter_context(verifier_for(tasks, config.verify, config.out / ".cache"))
        toolchain = {} if verifier is None else {TOOLCHAIN: verifier.digest}
        digests = {CODE: code_digest(), **toolchain, "tasks": tasks_digest(tasks), **answered_by}
        run = stack.enter_context(
            open_run(config.out, recipe=resolved, digests=digests, version=__version__, resume=resume)
        )
        stack.enter_context(attempt_log(config.out / "logs"))
        folder = config.out / EVALUATED
        wanted = fingerprint(resolved, digests, code=digests[CODE], seed=config.seed)
        before = read_done(folder)
        if before is not None and before.fingerprint == wanted and (config.out / SUMMARY).is_file():
            _log.info("%s: done before, kept", config.out)
            return read_summary(config.out / SUMMARY)
        attempt = begin(folder, wanted)
        reset_peak()
        evaluated = evaluate_answers(
            Writing(answers, tasks, folder, seed=config.seed, source=source)
            if isinstance(answers, WrittenAnswers)
            else given,
            tasks,
            folder,
            verifier,
            tolerance=config.tolerance,
            repair_turns=config.repair_turns,
        )
        done = finish(folder, attempt, evaluated.outputs, peak_bytes=peak_bytes())
        model = replace(evaluated.model, name=name, seconds=done.seconds)
        summary = build_summary([model], excluded_tasks=task_set.excluded)
        write_json(config.out / SUMMARY, summary.model_dump(mode="json"))
        record_evaluation(config, run, digests, done, summary)
    return summary


def read_completions(path: Path, tasks: Sequence[Task]) -> list[Completion]:
    """Read the completions of a file; raise DataError for a broken row or an unknown task."""
    _check_there(path)
    known = {task.id for task in tasks}
    completions = []
    for number, completion in read_answers_of_others(path):
        if completion.task_id not in known:
            raise DataError(
                f"{path}:{number}: the task set has no task {completion.task_id!r}",
                "Evaluate with the tasks, seed and limit that the completions were written for.",
            )
        completions.append(completion)
    return completions


def answering(
    config: EvaluateConfig, tasks: Sequence[Task], source: ModelSource | None
) -> tuple[str, Mapping[str, str], list[Completion]]:
    """Return the name of what answers, for tables, its digests, and stored answers where nothing writes them now."""
    match config.answers:
        case EndpointAnswers() as server:
            return server.model, {"endpoint": endpoint_digest(server)}, []
        case ModelAnswers(adapter_off=adapter_off):
            assert source is not None
            return (f"{source.name} (adapter off)" if adapter_off else source.name), source.digests, []
        case FileAnswers(path=path):
            return path.stem, {}, read_completions(path, tasks)
        case FieldAnswers(name=name):
            known = {task.id for task in tasks}
            if isinstance(config.tasks, HumanEvalPackTasks):
                return name, {}, [given for given in read_field(config.tasks.path, name) if given.task_id in known]
            answered = [task for task in tasks if task.reference is not None]
            return (
                name,
                {},
                [Completion(task_id=task.id, text=task.reference or "", finish_reason="given") for task in answered],
            )
    assert_never(config.answers)


def _check_before(config: EvaluateConfig) -> ModelSource | None:
    """Raise early errors of paths, machine and packages; return the answering model, if there is one."""
    answers = config.answers
    source = ready(answers) if isinstance(answers, ModelAnswers) else None
    check_task_files(config.tasks, "tasks")
    if isinstance(answers, FileAnswers):
        _check_there(answers.path)
    pack = isinstance(config.tasks, HumanEvalPackTasks)
    if isinstance(answers, FieldAnswers) and not pack and answers.name != "reference":
        raise ConfigError(f"these tasks have no answers in a field {answers.name!r}", "Set answers.name=reference.")
    return source


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise DataError(
            f"answers.path is {path}, which does not exist.",
            nearest_file(path, "Give a JSONL file of answers, as written by burnish generate: --set answers.path=FILE"),
        )


def tasks_digest(tasks: Sequence[Task]) -> str:
    """Compute the digest of a task set: every field of every task, in order."""
    return digest_json([task.to_json() for task in tasks])
