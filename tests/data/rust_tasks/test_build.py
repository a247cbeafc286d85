"""The split keeps combinations apart, builds are reproducible, and every reference agrees with its oracle."""

from __future__ import annotations

import dataclasses
import random

import pytest

from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks import build
from burnish.data.rust_tasks.build import FAMILIES, build_rust_tasks, draw_drafts, is_held_out
from burnish.errors import ConfigError
from burnish.records import Completion, Task, ValueTests
from burnish.verify import Verifier


def _pairs(tasks: tuple[Task, ...]) -> list[tuple[Task, Completion]]:
    return [(task, Completion(task_id=task.id, text=task.reference or "", finish_reason="given")) for task in tasks]


def test_same_seed_same_tasks_and_another_seed_others() -> None:
    first = build_rust_tasks(train=50, held_out=20, cases=3, seed=1)
    assert first == build_rust_tasks(train=50, held_out=20, cases=3, seed=1)
    assert first != build_rust_tasks(train=50, held_out=20, cases=3, seed=2)


def test_no_combination_and_no_prompt_is_on_both_sides() -> None:
    train, held_out = build_rust_tasks(train=1500, held_out=300, cases=2, seed=0)
    assert not {task.family for task in train} & {task.family for task in held_out}
    prompts = [task.prompt[0].content for task in (*train, *held_out)]
    assert len(set(prompts)) == len(prompts)


def test_every_part_of_a_held_out_combination_is_seen_in_training() -> None:
    train, held_out = build_rust_tasks(train=12000, held_out=300, cases=1, seed=0)
    seen = {(task.family.split("/")[0], part) for task in train for part in task.family.split("/")}
    missing = {(task.family.split("/")[0], part) for task in held_out for part in task.family.split("/")} - seen
    assert not missing


def test_hidden_cases_are_distinct_calls() -> None:
    train, _ = build_rust_tasks(train=100, held_out=1, cases=8, seed=0)
    for task in train:
        assert isinstance(task.tests, ValueTests)
        calls = [case.call for case in task.tests.cases]
        assert len(calls) == len(set(calls)) >= 4


def test_no_constant_passes_the_hidden_cases() -> None:
    train, held_out = build_rust_tasks(train=2000, held_out=300, cases=12, seed=0)
    for task in (*train, *held_out):
        assert isinstance(task.tests, ValueTests)
        assert len({case.expected for case in task.tests.cases}) > 1, task.id


def test_a_draft_with_one_expected_value_becomes_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    one = next(draw_drafts(random.Random(0), held_out=False))
    case = one.draw_case(random.Random(0))
    constant = dataclasses.replace(one, draw_case=lambda _: case)
    monkeypatch.setattr(build, "FAMILIES", ((lambda _: constant, 1.0),))
    with pytest.raises(ConfigError, match="only 0 distinct training tasks"):
        build_rust_tasks(train=1, held_out=0, cases=3, seed=0)


def test_more_tasks_than_can_be_composed_is_refused_with_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    one = next(draw_drafts(random.Random(0), held_out=False))
    monkeypatch.setattr(build, "FAMILIES", ((lambda _: one, 1.0),))
    with pytest.raises(ConfigError, match=r"only [1-5] distinct training tasks"):
        build_rust_tasks(train=50, held_out=0, cases=1, seed=0)


def test_every_family_draws_both_sides() -> None:
    for draw, _ in FAMILIES:
        rng = random.Random(0)
        sides = {is_held_out(draw(rng).combination) for _ in range(400)}
        assert sides == {True, False}, draw.__name__


def test_references_of_every_family_pass_their_own_hidden_tests_without_a_lint() -> None:
    train, held_out = build_rust_tasks(train=40, held_out=80, cases=6, seed=11)
    with Verifier(VerifyConfig()) as verifier:
        verdicts = verifier.verify(_pairs((*train, *held_out)))
    bad = [(v.task_id, v.reason, v.lints, v.detail) for v in verdicts if v.status != "pass" or v.lints]
    assert not bad


def test_a_reference_with_another_meaning_fails() -> None:
    drafts = draw_drafts(random.Random(5), held_out=False)
    draft = next(d for d in drafts if d.combination.startswith("slice/") and d.combination.endswith("/sum"))
    rng = random.Random(0)
    cases = tuple({case.call: case for case in (draft.draw_case(rng) for _ in range(20))}.values())
    task = Task(
        id="t", family=draft.combination, prompt=(), entry_point=draft.entry_point, tests=ValueTests(cases=cases)
    )
    wrong = Completion(task_id="t", text=draft.code.replace(".sum()", ".product()"))
    with Verifier(VerifyConfig()) as verifier:
        (verdict,) = verifier.verify([(task, wrong)])
    assert (verdict.status, verdict.reason) == ("fail", "tests_failed")
