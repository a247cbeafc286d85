"""Time on a core and time in line: the first decides about a limit, the second is not the program's own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from burnish.protocols import Job, JobResult, Limits
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.cgroups import Cgroups, NoGroup
from burnish.verify.sandbox.limits import metering
from burnish.verify.sandbox.limits.metering import GroupMeter

LIMITS = Limits(cpu_s=60, wall_s=1.5, memory_bytes=1 << 28, pids=16, work_bytes=1 << 23, output_bytes=1 << 20)
COUNTS = "i=0; while [ $i -lt {} ]; do i=$((i + 1)); done"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    one = BubblewrapSandbox()
    yield one
    one.close()


@pytest.fixture
def crowded() -> Iterator[None]:
    """All that this process starts shares one core with eight that never rest."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    spin = ["/bin/sh", "-c", "while :; do :; done"]
    busy = [subprocess.Popen(spin, start_new_session=True) for _ in range(8)]  # sessions may be weighed as one
    try:
        for one in busy:
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, one.pid, 0)
        yield
    finally:
        os.sched_setaffinity(0, before)
        for one in busy:
            one.kill()
            one.wait()


def run(sandbox: BubblewrapSandbox, script: str, limits: Limits) -> JobResult:
    return sandbox.run(Job(("/bin/sh", "-c", script), "compile", limits))


@pytest.fixture(scope="module")
def steps(sandbox: BubblewrapSandbox) -> int:
    """Steps of the counting loop that take about 0.4 s on a core here."""
    alone = run(sandbox, COUNTS.format(100_000), replace(LIMITS, wall_s=60))
    return round(100_000 * 400 / alone.cpu_ms)


@pytest.mark.usefixtures("crowded")
def test_a_program_that_others_hold_up_is_waited_for(
    sandbox: BubblewrapSandbox, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(sandbox, COUNTS.format(steps), LIMITS)
    assert (result.exit_code, result.exceeded, result.fault) == (0, "", "")
    assert result.wall_ms > LIMITS.wall_s * 1000
    monkeypatch.setattr(GroupMeter, "look", lambda self: None)  # the layer off
    assert run(sandbox, COUNTS.format(steps), LIMITS).exceeded == "wall"


@pytest.mark.usefixtures("crowded")
def test_a_program_that_never_got_a_core_is_no_fault_of_its_own(sandbox: BubblewrapSandbox, steps: int) -> None:
    result = run(sandbox, COUNTS.format(steps * 4), replace(LIMITS, wall_s=0.7))
    assert "short of CPU" in result.fault


@pytest.mark.usefixtures("crowded")
def test_a_program_that_sleeps_is_not_waited_for(sandbox: BubblewrapSandbox) -> None:
    result = run(sandbox, "sleep 60", replace(LIMITS, wall_s=1))
    assert (result.exceeded, result.fault) == ("wall", "")


def test_time_is_counted_without_a_control_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cgroups, "group", lambda _: NoGroup())
    monkeypatch.setattr(Cgroups, "counts_cpu", False, raising=False)
    one = BubblewrapSandbox()
    one._cgroups.kind, one._cgroups.counts_cpu = "none", False
    try:
        spin = f"for i in 1 2 3 4; do sh -c '{COUNTS.format(3_000_000)}' & done; trap '' CHLD; wait"
        assert run(one, spin, replace(LIMITS, cpu_s=2, wall_s=60)).exceeded == "cpu"
    finally:
        one.close()


class _Group(NoGroup):
    """Two threads, and what the kernel says of them at each look."""

    def __init__(self, said: dict[int, list[tuple[float, float]]]) -> None:
        super().__init__()
        self.said = said

    def threads(self) -> list[int]:
        return [thread for thread, rest in self.said.items() if rest]


@pytest.mark.parametrize(
    ("said", "starved", "used"),
    [
        ({1: [(30.0, 220.0), (60.0, 440.0)]}, 440.0, 60.0),
        ({1: [(0.0, 0.0), (0.0, 0.0)]}, 0.0, 0.0),
        ({1: [(125.0, 125.0), (250.0, 250.0)], 2: [(125.0, 125.0), (250.0, 250.0)]}, 0.0, 500.0),
        ({1: [(10.0, 200.0), (20.0, 400.0)], 2: [(10.0, 200.0)]}, 380.0, 30.0),
    ],
    ids=["held up by others", "asleep", "held up by its own", "one ended"],
)
def test_only_others_starve_a_program(
    said: dict[int, list[tuple[float, float]]], starved: float, used: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = _Group({thread: list(rest) for thread, rest in said.items()})
    monkeypatch.setattr(metering, "_spent", lambda thread: group.said[thread].pop(0))
    meter = GroupMeter(group)
    meter.look()
    meter.look()
    assert (meter.starved_ms, meter.cpu_ms) == (starved, used)
