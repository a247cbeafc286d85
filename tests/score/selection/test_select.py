"""What is kept of judged completions, for which reason the rest is dropped, and that the counts add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.config.stages.selection import Quota, SelectionConfig, Thresholds
from burnish.errors import GateError
from burnish.score.selection.held_out import HeldOut
from burnish.score.selection.judged import Judged
from burnish.score.selection.select import Kept, Selection, merge_rounds, select
from tests.score.selection.judged_answers import BUILT, judged, task

NOBODY = HeldOut(())


def chosen(rows: list[Judged], **config: object) -> Selection:
    return select(SelectionConfig.model_validate(config), rows, NOBODY, seed=0)


def names(selection: Selection) -> list[tuple[str, int]]:
    return [(one.judged.task.id, one.judged.completion.sample_index) for one in selection.kept]


def test_only_what_passes_whole_is_kept_and_every_drop_has_its_reason() -> None:
    rows = [judged(what, "a", index) for index, what in enumerate(("pass", "wrong", "broken", "infra"))]
    rows.append(judged("pass", "b", cut=True))
    found = chosen(rows)
    assert names(found) == [("a", 0)]
    assert found.report.dropped == {"failed": 2, "infra": 1, "cut_off": 1}
    report = found.report
    assert (report.sampled, report.infra, report.compiled, report.passed, report.kept) == (5, 1, 3, 2, 1)
    assert (report.tasks, report.tasks_solved, report.tasks_mixed) == (2, 2, 1)


def test_renamed_answers_are_equal_and_other_literals_are_not() -> None:
    first = "pub fn f(x: i64) -> i64 { let y = x + 1; y }"
    renamed = "pub fn f(z: i64) -> i64 {\n    // add\n    let sum = z + 1;\n    sum\n}"
    other = "pub fn f(x: i64) -> i64 { let y = x + 2; y }"
    rows = [judged("pass", "a", index, code) for index, code in enumerate((first, renamed, other))]
    assert names(chosen(rows)) == [("a", 0), ("a", 2)]
    elsewhere = [judged("pass", "a", 0, first), judged("pass", "b", 0, first)]
    assert names(chosen(elsewhere)) == [("a", 0), ("b", 0)], "the same answer to another task is another row"


def test_of_equal_answers_and_of_many_the_best_rewarded_stay() -> None:
    rows = [judged("pass", "a", 0, lints=2), judged("pass", "a", 1), judged("pass", "a", 2, lints=1)]
    assert names(chosen(rows, per_task=1)) == [("a", 1)]
    assert names(chosen(rows, per_task=2)) == [("a", 1), ("a", 2)]
    same = "pub fn f(x: i64) -> i64 { x }"
    assert names(chosen([judged("pass", "a", 0, same, lints=2), judged("pass", "a", 1, same)])) == [("a", 1)]
    assert len(chosen(rows, per_task=None).kept) == 3


def test_partly_passing_answers_are_kept_when_asked_for() -> None:
    rows = [judged("wrong", "a"), judged("broken", "b"), judged("infra", "c")]
    assert names(chosen(rows, min_tests=0.5)) == [("a", 0)]
    assert names(chosen(rows, min_tests=0.6)) == []


def test_of_tasks_that_all_samples_solve_a_share_is_kept() -> None:
    rows = [judged("pass", f"t{n}", sample) for n in range(10) for sample in range(2)]
    rows += [judged("pass", "mixed"), judged("wrong", "mixed", 1)]
    found = chosen(rows, solved_share=0.3)
    assert len({name for name, _ in names(found)} - {"mixed"}) == 3
    assert ("mixed", 0) in names(found)
    assert found.report.dropped["solved"] == 14


def test_quotas_and_a_limit_keep_the_hardest_tasks() -> None:
    easy = [judged("pass", task("easy", level=1), sample) for sample in range(3)]
    hard = [judged("pass", task("hard", level=1)), *(judged("wrong", task("hard", level=1), n) for n in (1, 2, 3))]
    upper = [judged("pass", task("upper", level=2), sample) for sample in range(2)]
    rows = [*easy, *hard, *upper]
    limited = chosen(rows, quotas=[Quota(by="level", most=2)])
    assert names(limited) == [("easy", 0), ("hard", 0), ("upper", 0), ("upper", 1)]
    assert limited.report.dropped["quota of level"] == 2
    assert names(chosen(rows, most=1)) == [("hard", 0)]
    assert names(chosen(rows, quotas=[Quota(by="family", most=1)])) == [("easy", 0), ("hard", 0), ("upper", 0)]


def test_thresholds_apply_after_the_tests() -> None:
    rows = [judged("pass", "a", lints=1), judged("pass", "b"), judged("wrong", "c")]
    found = chosen(rows, thresholds=Thresholds(max_lints=0))
    assert names(found) == [("b", 0)]
    assert found.report.dropped == {"failed": 1, "lints": 1}
    assert found.report.max_lints == 0
    assert found.report.min_idiom == pytest.approx(0.7)


@pytest.mark.parametrize(("weights", "weight"), [("equal", 1.0), ("reward", 1.0), ("quality", 0.4 + 0.32 + 0.2)])
def test_selected_answers_have_their_weights(weights: str, weight: float) -> None:
    (kept,) = chosen([judged("pass", "a")], weights=weights).kept
    assert kept.weight == pytest.approx(weight)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (task("a", family="x", prompt="y"), "the task a is the held-out task a"),
        (task("h", family="family of a", prompt="y"), "has the family of the held-out task h"),
        (task("h", family="x", prompt="  write   A. "), "has the prompt of the held-out task h"),
    ],
)
def test_a_held_out_task_stops_everything(other: object, said: str) -> None:
    with pytest.raises(GateError, match=said):
        select(SelectionConfig(), [judged("pass", "a")], HeldOut([other]), seed=0)  # type: ignore[list-item]


def test_rounds_are_merged_with_equal_answers_once() -> None:
    same = "pub fn f(x: i64) -> i64 { x }"
    first = [Kept(judged("pass", "a", 0, same, round=1), 1.0)]
    second = [Kept(judged("pass", "a", 3, same, round=2), 1.0), Kept(judged("pass", "a", 4, round=2), 1.0)]
    merged = merge_rounds([first, second])
    assert [(one.judged.round, one.judged.completion.sample_index) for one in merged] == [(1, 0), (2, 4)]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(sorted(BUILT)), st.integers(0, 3), st.integers(0, 3)), max_size=20),
    per_task=st.none() | st.integers(1, 3),
    most=st.none() | st.integers(1, 5),
    share=st.floats(0, 1),
)
def test_kept_and_dropped_add_up(
    rows: list[tuple[str, int, int]], per_task: int | None, most: int | None, share: float
) -> None:
    built = [
        judged(what, f"t{name}", place, f"fn f() {{ {number} }}") for place, (what, name, number) in enumerate(rows)
    ]
    found = chosen(built, per_task=per_task, most=most, solved_share=share)
    assert found.report.kept + sum(found.report.dropped.values()) == len(built)
    assert all(one.judged.passed for one in found.kept)
    assert found == chosen(built, per_task=per_task, most=most, solved_share=share)
