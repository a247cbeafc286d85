"""Draws depend on seed, number and history alone; pruners stop what is worse than what came before."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from burnish.config.verbs.sweep import HalvingPruning, MedianPruning, RandomSearch, Range, TpeSearch
from burnish.workflows.experiments.search import Pruner, Trial, fits, propose

SPACE: dict[str, tuple[object, ...] | Range] = {
    "lr": Range(low=1e-5, high=1e-1, log=True),
    "r": Range(low=1, high=64),
    "adapter": ({"kind": "lora"}, {"kind": "dora"}, None),
}
RANDOM = RandomSearch(runs=5, space=SPACE)
TPE = TpeSearch(runs=40, startup_runs=5, space={"lr": Range(low=1e-5, high=1e-1, log=True)})


def test_random_draws_repeat_and_differ_by_number_and_seed() -> None:
    draws = [propose(RANDOM, index, seed=1) for index in range(30)]
    assert draws == [propose(RANDOM, index, seed=1) for index in range(30)]
    assert len({draw["lr"] for draw in draws}) == 30
    assert draws[0] != propose(RANDOM, 0, seed=2)
    assert all(fits(RANDOM, draw) and isinstance(draw["r"], int) for draw in draws)
    assert {str(draw["adapter"]) for draw in draws} == {str(one) for one in ({"kind": "lora"}, {"kind": "dora"}, None)}
    assert sum(draw["lr"] < 1e-3 for draw in draws) in range(8, 23)  # the logarithm is drawn evenly


def test_tpe_depends_on_results_alone() -> None:
    def value(lr: float) -> float:
        return -abs(lr - 1e-2)

    history: list[Trial] = []
    for index in range(30):
        params = propose(TPE, index, seed=3, history=history)
        assert params == propose(TPE, index, seed=3, history=history)
        history.append(Trial(params, None if index == 2 else value(params["lr"]), pruned=index == 2))
    early = [abs(one.params["lr"] - 1e-2) for one in history[:5]]
    late = [abs(one.params["lr"] - 1e-2) for one in history[-10:]]
    assert sorted(late)[5] < sorted(early)[2]
    turned = [Trial(one.params, None if one.value is None else -one.value) for one in history]
    assert propose(TPE, 30, seed=3, history=turned) != propose(TPE, 30, seed=3, history=history)


def test_values_of_another_search_do_not_fit() -> None:
    assert fits(TPE, {"lr": 1e-3})
    assert not fits(TPE, {"lr": 1.0})
    assert not fits(TPE, {"r": 3})
    assert not fits(RANDOM, {"lr": 1e-3, "r": 2, "adapter": {"kind": "vera"}})


def finished(curve: Mapping[int, float], *, pruned: bool = False) -> Trial:
    return Trial({}, None if pruned else 1.0, pruned, curve)


MEDIAN = MedianPruning(stage="sft", startup_runs=2)


def test_a_run_worse_than_the_median_is_stopped() -> None:
    history = [finished({1: 2.0, 2: 1.0}), finished({1: 3.0, 2: 2.0})]
    assert Pruner(MEDIAN, history).reason({1: 2.4, 2: 1.4}) is None
    assert Pruner(MEDIAN, history).reason({1: 2.4, 2: 2.3}) == (
        "the best loss up to step 2 was 2.3, worse than the median of earlier runs there"
    )
    grows = Pruner(MEDIAN, history)
    assert grows.reason({1: 1.4}) is None
    assert grows.reason({1: 1.4, 2: 9.0}) is None, "its best value so far is compared"


def test_nothing_is_stopped_before_enough_runs_or_steps() -> None:
    one = [finished({1: 1.0})]
    assert Pruner(MEDIAN, one).reason({1: 9.0}) is None
    late = MedianPruning(stage="sft", startup_runs=1, warmup_steps=5)
    assert Pruner(late, one).reason({1: 9.0}) is None
    assert Pruner(MEDIAN, [*one, finished({1: 1.0}, pruned=True)]).reason({1: 9.0}) is None
    failed = Trial({}, None, False, {1: 1.0})
    assert Pruner(MEDIAN, [*one, failed]).reason({1: 9.0}) is None


def test_a_metric_can_be_maximised() -> None:
    largest = MedianPruning(stage="sft", metric="accuracy", direction="maximize", startup_runs=1)
    assert Pruner(largest, [finished({1: 0.5})]).reason({1: 0.6}) is None
    assert Pruner(largest, [finished({1: 0.5})]).reason({1: 0.4}) is not None


@pytest.mark.parametrize(("loss", "stopped"), [(0.5, False), (5.0, True)])
def test_halving_continues_the_best_share(loss: float, stopped: bool) -> None:
    config = HalvingPruning(stage="sft", first_step=1, factor=2)
    history = [finished({1: value, 2: value}) for value in (1.0, 2.0, 3.0)]
    assert (Pruner(config, history).reason({1: loss}) is not None) == stopped
