"""Run a recipe with varied settings and find the best and its lead over the next.

Every run is ``burnish run`` of a recipe in ``recipes/``. The same command keeps finished runs and retries failed ones.
Left out on purpose: parallel runs; evaluating the best one again on fresh tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from burnish.config.verbs.sweep import Objective, RandomSearch, SweepConfig, TpeSearch
from burnish.errors import BurnishError
from burnish.fsio import write_json
from burnish.records import Part, Record
from burnish.records.layout import SWEEP_SUMMARY
from burnish.records.summary import PairedEstimate
from burnish.workflows.experiments.objective import Reached, compare_runs, distinguishable, logged, reached
from burnish.workflows.experiments.predictions import Predictor, same_work
from burnish.workflows.experiments.programs import (
    ENDED,
    FAILED,
    ExperimentState,
    Folder,
    State,
    failed_before,
    measured,
    opened,
    recipe_fingerprint,
    run_experiment,
)
from burnish.workflows.experiments.search import Pruner, Trial
from burnish.workflows.experiments.sweep_plan import Plan, plan_sweep, run_id
from burnish.workflows.manage.supervise import program
from burnish.workflows.preflight import check_early, problem_of
from burnish.workflows.run.requirements import require


class RunResult(Part):
    """One run of a sweep."""

    run_id: str
    run_index: int
    config: str
    """The recipe as a file, for ``burnish run``."""
    params: dict[str, Any]
    output_dir: str
    logging_dir: str
    success: bool
    state: State
    reason: str = ""
    """Why it is not done."""
    metric: float | None = None
    """Its value of the objective."""
    interval: tuple[float, float] | None = None
    """95 %."""
    seconds: float
    """Seconds of its stages over all attempts; of the last command if the run failed."""
    peak_bytes: int | None = None
    device_peak_bytes: int | None = None
    attempts: int


class Best(Part):
    """The best run, and the evidence for it."""

    run_id: str
    metric: float
    interval: tuple[float, float] | None
    next: str | None
    """The second best."""
    difference: PairedEstimate | None
    """Difference of the best to the second best, on the same tasks."""
    distinguishable: bool | None
    """Whether the interval excludes 0; None without an interval."""
    chosen_among: int
    """Runs with a value: the more there are, the more the choice biases the best value upwards."""


class SweepSummary(Record):
    """The format of ``sweep_summary.json``."""

    total_runs: int
    successful_runs: int
    failed_runs: int
    pruned_runs: int
    base_config: str
    seed: int
    objective: dict[str, str]
    best: Best | None
    results: tuple[RunResult, ...]


class PlannedRun(Part):
    """A run before it begins; unknown values are None."""

    run_id: str
    params: dict[str, Any] | None
    """None if results of other runs choose them."""
    done: bool
    seconds: float | None
    peak_bytes: int | None
    device_peak_bytes: int | None
    cost: float | None
    problem: str = ""
    """Why it cannot begin, as far as recipe, files and machine tell."""


def sweep(
    config: SweepConfig, base: Path, *, resume: bool = False, show: Callable[[SweepSummary], None] = lambda _: None
) -> SweepSummary:
    """Run the unfinished runs and return the content of ``sweep_summary.json``.

    Args:
        config: the sweep.
        base: file of its recipe.
        resume: continue although settings changed; unaffected runs are kept.
        show: called with the summary before the first run and after each.
    """
    plan = plan_sweep(config, base)
    if config.pruning is not None:
        require("search")
    resolved = config.model_dump(mode="json") | {"first": plan.first().model_dump(mode="json")}
    with opened(config.out, resolved, resume=resume) as folder:
        results: list[RunResult] = []
        show(_summary(plan, folder, results))
        for index in range(plan.total):
            results.append(_one_run(plan, folder, index, results, resume=resume))
            summary = _summary(plan, folder, results)
            write_json(config.out / SWEEP_SUMMARY, summary.model_dump(mode="json"))
            show(summary)
    return _summary(plan, folder, results)


def dry_run(config: SweepConfig, base: Path) -> list[PlannedRun]:
    """Plan the runs, with costs from earlier runs; write nothing."""
    plan = plan_sweep(config, base)
    folder, first = Folder(config.out), plan.first()
    predictor = Predictor([folder.runs, first.runs_dir])
    alike = plan.fixed is not None or same_work(_keys(config))
    planned = []
    for index in range(plan.total):
        params = dict(plan.params(index, ())) if plan.fixed is not None else None
        name = run_id(index, params) if params is not None else f"run_{index:03d}"
        recipe = first if params is None else plan.recipe(params, name, folder.runs)
        problem = problem_of(partial(check_early, recipe, recipe.stages))
        guess = predictor.predict(recipe) if alike else None
        seconds = None if guess is None else guess.seconds
        state, price = folder.read_state(index), config.price_per_hour
        planned.append(
            PlannedRun(
                run_id=name,
                params=params,
                done=state is not None and state.state in ENDED,
                seconds=seconds,
                peak_bytes=None if guess is None else guess.peak_bytes,
                device_peak_bytes=None if guess is None else guess.device_peak_bytes,
                cost=None if seconds is None or price is None else seconds / 3600 * price,
                problem=problem,
            )
        )
    return planned


def _keys(config: SweepConfig) -> list[str]:
    search = config.search
    return list(search.space) if isinstance(search, RandomSearch | TpeSearch) else []


def _one_run(plan: Plan, folder: Folder, index: int, before: Sequence[RunResult], *, resume: bool) -> RunResult:
    config, state = plan.config, folder.read_state(index)
    history = [_trial(folder, result, config) for result in before]
    params = plan.params(index, history, None if state is None else state.params)
    planned = ExperimentState(
        id=run_id(index, params), index=index, state="running", fingerprint="", params=dict(params)
    )
    try:
        recipe = plan.recipe(params, planned.id, folder.runs)
        check_early(recipe, recipe.stages)
        planned = planned.model_copy(update={"fingerprint": recipe_fingerprint(recipe)})
    except BurnishError as error:
        return _result(folder, failed_before(folder, planned, error), config.objective)
    if state is not None and state.state in ENDED and state.fingerprint == planned.fingerprint:
        return _result(folder, state, config.objective)
    file = folder.write_config(planned.id, recipe.model_dump(mode="json", exclude_unset=True))
    pruner = None if config.pruning is None else Pruner(config.pruning, history)

    def hopeless() -> str | None:
        if pruner is None:
            return None
        return pruner.reason(logged(folder.run(planned.id), pruner.config.stage, pruner.config.metric))

    command = program("run", str(file), *(["--resume"] if resume else []))
    ended = run_experiment(
        folder, planned, [command], timeout_s=config.timeout_s, retries=config.retries, watch=hopeless
    )
    return _result(folder, ended, config.objective)


def _trial(folder: Folder, result: RunResult, config: SweepConfig) -> Trial:
    """Collect a run's results for the search and the pruner."""
    pruning = config.pruning
    curve = {} if pruning is None else logged(folder.run(result.run_id), pruning.stage, pruning.metric)
    return Trial(result.params, result.metric, result.state == "pruned", curve)


def _result(folder: Folder, state: ExperimentState, objective: Objective) -> RunResult:
    run = folder.run(state.id)
    done = state.state == "done"
    value: Reached | None = reached(run, objective) if done else None
    took = measured(run)
    nothing = f"{objective.stage} has no {objective.metric}" if done and value is None else ""
    return RunResult(
        run_id=state.id,
        run_index=state.index,
        config=str(folder.recipe(state.id)),
        params=state.params,
        output_dir=str(run),
        logging_dir=str(run / "logs"),
        success=done,
        state=state.state,
        reason=state.reason or nothing,
        metric=None if value is None else value.value,
        interval=None if value is None else value.ci95,
        seconds=took.seconds if done else state.seconds,
        peak_bytes=took.peak_bytes,
        device_peak_bytes=took.device_peak_bytes,
        attempts=state.attempts,
    )


def _summary(plan: Plan, folder: Folder, results: Sequence[RunResult]) -> SweepSummary:
    config = plan.config
    return SweepSummary(
        total_runs=plan.total,
        successful_runs=sum(result.success for result in results),
        failed_runs=sum(result.state in FAILED for result in results),
        pruned_runs=sum(result.state == "pruned" for result in results),
        base_config=str(plan.base),
        seed=config.seed,
        objective=config.objective.model_dump(mode="json"),
        best=_best(folder, results, config.objective),
        results=tuple(results),
    )


def _best(folder: Folder, results: Sequence[RunResult], objective: Objective) -> Best | None:
    """Compare the earliest run with the best value to the next."""
    valued = [(result, result.metric) for result in results if result.metric is not None]
    sign = -1 if objective.direction == "maximize" else 1
    ranked = sorted(valued, key=lambda pair: sign * pair[1])
    if not ranked:
        return None
    first, value = ranked[0]
    following = ranked[1][0] if len(ranked) > 1 else None
    difference = (
        None if following is None else compare_runs(folder.run(first.run_id), folder.run(following.run_id), objective)
    )
    return Best(
        run_id=first.run_id,
        metric=value,
        interval=first.interval,
        next=None if following is None else following.run_id,
        difference=difference,
        distinguishable=None if difference is None else distinguishable(difference),
        chosen_among=len(ranked),
    )
