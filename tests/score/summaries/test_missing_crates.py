from __future__ import annotations

import pytest

from burnish.records import Diagnostic, Verdict
from burnish.score.summaries.missing_crates import crate_failures, failed_for_a_crate


def refused(*errors: tuple[str | None, str]) -> Verdict:
    said = tuple(Diagnostic(level="error", code=code, message=message) for code, message in errors)
    return Verdict(task_id="t", status="fail", stage="check", reason="compile_error", compiled=False, diagnostics=said)


@pytest.mark.parametrize(
    ("errors", "crate"),
    [
        ([("E0432", "unresolved import `rand`")], "rand"),
        ([("E0433", "cannot find module or crate `md5` in this scope")], "md5"),
        ([("E0433", "failed to resolve: use of undeclared crate or module `regex`")], "regex"),
        ([("E0433", "failed to resolve: use of unresolved module or unlinked crate `regex`")], "regex"),
        ([("E0463", "can't find crate for `serde`")], "serde"),
        ([("E0432", "unresolved import `rand`"), ("E0425", "cannot find function `thread_rng`")], "rand"),
        ([("E0432", "unresolved import `rand`"), ("E0308", "mismatched types")], ""),
        ([("E0432", "unresolved import `crate::x`")], ""),
        ([("E0425", "cannot find value `rand`")], ""),
        ([(None, "expected `;`")], ""),
        ([], ""),
    ],
)
def test_a_crate_alone_is_at_fault_where_nothing_else_is(errors: list[tuple[str | None, str]], crate: str) -> None:
    assert failed_for_a_crate(refused(*errors)) == crate


def test_failures_are_counted_by_crate() -> None:
    rand, regex = refused(("E0432", "unresolved import `rand`")), refused(("E0432", "unresolved import `regex`"))
    assert crate_failures([regex, rand, rand]) == {"rand": 2, "regex": 1}
    assert crate_failures([rand.model_copy(update={"reason": "timeout"})]) == {}
