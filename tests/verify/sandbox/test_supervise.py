"""Supervision of plain processes: what no well-behaved sandbox does."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import pytest

from burnish.protocols import Limits
from burnish.verify.sandbox.cgroups import NoGroup
from burnish.verify.sandbox.limits.metering import GroupMeter
from burnish.verify.sandbox.supervise import Outcome, Running


def limits(wall_s: float, output_bytes: int) -> Limits:
    return Limits(cpu_s=60, wall_s=wall_s, memory_bytes=1 << 30, pids=64, work_bytes=1 << 20, output_bytes=output_bytes)


def supervised(
    script: str,
    *,
    stdin: bytes = b"",
    wall_s: float = 20,
    output_bytes: int = 1 << 20,
    said: Sequence[object] | None = (),
) -> Outcome:
    """Run a shell as its own monitor; ``said`` is what stands in the status file behind its pid, None for nothing."""
    status_read, status_write = os.pipe()
    start_read, start_write = os.pipe()
    running = Running(["/bin/sh", "-c", script], (), status_read, start_write)
    if said is not None:
        os.write(status_write, b"".join(json.dumps(o).encode() + b"\n" for o in ({"child-pid": running.pid}, *said)))
    os.close(status_write)
    try:
        return running.supervise(stdin, limits(wall_s, output_bytes), GroupMeter(NoGroup()), lambda _: None)
    finally:
        os.close(start_read)


def test_a_reported_exit_is_read_and_other_lines_are_not() -> None:
    assert supervised("exit 0", said=[{"other": 1}, {"exit-code": 7}]).reported_exit == 7
    assert supervised("exit 0").reported_exit is None


def test_a_monitor_that_ends_before_it_names_its_child_is_only_reaped() -> None:
    outcome = supervised("echo cannot >&2; exit 3", said=None)
    assert (os.waitstatus_to_exitcode(outcome.status), outcome.stderr, outcome.reported_exit) == (3, b"cannot\n", None)


def test_input_that_nobody_reads_holds_nothing_up() -> None:
    outcome = supervised("exec <&-; echo done", stdin=b"x" * (1 << 22))
    assert (outcome.stdout, outcome.exceeded) == (b"done\n", "")


def test_input_longer_than_a_pipe_arrives_whole() -> None:
    assert supervised("wc -c", stdin=b"x" * (1 << 20)).stdout.strip() == str(1 << 20).encode()


def test_closed_outputs_do_not_end_a_program() -> None:
    outcome = supervised("exec >&- 2>&-; sleep 0.2; exit 5")
    assert os.waitstatus_to_exitcode(outcome.status) == 5


@pytest.mark.parametrize(("script", "limit"), [("sleep 60", "wall"), ("yes", "output")])
def test_limits_end_a_supervised_program(script: str, limit: str) -> None:
    outcome = supervised(f"exec {script}", wall_s=1, output_bytes=1 << 16)
    assert outcome.exceeded == limit
    assert os.WIFSIGNALED(outcome.status)


def test_output_past_the_cap_counts_even_when_the_program_has_ended() -> None:
    assert supervised("printf %2000d 1", output_bytes=1000).exceeded == "output"


def test_an_error_in_the_callers_hands_leaves_no_process() -> None:
    status_read, status_write = os.pipe()
    start_read, start_write = os.pipe()
    running = Running(["/bin/sleep", "60"], (), status_read, start_write)
    os.write(status_write, json.dumps({"child-pid": running.pid}).encode() + b"\n")
    os.close(status_write)

    def refuses(_: int) -> None:
        raise OSError("the control group refuses")

    with pytest.raises(OSError, match="refuses"):
        running.supervise(b"", limits(20, 1 << 20), GroupMeter(NoGroup()), refuses)
    os.close(start_read)
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
