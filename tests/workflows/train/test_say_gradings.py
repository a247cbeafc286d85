"""What GRPO says of its tasks before it starts, with the real verifier."""

from __future__ import annotations

import logging

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from burnish.workflows.train.grpo import say_gradings
from tests.verify.separate.asking import ADD, ADD_TESTS, task_of

CLOSURE = task_of("fn f(x: impl Fn()) {\n", "#[test]\nfn t() { f(|| ()); }").model_copy(update={"id": "closure"})
BARE = task_of(None, ADD_TESTS).model_copy(update={"id": "bare"})


def test_tasks_that_are_graded_beside_their_answers_are_said(caplog: pytest.LogCaptureFixture) -> None:
    with (
        Verifier(VerifyConfig(sandbox="bubblewrap")) as verifier,
        caplog.at_level(logging.WARNING, logger="burnish.reinforce"),
    ):
        say_gradings(verifier, "grpo", [task_of(ADD, ADD_TESTS)])
        assert caplog.messages == []
        say_gradings(verifier, "grpo", [task_of(ADD, ADD_TESTS), CLOSURE, BARE])
    beside, bare = caplog.messages
    assert beside.startswith("grpo: 1 of 3 tasks are graded in the answer's own process, as closure (`f`: `impl Fn()`")
    assert bare.startswith("grpo: 1 of 3 tasks declare no signature")
