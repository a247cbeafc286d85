"""Run Optuna's samplers and pruners on stored results, without own state.

A draw depends only on the seed, the run's number and earlier results: a resumed sweep makes the same choices.
Not covered: several objectives, runs side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.config.verbs.sweep import (
    Direction,
    HalvingPruning,
    MedianPruning,
    PruningConfig,
    RandomSearch,
    Range,
    TpeSearch,
)
from burnish.fsio import digest_json
from burnish.workflows.run.requirements import require


@dataclass(frozen=True)
class Trial:
    """The result of an earlier run."""

    params: Mapping[str, Any]
    value: float | None
    """Value of the objective; None for a run that failed or was stopped."""
    pruned: bool = False
    curve: Mapping[int, float] = field(default_factory=dict)
    """Step -> the value that pruning watches."""


def propose(
    search: RandomSearch | TpeSearch,
    index: int,
    *,
    seed: int,
    direction: Direction = "maximize",
    history: Sequence[Trial] = (),
) -> dict[str, Any]:
    """Choose the values of run ``index``; ``history`` has the earlier runs."""
    require("search")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler_seed = int(digest_json(["sweep", seed, index])[:8], 16)
    sampler: optuna.samplers.BaseSampler
    if isinstance(search, TpeSearch):
        sampler = optuna.samplers.TPESampler(seed=sampler_seed, n_startup_trials=search.startup_runs)
    else:
        sampler = optuna.samplers.RandomSampler(seed=sampler_seed)
    study = optuna.create_study(direction=direction, sampler=sampler)
    distributions = {key: _distribution(values) for key, values in search.space.items()}
    for trial in history:
        state = optuna.trial.TrialState.COMPLETE if trial.value is not None else optuna.trial.TrialState.FAIL
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.PRUNED if trial.pruned else state,
                value=trial.value,
                params={
                    key: value if isinstance(values := search.space[key], Range) else values.index(value)
                    for key, value in trial.params.items()
                },
                distributions=distributions,
            )
        )
    drawn = study.ask(distributions).params
    return {
        key: value if isinstance(values := search.space[key], Range) else values[value] for key, value in drawn.items()
    }


def _distribution(space: Sequence[Any] | Range) -> Any:
    import optuna.distributions as kinds

    if not isinstance(space, Range):
        # By index, since a value may be a list or a mapping.
        return kinds.CategoricalDistribution(list(range(len(space))))
    if isinstance(space.low, int) and isinstance(space.high, int):
        return kinds.IntDistribution(space.low, space.high, log=space.log)
    return kinds.FloatDistribution(space.low, space.high, log=space.log)


class Pruner:
    """Decide whether to stop a running run, by the curves of earlier runs."""

    def __init__(self, config: PruningConfig, history: Sequence[Trial]) -> None:
        require("search")
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.config = config
        self._study = optuna.create_study(direction=config.direction, pruner=_pruner(config))
        for trial in history:
            if trial.curve and (trial.value is not None or trial.pruned):
                self._replay(trial)
        self._trial = self._study.ask()
        self._last = -1

    def reason(self, curve: Mapping[int, float]) -> str | None:
        """Return why the run should stop; None when it should continue."""
        for step in sorted(step for step in curve if step > self._last):
            self._last = step
            self._trial.report(curve[step], step)
            if self._trial.should_prune():
                return self._in_words(step, curve)
        return None

    def _in_words(self, step: int, curve: Mapping[int, float]) -> str:
        metric = self.config.metric
        if self.config.kind == "halving":
            return f"{metric} was {curve[step]:.6g} at step {step}, not among the best so far"
        so_far = [value for place, value in curve.items() if place <= step]
        best = min(so_far) if self.config.direction == "minimize" else max(so_far)
        return f"the best {metric} up to step {step} was {best:.6g}, worse than the median of earlier runs there"

    def _replay(self, trial: Trial) -> None:
        """Replay an earlier run: halving records the rungs that it reached."""
        import optuna

        replayed = self._study.ask()
        for step, value in sorted(trial.curve.items()):
            replayed.report(value, step)
            replayed.should_prune()
        if trial.pruned:
            self._study.tell(replayed, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(replayed, 0.0)  # the pruner only uses curves


def _pruner(config: PruningConfig) -> Any:
    import optuna

    match config:
        case MedianPruning():
            return optuna.pruners.MedianPruner(n_startup_trials=config.startup_runs, n_warmup_steps=config.warmup_steps)
        case HalvingPruning():
            return optuna.pruners.SuccessiveHalvingPruner(
                min_resource=config.first_step, reduction_factor=config.factor
            )


def fits(search: RandomSearch | TpeSearch, params: Mapping[str, Any]) -> bool:
    """Return whether the search could have drawn these values."""
    if params.keys() != search.space.keys():
        return False
    return all(
        values.low <= params[key] <= values.high
        if isinstance(values := search.space[key], Range)
        else params[key] in values
        for key in params
    )
