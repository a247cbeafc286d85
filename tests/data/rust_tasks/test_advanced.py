"""Tests of advanced tasks: references agree with oracles in every part, the split holds, the core set is unchanged."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

import pytest

from burnish.config.load import load_config
from burnish.config.verbs.build import BuildTasksConfig
from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks.advanced.families import ADVANCED, UNSEEN, UNSEEN_PREFIX
from burnish.data.rust_tasks.build import build_rust_tasks, draw_drafts, families_of, is_held_out
from burnish.data.rust_tasks.draft import Draft
from burnish.errors import ConfigError, GateError
from burnish.fsio import digest_bytes
from burnish.records import Completion, Task, ValueTests, Verdict
from burnish.score.selection.held_out import HeldOut
from burnish.verify import Verifier

CORE_DIGEST = "5d3a721331fa12ce3f9e355f95cd3332573e4f3874def7b60eb16e6454a98a08"
"""Of 300 training and 100 held-out core tasks with seed 0, as they were before there were others."""
MOST_DRAWS = 4000


def _parts(draft: Draft) -> set[tuple[str, str]]:
    kind, *parts = draft.combination.split("/")
    return {(kind, part) for part in parts}


def _covering() -> Iterator[Draft]:
    """Drafts of every advanced kind, each with a part of its combination that no draft before had."""
    for draw, _ in (*ADVANCED, *UNSEEN):
        rng, seen = random.Random(draw.__name__), set[tuple[str, str]]()
        for _ in range(MOST_DRAWS):
            draft = draw(rng)
            if _parts(draft) - seen:
                seen |= _parts(draft)
                yield draft


@cache
def _covered() -> tuple[tuple[Task, Verdict], ...]:
    """Tasks of the covering drafts and the verdicts of their references; one call of the verifier for all tests."""
    rng, tasks = random.Random(0), []
    for number, draft in enumerate(_covering()):
        cases = {case.call: case for case in (draft.draw_case(rng) for _ in range(6))}
        if draft.helper_case is not None:
            helped = draft.helper_case(rng)
            cases[helped.call] = helped
        tests = ValueTests(cases=tuple(cases.values()))
        tasks.append(Task(id=f"t{number}", family=draft.combination, prompt=(), tests=tests, reference=draft.code,
                          entry_point=draft.entry_point, level=draft.level))  # fmt: skip
    pairs = [(task, Completion(task_id=task.id, text=task.reference or "", finish_reason="given")) for task in tasks]
    with Verifier(VerifyConfig(), together="always", prepared=True) as verifier:
        return tuple(zip(tasks, verifier.verify(pairs), strict=True))


def test_references_with_every_part_of_every_kind_agree_with_their_oracles() -> None:
    bad = [(task.family, verdict.reason, verdict.detail) for task, verdict in _covered() if verdict.status != "pass"]
    assert not bad
    assert len({task.family.split("/")[0] for task, _ in _covered()}) == len((*ADVANCED, *UNSEEN))


def test_references_with_every_part_of_every_kind_have_no_lint() -> None:
    assert not [(task.family, verdict.lints) for task, verdict in _covered() if verdict.lints]


def test_the_core_set_is_the_same_to_the_byte() -> None:
    train, held_out = build_rust_tasks(train=300, held_out=100, cases=12, seed=0)
    assert digest_bytes("\n".join(task.to_json() for task in (*train, *held_out)).encode()) == CORE_DIGEST


def test_advanced_training_and_held_out_tasks_share_no_combination_and_no_prompt() -> None:
    train, held_out = build_rust_tasks(train=1500, held_out=500, cases=2, seed=0, difficulty="advanced")
    assert not {task.family for task in train} & {task.family for task in held_out}
    prompts = [task.prompt[0].content for task in (*train, *held_out)]
    assert len(set(prompts)) == len(prompts)
    assert {task.level for task in (*train, *held_out)} == {3, 4}
    HeldOut(held_out).check(train)


def test_whole_kinds_are_held_out_and_make_a_third_of_the_held_out_tasks() -> None:
    train, held_out = build_rust_tasks(train=1500, held_out=900, cases=1, seed=3, difficulty="advanced")
    assert not [task.family for task in train if task.family.startswith(UNSEEN_PREFIX)]
    unseen = [task.family.split("/")[0] for task in held_out if task.family.startswith(UNSEEN_PREFIX)]
    assert set(unseen) == {draw(random.Random(0)).combination.split("/")[0] for draw, _ in UNSEEN}
    assert len(unseen) / len(held_out) == pytest.approx(1 / 3, abs=0.05)


def test_a_task_of_an_unseen_kind_is_held_out_whatever_its_combination() -> None:
    for draw, _ in UNSEEN:
        rng = random.Random(0)
        assert all(is_held_out(draw(rng).combination) for _ in range(50))
    _, held_out = build_rust_tasks(train=0, held_out=200, cases=1, seed=0, difficulty="mixed")
    unseen = next(task for task in held_out if task.family.startswith(UNSEEN_PREFIX))
    with pytest.raises(GateError, match="held-out task"):
        HeldOut(held_out).check([unseen])


def test_every_part_of_a_held_out_combination_of_a_known_kind_is_seen_in_training() -> None:
    train = draw_drafts(random.Random(1), held_out=False, difficulty="advanced")
    seen = {part for _ in range(9000) for part in _parts(next(train))}
    held_out = draw_drafts(random.Random(2), held_out=True, difficulty="advanced")
    drafts = [next(held_out) for _ in range(400)]
    missing = {part for draft in drafts for part in _parts(draft) if not part[0].startswith(UNSEEN_PREFIX)} - seen
    assert not missing


def test_every_advanced_kind_to_learn_draws_both_sides() -> None:
    for draw, _ in ADVANCED:
        rng = random.Random(0)
        assert {is_held_out(draw(rng).combination) for _ in range(400)} == {True, False}, draw.__name__


def test_no_constant_passes_the_hidden_cases_of_the_entry_point() -> None:
    train, held_out = build_rust_tasks(train=600, held_out=300, cases=12, seed=0, difficulty="advanced")
    for task in (*train, *held_out):
        assert isinstance(task.tests, ValueTests)
        own = [case for case in task.tests.cases if re.search(rf"\b{task.entry_point}\b", case.call)]
        assert len({case.expected for case in own}) > 1, task.id


def test_mixed_sets_are_half_core() -> None:
    core = {draw for draw, _ in families_of("core", held_out=False)}
    mixed = families_of("mixed", held_out=False)
    share = sum(share for draw, share in mixed if draw in core) / sum(share for _, share in mixed)
    assert share == pytest.approx(0.5)


def test_ids_of_the_sets_differ_so_that_they_can_be_joined() -> None:
    ids = [
        task.id
        for difficulty in ("core", "advanced", "mixed")
        for part in build_rust_tasks(train=3, held_out=3, cases=1, seed=0, difficulty=difficulty)
        for task in part
    ]
    assert len(set(ids)) == len(ids)


def test_an_unknown_difficulty_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="difficulty") as refused:
        load_config(BuildTasksConfig, None, ["tasks.difficulty=expert"])
    assert all(name in f"{refused.value.cause} {refused.value.way_out}" for name in ("core", "advanced", "mixed"))
