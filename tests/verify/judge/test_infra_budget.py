"""When faults of the machine are too many."""

from __future__ import annotations

import pytest

from burnish.errors import InfraBudgetError
from burnish.verify.judge.infra_budget import ENOUGH, InfraBudget
from tests.score.example_verdicts import infra, passing


def test_faults_are_weighed_over_all_verdicts_and_never_against_a_handful() -> None:
    budget = InfraBudget(0.1, judged="answers")
    budget.weigh([infra("a")] * 5)
    budget.weigh([passing("b")] * ENOUGH)
    with pytest.raises(InfraBudgetError, match="6 of 56 answers could not be judged"):
        budget.weigh([infra("a")])


def test_a_task_that_cannot_be_judged_here_is_no_fault() -> None:
    budget = InfraBudget(0.0, judged="answers")
    budget.weigh([infra("a").model_copy(update={"stage": "extract"}), passing("b")])
    with pytest.raises(InfraBudgetError):
        budget.weigh([infra("a")])
