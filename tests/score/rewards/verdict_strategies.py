"""Tasks and arbitrary verdicts for the tests of reward shapes."""

from __future__ import annotations

from hypothesis import strategies as st

from burnish.records import (
    Diagnostic,
    ProgramRun,
    ProgramTests,
    Reason,
    RustTests,
    Status,
    Task,
    TestCounts,
    Tests,
    ValueCase,
    ValueTests,
    Verdict,
    VerifyStage,
)

METRICS = (
    "functions", "structs", "enums", "traits", "result_functions", "option_functions", "question_marks",
    "unsafe_blocks", "unsafe_items", "panicking_calls", "iterator_chains", "iterator_chain_longest", "matches",
    "destructurings", "closures", "turbofish", "complexity_max", "nesting_max",
)  # fmt: skip
SHARES = ("documented_share", "idiom_score", "prompt_word_match")


def values(*expected: str, call: str = "f({index})", type: str = "i64") -> ValueTests:
    return ValueTests(
        cases=tuple(
            ValueCase(call=call.format(index=index), type=type, expected=one) for index, one in enumerate(expected)
        )
    )


def task_with(tests: Tests | None) -> Task:
    return Task(id="t", family="t", prompt=(), tests=tests)


DISTINCT = task_with(values(*map(str, range(12))))

tasks = st.sampled_from(
    [
        DISTINCT,
        task_with(values("true", "true", "false", "true", type="bool")),
        task_with(values("1", "1", "1")),
        task_with(RustTests(source="#[test] fn one() {}")),
        task_with(ProgramTests(runs=(ProgramRun(expected_stdout="a"), ProgramRun(expected_stdout="b")))),
    ]
)


@st.composite
def verdicts(draw: st.DrawFn, status: Status | None = None) -> Verdict:
    """Any verdict that a record allows, whether a verifier would ever give it or not."""
    given = status or draw(st.sampled_from(["pass", "fail", "infra"]))
    failing: list[Reason] = [
        "no_code",
        "too_long",
        "compile_error",
        "timeout",
        "memory",
        "runtime_error",
        "tests_failed",
    ]
    reason: Reason = "ok" if given == "pass" else "infra" if given == "infra" else draw(st.sampled_from(failing))
    stages: list[VerifyStage] = ["extract", "parse", "check", "lint", "build", "test"]
    errors = draw(st.integers(0, 40))
    measured = draw(st.booleans())
    amounts = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 60.0]), min_size=len(METRICS), max_size=len(METRICS)))
    metrics = dict(zip(METRICS, amounts, strict=True)) if measured else {}
    metrics |= {name: draw(st.floats(0, 1)) for name in SHARES if measured and draw(st.booleans())}
    counts = draw(st.tuples(*[st.integers(0, 12)] * 3))
    return Verdict(
        task_id="t",
        status=given,
        reason=reason,
        stage="test" if given == "pass" else draw(st.sampled_from(stages)),
        compiled=True if given == "pass" else draw(st.sampled_from([True, False, None])),
        code=draw(st.sampled_from(["", "fn f() {}", "fn f() {}\n" * 50, "// a\n" * 300])),
        diagnostics=tuple(Diagnostic(level="error", code=None, message="no") for _ in range(errors)),
        lints=("clippy::x",) * draw(st.integers(0, 30)),
        tests=TestCounts(run=counts[0], passed=counts[1], expected=counts[2]),
        metrics=metrics,
    )
