"""Grade the ends of both processes: each test has a pair of its own, and only its exit code 0 is a pass.

0 is passed and 101 failed, as in libtest and a panicking main. 97 means a broken call; the answer's own end tells why:
a limit, a signal, an exit. An end that a single process would not survive ends the run of tests here too.

Not covered: the choice of tasks (`decision`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from burnish.protocols import Sandbox
from burnish.records import TestCounts
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.protocol import Grade, read_end
from burnish.verify.separate.build import TestProgram, as_alone, job_of, shown_name, words_of
from burnish.verify.separate.joined import BROKEN, FAILED, Joined, run_joined
from burnish.verify.separate.programs import HIDDEN

_SAID = 400
_FIRST_THREAD = re.compile(r"thread '(?:<unnamed>|main)' (?:\(1\) )?")
"""An answer's first thread has no name if it has its own program."""
_RUNNER = re.compile(
    r"running \d+ test|test .* \.\.\. |test result: |failures:$|successes:$|---- .* stdout ----$"
    rf"|    {HIDDEN}::|    main$|note: run with `RUST_BACKTRACE"
)
"""Matches lines that libtest writes around a test's output."""


@dataclass
class _Run:
    """State after some of the tests."""

    expected: int
    ran: int = 0
    failed: list[str] = field(default_factory=list)
    explanation: str = ""

    def counts(self) -> TestCounts:
        return TestCounts(run=self.ran, passed=self.ran - len(self.failed), expected=self.expected)


def run_tests(sandbox: Sandbox, toolchain: Toolchain, program: TestProgram, answer: bytes) -> tuple[Grade, float]:
    """Run every test against the answer's program; return the grade and the CPU milliseconds of all processes."""
    run = _Run(len(program.tests))
    cpu_ms = 0.0
    for name in program.tests:
        words = words_of(program, name)
        asking = job_of(toolchain, program.executable, words, waits=program.waits and bool(words))
        joined = run_joined(sandbox, asking, job_of(toolchain, answer))
        joined = replace(joined, tests=replace(joined.tests, stderr=as_alone(joined.tests.stderr)))
        cpu_ms += joined.cpu_ms
        ended = _ended(joined, run)
        if ended is not None:
            return ended, cpu_ms
        run.ran += 1
        if joined.tests.exit_code == FAILED:
            run.failed.append(shown_name(name))
            run.explanation = run.explanation or _words(joined)
    if run.failed or not run.expected:
        return Grade("tests_failed", run.counts(), f"{', '.join(run.failed)}: {run.explanation}"), cpu_ms
    return Grade("ok", run.counts()), cpu_ms


def _ended(joined: Joined, run: _Run) -> Grade | None:
    """Return the grade if this pair ends the run of tests; None when the test passed or failed by itself."""
    tests, answer = joined.tests, joined.answer
    if tests.fault or (answer.fault and tests.exit_code != 0):
        return Grade("infra", run.counts(), tests.fault or answer.fault)
    if not tests.exceeded and tests.exit_code in (0, FAILED):
        return None
    if not tests.exceeded and tests.exit_code == BROKEN:
        return _broken(joined, run)
    # Caused by what the answer sent, since the task's own reference passes within these limits.
    reason, detail = read_end(tests)
    return Grade(reason, run.counts(), detail)


def _broken(joined: Joined, run: _Run) -> Grade:
    """Return the grade of a broken call, by the end of the answer."""
    last_line = joined.tests.stderr.decode(errors="replace").strip().splitlines()[-1:]
    why = last_line[0].rpartition(" ... ")[2] if last_line else "the answer ended in a call"
    if joined.answer.cut_off:
        return Grade("runtime_error", run.counts(), why)
    reason, detail = read_end(joined.answer)
    if reason == "ok":
        return Grade("tests_failed", run.counts(), f"the program ended before its tests did: {why}")
    return Grade(reason, run.counts(), detail)


def _words(joined: Joined) -> str:
    """Return the message of a failed test, otherwise the answer's panic message, without lines of the runner."""
    texts = [part.stderr.decode(errors="replace") for part in (joined.tests, joined.answer)]
    lines = [line for text in texts for line in text.splitlines() if line.strip() and not _RUNNER.match(line)]
    return _FIRST_THREAD.sub("thread 'main' ", "\n".join(lines)).replace(f"{HIDDEN}::", "")[-_SAID:]
