"""Verdicts as a stream: bounded, in order or as they complete, from real sandboxes."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import InfraBudgetError
from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import Completion, Task
from burnish.verify import Verifier
from burnish.verify.judge.scheduler import MOST_HELD, WINDOW
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.faulty import FaultySandbox
from tests.sandbox.attack_tasks import survivors

Pair = tuple[Task, Completion]
SLOW = "fn main() { std::thread::sleep(std::time::Duration::from_secs(3)) }"


def pair(name: str, code: str) -> Pair:
    return Task(id=name, family="f", prompt=()), Completion(task_id=name, text=f"```rust\n{code}\n```\n")


class Holding:
    """Does not start a program before it is let go."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner
        self.let_go = threading.Event()

    @property
    def layers(self) -> tuple[str, ...]:
        return self._inner.layers

    def run(self, job: Job) -> JobResult:
        if job.stage == "run":
            self.let_go.wait()
        return self._inner.run(job)


def test_verdicts_come_in_order_or_as_completed() -> None:
    codes = ["fn main() {}", *(f"pub fn f{n}() {{}}" for n in range(6)), "no code at all"]
    pairs = [pair(str(n), code) for n, code in enumerate(codes)]
    inner = BubblewrapSandbox()
    try:
        holding = Holding(inner)
        with Verifier(VerifyConfig(workers=2), sandbox=holding) as verifier:
            completed = []
            for verdict in verifier.stream(pairs, ordered=False):
                completed.append(verdict.task_id)
                if len(completed) == len(pairs) - 1:
                    holding.let_go.set()
        with Verifier(VerifyConfig(workers=2), sandbox=inner) as verifier:
            ordered = [v.task_id for v in verifier.stream(pairs)]
    finally:
        inner.close()
    assert completed[-1] == "0"
    assert sorted(completed) == ordered == [str(n) for n in range(8)]


def test_an_endless_source_is_taken_in_by_windows() -> None:
    taken = 0

    def endless() -> Iterator[Pair]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield pair(str(number), f"pub fn f() -> u32 {{ {number % 3} }}")

    with Verifier(VerifyConfig(workers=2)) as verifier:
        with contextlib.closing(verifier.stream(endless(), goal="check")) as stream:
            verdicts = list(itertools.islice(stream, 3 * WINDOW))
        assert [v.task_id for v in verdicts] == [str(n) for n in range(3 * WINDOW)]
        assert taken <= 3 * WINDOW + MOST_HELD + WINDOW
        again = verifier.verify([pair("after", "pub fn after() {}")])
    assert again[0].reason == "ok"


def test_equal_programs_of_an_endless_source_wait_for_the_first() -> None:
    taken = 0

    def endless() -> Iterator[Pair]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield pair(str(number), SLOW)

    with (
        Verifier(VerifyConfig(workers=1)) as verifier,
        contextlib.closing(verifier.stream(endless(), ordered=False)) as stream,
    ):
        assert next(stream).reason == "ok"
    assert taken <= 3 * WINDOW


def test_intake_is_bounded_by_the_oldest_program() -> None:
    taken = 0

    def endless() -> Iterator[Pair]:
        nonlocal taken
        yield pair("slow", SLOW)
        for number in itertools.count():
            taken += 1
            yield pair(str(number), "no code at all")

    with (
        Verifier(VerifyConfig(workers=1)) as verifier,
        contextlib.closing(verifier.stream(endless())) as stream,
    ):
        assert next(stream).task_id == "slow"
    assert taken <= MOST_HELD + 2 * WINDOW


def test_closing_a_stream_leaves_no_process() -> None:
    with Verifier(VerifyConfig(workers=2)) as verifier:
        pairs = [pair("quick", "no code at all"), *(pair(str(n), f"// {n}\n{SLOW}") for n in range(20))]
        stream = verifier.stream(pairs, ordered=False)
        assert next(stream).task_id == "quick"
        stream.close()
        assert not survivors()


def test_a_stream_stops_when_too_much_cannot_be_judged() -> None:
    inner = BubblewrapSandbox()
    pairs = (pair(str(n), f"fn main() {{ let _ = {n}; }}") for n in itertools.count())
    try:
        with (
            Verifier(VerifyConfig(workers=2), sandbox=FaultySandbox(inner, 1.0)) as verifier,
            pytest.raises(InfraBudgetError, match="injected"),
        ):
            list(verifier.stream(pairs))
    finally:
        inner.close()
