"""Run expert iteration: sample answers to training tasks, verify, score, select, fine-tune on them, and repeat.

Each round has a folder, ``round_1`` and so on; a killed run continues in its round and step. The samples of a round
depend only on the seed, the round and its initial weights.

Left out on purpose: the steps of a round (`expert_iteration.round`), its files (`expert_iteration.files`).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from burnish.config.stages.kinds.expert_iteration import ExpertIterationStage
from burnish.data.tasks.task_sets import tested
from burnish.errors import ConfigError
from burnish.fsio import digest_json, whole_folder
from burnish.records import Task
from burnish.score.selection.held_out import HeldOut
from burnish.score.selection.pass_rates import PassRates, draw_in_turn
from burnish.score.selection.select import Kept
from burnish.wording import counted
from burnish.workflows.expert_iteration.round import Round, RoundResult
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.train.start import starting_point

logger = logging.getLogger("burnish.expert_iteration")


@dataclass(frozen=True)
class TaskPool:
    """Tasks of the stage."""

    train: tuple[Task, ...]
    validation: tuple[Task, ...]
    held_out: HeldOut


def expert_iteration(run: Run, stage: ExpertIterationStage, folder: Path) -> Outcome:
    """Run all rounds and write the weights of the last one, or of the best; continue an earlier attempt.

    Raises DataError without tasks to sample or rows to learn from, GateError for rows that must not be trained on, and
    the errors of sampling and training.
    """
    pool = task_pool(run, stage)
    start = starting_point(run, stage, folder)
    weights, steps = start, 0
    rates = PassRates()
    kept: list[Sequence[Kept]] = []
    results: list[RoundResult] = []
    Round(run, stage, folder, 0, steps).measure(weights, pool.validation)
    for number in range(1, stage.rounds + 1):
        this_round = Round(run, stage, folder, number, steps)
        judged = this_round.sample(weights, drawn_tasks(stage, pool.train, rates, number, run.recipe.seed))
        rates.add(judgement.verdict for judgement in judged)
        chosen = this_round.select(judged, pool.held_out)
        kept = [*kept, chosen] if stage.keep_rounds else [chosen]
        rows = this_round.rows(kept, pool.train)
        result = this_round.learn(start if stage.train_from == "start" else weights, rows, pool.validation)
        results.append(result)
        steps += result.steps
        weights = start.with_trained(result.trained)
    best = _chosen(stage, results)
    output = run.trained_output(stage)
    with whole_folder(folder / output, replacing=True) as copied:
        shutil.copytree(best.trained, copied, dirs_exist_ok=True)
    logger.info("%s: leaves the weights of round %d of %d", stage.name, best.number, stage.rounds)
    metrics = {"rounds": float(stage.rounds), "round": float(best.number), "steps": float(steps), **best.metrics}
    return Outcome.of_training(folder / output, start.base, metrics)


def task_pool(run: Run, stage: ExpertIterationStage) -> TaskPool:
    """Return training tasks with hidden tests, the validation tasks among them, and the held-out tasks."""
    tasks = tested(stage.name, run.train_tasks(stage.name))
    aside = set_aside(tasks, stage.validation, run.recipe.seed)
    families = {task.family for task in aside}
    train = tuple(task for task in tasks if task.family not in families)
    if not train:
        raise ConfigError(
            f"setting {stage.validation} of {len(tasks)} tasks aside with their families leaves no training tasks.",
            f"Lower validation of stage {stage.name}, or build more training tasks.",
        )
    if aside:
        logger.info("%s: %s to train on, %d to measure rounds by", stage.name, counted(len(train), "task"), len(aside))
    return TaskPool(train, aside, HeldOut(run.untrained_tasks(stage.name)))


def set_aside(tasks: Sequence[Task], count: int, seed: int) -> tuple[Task, ...]:
    """Choose ``count`` tasks, family after family, in an order by seed."""
    ordered = sorted(tasks, key=lambda task: (digest_json(["aside", seed, task.family]), task.id))
    return tuple(ordered[:count])


def drawn_tasks(
    stage: ExpertIterationStage, tasks: Sequence[Task], rates: PassRates, number: int, seed: int
) -> list[Task]:
    """Return the tasks of a round, in their order."""
    count = stage.prompts or len(tasks)
    ids = [task.id for task in tasks]
    chosen = set(
        rates.draw(ids, count, seed + number)
        if stage.draw == "by_pass_rate"
        else draw_in_turn(ids, count, number - 1, seed)
    )
    return [task for task in tasks if task.id in chosen]


def _chosen(stage: ExpertIterationStage, results: Sequence[RoundResult]) -> RoundResult:
    if stage.result == "last":
        return results[-1]
    return max(results, key=lambda result: (result.metrics["validation_tests_passed"], -result.number))
