"""The queue before the one verifier: many callers, its bounds, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import DiskError
from burnish.protocols import Job, JobResult
from burnish.records import Completion, Task, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.cache import MemoryVerdictCache
from burnish.verify.serve import service
from burnish.verify.serve.service import ServiceBusyError, ServiceClosedError, VerdictService


class Gate:
    """A sandbox whose first job waits until it is let go; every job is a fault of the machine."""

    layers = ("gate",)

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def run(self, job: Job) -> JobResult:
        self.entered.set()
        self.open.wait()
        return JobResult(exit_code=-1, stdout=b"", stderr=b"", cpu_ms=0, wall_ms=0, fault="gate")


def submissions(*codes: str) -> list[service.Submission]:
    return [(Task(id="same", family="f", prompt=()), Completion(task_id="same", text=code), None) for code in codes]


@pytest.fixture
def gate() -> Iterator[Gate]:
    one = Gate()
    yield one
    one.open.set()


def serve(gate: Gate) -> VerdictService:
    return VerdictService(Verifier(VerifyConfig(workers=1, infra_budget=1.0), sandbox=gate))


def test_waiting_requests_are_judged_and_each_gets_its_own(gate: Gate) -> None:
    served = serve(gate)
    first = served.submit(submissions("fn main() {}"))
    gate.entered.wait()
    others = [
        served.submit(submissions("no code", "fn main() { 1; }")),
        served.submit([]),
        served.submit(submissions("no code")),
    ]
    gate.open.set()
    assert [verdict.reason for verdict in first.result()] == ["infra"]
    assert [[verdict.reason for verdict in other.result()] for other in others] == [
        ["no_code", "infra"],
        [],
        ["no_code"],
    ]
    assert {verdict.task_id for verdict in others[0].result()} == {"same"}
    served.close()


def test_more_than_may_wait_is_refused(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_WAITING", 2)
    monkeypatch.setattr(service, "MOST_AT_ONCE", 1)
    served = serve(gate)
    first = served.submit(submissions("fn main() {}"))
    gate.entered.wait()
    waiting = served.submit(submissions("no code", "no code"))
    with pytest.raises(ServiceBusyError, match="2 candidates are waiting"):
        served.submit(submissions("no code"))
    gate.open.set()
    assert len(first.result()) == 1
    assert len(waiting.result()) == 2
    served.close()


def test_closing_refuses_what_waits_and_what_comes(gate: Gate) -> None:
    served = serve(gate)
    first = served.submit(submissions("fn main() {}"))
    gate.entered.wait()
    waiting = served.submit(submissions("no code"))
    closing = threading.Thread(target=served.close)
    closing.start()
    with pytest.raises(ServiceClosedError):
        waiting.result()
    with pytest.raises(ServiceClosedError):
        served.submit(submissions("no code"))
    gate.open.set()
    closing.join()
    assert first.done()
    served.close()


class TornCache(MemoryVerdictCache):
    """A cache whose file cannot be read once."""

    torn = True

    def get_many(self, keys: Iterable[str]) -> dict[str, Verdict]:
        if self.torn:
            self.torn = False
            raise DiskError("the cache is torn.", "Delete it.")
        return super().get_many(keys)


def test_an_error_reaches_its_callers_and_the_lane_goes_on(gate: Gate) -> None:
    gate.open.set()
    verifier = Verifier(VerifyConfig(workers=1, infra_budget=1.0), sandbox=gate, cache=TornCache())
    served = VerdictService(verifier)
    with pytest.raises(DiskError, match="torn"):
        served.submit(submissions("fn main() {}")).result()
    assert [verdict.reason for verdict in served.submit(submissions("fn main() {}")).result()] == ["infra"]
    served.close()
