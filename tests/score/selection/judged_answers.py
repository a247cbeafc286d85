"""Builders of judged answers for the tests of selection."""

from __future__ import annotations

from burnish.config.reward import DenseReward
from burnish.records import Completion, Message, Task, ValueCase, ValueTests, Verdict
from burnish.score.rewards.score_verdict import score_verdict
from burnish.score.selection.judged import Judged
from tests.score.example_verdicts import broken, infra, passing, wrong

BUILT = {"pass": passing, "wrong": wrong, "broken": broken, "infra": infra}
METRICS = {"idiom_score": 0.8, "documented_share": 1.0}


def task(name: str, *, family: str | None = None, level: int = 1, prompt: str | None = None) -> Task:
    return Task(
        id=name,
        family=family or f"family of {name}",
        level=level,
        prompt=(Message(role="user", content=prompt or f"Write {name}."),),
        tests=ValueTests(
            cases=(
                ValueCase(call="f(1)", type="i64", expected="1"),
                ValueCase(call="f(2)", type="i64", expected="2"),
            )
        ),
    )


def judged(
    what: str, of: Task | str, sample: int = 0, code: str = "", *, round: int = 0, cut: bool = False, lints: int = 0
) -> Judged:
    """A completion that ended as ``what`` says; programs differ in ``code``."""
    one = of if isinstance(of, Task) else task(of)
    text = code or f"pub fn f(x: i64) -> i64 {{ x + {sample} }}"
    verdict: Verdict = BUILT[what](one.id, sample)
    update = {"code": text, "metrics": METRICS, "lints": ("clippy::needless_return",) * lints}
    verdict = verdict.model_copy(update=update)
    completion = Completion(task_id=one.id, sample_index=sample, text=text, finish_reason="length" if cut else "stop")
    return Judged(one, completion, verdict, score_verdict(DenseReward(), verdict, one), round)
