"""Every kind of stage names a function that takes a run, a stage and its folder."""

from __future__ import annotations

import inspect

import pytest

from burnish.config.stages.recipe import KINDS, kinds_that_make
from burnish.config.stages.stage import Stage, TrainingStage
from burnish.workflows.run.context import workflow_of


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_has_a_workflow_and_makes_something(kind: type[Stage]) -> None:
    named = [kind.workflow] + ([kind.training_function] if issubclass(kind, TrainingStage) else [])
    for name in named:
        assert list(inspect.signature(workflow_of(name)).parameters) == ["run", "stage", "folder"]
    assert kind.makes


def test_what_a_stage_makes_is_what_later_ones_may_name() -> None:
    assert kinds_that_make("adapter") == ["expert_iteration", "grpo", "preference", "sft"]
    assert kinds_that_make("model") == ["merge", "pretrain"]
    assert kinds_that_make("rollouts") == ["expert_iteration", "grpo"]
