"""``burnish reward attack``: check whether a reward can be earned without solving the task.

    cheating corpus -> the real verifier -> every shape -> per task: no cheat above the lowest honest wrong answer

Also checked: every right answer is above every other one, and honest wrong answers are what they claim to be. One
failure, or one answer that could not be scored, means that the attack succeeded.

Left out on purpose: cheats against a model as judge, which burnish does not use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from burnish.config.reward import RewardAttackConfig, RewardConfig
from burnish.records import Completion, Verdict
from burnish.score.cheating.corpus import Answer, read_corpus
from burnish.score.rewards.score_verdict import reward_bounds, score_verdict
from burnish.verify import Verifier

TOLERANCE = 1e-9
"""Rewards that differ by at most this are equal: they are sums of floats."""


@dataclass(frozen=True)
class Breach:
    """One answer with a reward that it should not get."""

    shape: str
    task: str
    answer: str
    problem: str
    reward: float | None
    limit: float | None
    """The bound it should not exceed; for a right answer, the bound it should exceed."""


@dataclass(frozen=True)
class Standing:
    """The result of one shape on all tasks."""

    shape: str
    bounds: tuple[float, float]
    best_cheat: float
    lowest_wrong: float
    lowest_right: float
    breaches: int


def attack_rewards(config: RewardAttackConfig, answers: Sequence[Answer] | None = None) -> dict[str, Any]:
    """Judge the corpus once and score it by every shape.

    Returns ``withstood``, ``answers`` (counts by role), ``shapes`` (`Standing`) and ``breaches`` (`Breach`).
    Raises what `Verifier.verify` raises.
    """
    given = read_corpus() if answers is None else list(answers)
    with Verifier(config.verify) as verifier:
        verdicts = verifier.verify(
            [(answer.task, Completion(task_id=answer.task.id, text=answer.text)) for answer in given]
        )
    breaches = _dishonest(given, verdicts)
    standings = []
    for shape in config.shapes:
        shape_breaches, standing = _attack(shape, given, verdicts)
        breaches += shape_breaches
        standings.append(standing)
    return {
        "withstood": not breaches,
        "answers": {role: sum(answer.role == role for answer in given) for role in ("right", "wrong", "cheat")},
        "shapes": [asdict(standing) for standing in standings],
        "breaches": [asdict(breach) for breach in breaches],
    }


def _dishonest(answers: Sequence[Answer], verdicts: Sequence[Verdict]) -> list[Breach]:
    """Find answers whose verdict contradicts their file name, which would make the bar wrong."""
    breaches = []
    for answer, verdict in zip(answers, verdicts, strict=True):
        passed = verdict.status == "pass"
        if passed and answer.role != "right":
            problem = "passes its hidden tests"
        elif answer.role == "right" and not passed:
            problem = f"does not pass: {verdict.reason} at stage {verdict.stage}"
        elif answer.role == "wrong" and not (verdict.compiled and verdict.stage == "test"):
            problem = f"is not an honest wrong answer: {verdict.reason} at stage {verdict.stage}"
        else:
            continue
        breaches.append(Breach("every shape", answer.task.id, answer.name, problem, None, None))
    return breaches


def _attack(
    shape: RewardConfig, answers: Sequence[Answer], verdicts: Sequence[Verdict]
) -> tuple[list[Breach], Standing]:
    rewards = [
        score_verdict(shape, verdict, answer.task).value for answer, verdict in zip(answers, verdicts, strict=True)
    ]
    breaches = []
    for task in dict.fromkeys(answer.task.id for answer in answers):
        of_task = [(answer, reward) for answer, reward in zip(answers, rewards, strict=True) if answer.task.id == task]
        breaches += _breaches(shape.kind, of_task)
    by_role = {
        role: [r for answer, r in zip(answers, rewards, strict=True) if answer.role == role and r is not None]
        for role in ("right", "wrong", "cheat")
    }
    standing = Standing(
        shape.kind,
        reward_bounds(shape),
        max(by_role["cheat"], default=float("nan")),
        min(by_role["wrong"], default=float("nan")),
        min(by_role["right"], default=float("nan")),
        len(breaches),
    )
    return breaches, standing


def _breaches(shape: str, rewarded: Sequence[tuple[Answer, float | None]]) -> list[Breach]:
    """List the breaches on one task."""
    task = rewarded[0][0].task.id
    honest = [reward for answer, reward in rewarded if answer.role == "wrong" and reward is not None]
    other = [reward for answer, reward in rewarded if answer.role != "right" and reward is not None]
    bar, top = min(honest, default=None), max(other, default=None)
    breaches = []
    for answer, reward in rewarded:
        if reward is None:
            breaches.append(Breach(shape, task, answer.name, "could not be scored", None, None))
        elif answer.role == "cheat" and (bar is None or reward > bar + TOLERANCE):
            breaches.append(Breach(shape, task, answer.name, "a cheat above an honest wrong answer", reward, bar))
        elif answer.role == "right" and top is not None and reward <= top + TOLERANCE:
            breaches.append(Breach(shape, task, answer.name, "a right answer not above all others", reward, top))
    return breaches
