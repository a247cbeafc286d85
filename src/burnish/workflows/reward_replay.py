"""``burnish reward replay RUN|FILE``: what other reward shapes would have paid for samples that exist.

    completions.jsonl, rollouts.jsonl -> verdicts (cache first) -> every shape -> signal, agreement, bias, mistakes

A run is a folder of ``burnish run`` or ``burnish evaluate``; each of its stages that wrote completions counts. Verdicts
come from the run's cache, and what that lacks is verified again; a saved timeout is kept, since none is ever cached.

Left out on purpose: training on any of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from burnish.config.evaluate import EvaluateConfig
from burnish.config.recipe import Recipe
from burnish.config.reward import RewardReplayConfig
from burnish.config.verify import VerifyConfig
from burnish.data.task_sets import TaskSet, load_task_set, read_tasks, require_rust
from burnish.errors import DataError
from burnish.fsio import read_lines
from burnish.ledger.run_folder import RESOLVED
from burnish.records import Completion, Rollout, Task, Verdict
from burnish.score.rewards.comparison import Sample, compare_shape
from burnish.score.rewards.shape import score_verdict
from burnish.workflows.context import COMPLETIONS, HELD_OUT, TRAIN, VERDICTS
from burnish.workflows.judge import open_verifier

ROLLOUTS = "rollouts.jsonl"


@dataclass(frozen=True)
class Written:
    """One completion, where it stands, and what was found of it then."""

    file: Path
    step: int
    completion: Completion
    verdict: Verdict | None


@dataclass(frozen=True)
class Origin:
    """What a run says about its own samples."""

    tasks: tuple[Task, ...]
    verify: VerifyConfig
    cache_folder: Path


def replay_rewards(source: Path, config: RewardReplayConfig) -> dict[str, Any]:
    """Returns ``samples``, ``judged`` (saved, from the cache, verified again) and ``shapes`` (`ShapeReport`).

    Raises DataError when there is nothing to replay or a task is not known, and what `Verifier.verify` raises.
    """
    written = [one for file in _files(source) for one in read_written(file)]
    if not written:
        raise DataError(f"{source} holds no completions.", "Name a run that evaluated or a file of completions.")
    origin = _origin(source, config)
    tasks = {task.id: task for task in origin.tasks}
    for one in written:
        if one.completion.task_id not in tasks:
            raise DataError(
                f"{one.file}: the task {one.completion.task_id!r} is not known.",
                "Name the task set that was answered: --set tasks.kind=file --set tasks.path=tasks.jsonl.",
            )
    require_rust(tasks[one.completion.task_id] for one in written)
    verdicts, judged = _judge(written, tasks, origin)
    samples = [
        Sample((one.file, one.step, one.completion.task_id), one.completion.text, verdict)
        for one, verdict in zip(written, verdicts, strict=True)
    ]
    reports = []
    for shape in config.shapes:
        scores = [score_verdict(shape, verdict, tasks[verdict.task_id]) for verdict in verdicts]
        reports.append(compare_shape(shape.kind, samples, scores, config.top))
    return {"samples": len(written), "judged": judged, "shapes": [asdict(report) for report in reports]}


def read_written(file: Path) -> list[Written]:
    """Completions (with the verdicts beside them) or rollouts; raises DataError naming file and line."""
    found: list[Written] = []
    for number, line in enumerate(read_lines(file), 1):
        try:
            if file.name == ROLLOUTS or '"completion":' in line[:200]:
                rollout = Rollout.from_json(line)
                found.append(Written(file, rollout.step, rollout.completion, rollout.verdict))
            else:
                found.append(Written(file, 0, Completion.from_json(line), None))
        except DataError as error:
            raise DataError(f"{file}:{number}: {error.cause}", error.way_out) from error
    beside = file.with_name(VERDICTS)
    if file.name == COMPLETIONS and beside.is_file():
        verdicts = [Verdict.from_json(line) for line in read_lines(beside)]
        known = {(one.task_id, one.sample_index): one for one in verdicts}
        return [replace(one, verdict=known.get((one.completion.task_id, one.completion.sample_index))) for one in found]
    return found


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(f"there is no {source}", "Name a run folder, or a JSONL file of completions or rollouts.")
    return sorted(file for name in (COMPLETIONS, ROLLOUTS) for file in (*source.glob(name), *source.glob(f"*/{name}")))


def _judge(written: Sequence[Written], tasks: dict[str, Task], origin: Origin) -> tuple[list[Verdict], dict[str, int]]:
    """Verdicts in order, and how many of them came from where."""
    kept = {i: v for i, one in enumerate(written) if (v := one.verdict) is not None and v.reason == "timeout"}
    asked = [i for i in range(len(written)) if i not in kept]
    fresh: list[Verdict] = []
    if asked:
        with open_verifier(origin.verify, origin.cache_folder) as verifier:
            pairs = [(tasks[written[i].completion.task_id], written[i].completion) for i in asked]
            fresh = verifier.verify(pairs)
    verdicts = kept | dict(zip(asked, fresh, strict=True))
    cached = sum(verdict.cached for verdict in fresh)
    judged = {"saved_timeouts": len(kept), "from_cache": cached, "verified_again": len(fresh) - cached}
    return [verdicts[i] for i in range(len(written))], judged


def _origin(source: Path, config: RewardReplayConfig) -> Origin:
    """Tasks, verifier and cache: as the configuration says, else as the run did."""
    folder = next((one for one in (source, *source.resolve().parents) if (one / RESOLVED).is_file()), None)
    own = _of_run(folder) if folder is not None else None
    if config.tasks is not None:
        tasks = _all(load_task_set(config.tasks, config.seed))
    elif own is not None:
        tasks = own.tasks
    else:
        raise DataError(
            f"{source} lies in no run, so its tasks are not known.",
            "Name the task set that was answered: --set tasks.kind=file --set tasks.path=tasks.jsonl.",
        )
    beside = own.cache_folder if own is not None else source.resolve().parent / ".cache"
    return Origin(tasks, config.verify or (own.verify if own is not None else VerifyConfig()), beside)


def _of_run(folder: Path) -> Origin:
    """What ``recipe.resolved.json`` says, of a run or of an evaluation."""
    resolved = json.loads((folder / RESOLVED).read_text(encoding="utf-8"))["recipe"]
    try:
        if "stages" not in resolved:
            evaluated = EvaluateConfig.model_validate_json(json.dumps(resolved))
            tasks = _all(load_task_set(evaluated.tasks, evaluated.seed))
            return Origin(tasks, evaluated.verify, folder / ".cache")
        recipe = Recipe.model_validate_json(json.dumps(resolved))
    except ValidationError as error:
        raise DataError(
            f"{folder / RESOLVED} is not of this version: {error.errors()[0]['msg']}.",
            "Replay single files instead, and name their tasks.",
        ) from error
    files = [file for name in (TRAIN, HELD_OUT) for file in sorted(folder.glob(f"*/{name}"))]
    return Origin(tuple(task for file in files for task in read_tasks(file)), recipe.verify, folder.parent)


def _all(found: TaskSet) -> tuple[Task, ...]:
    return (*found.train, *found.held_out)
