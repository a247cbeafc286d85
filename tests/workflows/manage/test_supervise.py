"""A run that dies is started again, as often as that helps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from burnish.errors import MachineError
from burnish.records.layout import RESOLVED
from burnish.workflows.manage.supervise import FIRST_WAIT_S, FRUITLESS, LONGEST_WAIT_S, supervise

ATTEMPT = """
import json, os, pathlib, signal, sys, time
folder, ends = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
count = folder / "count"
attempt = int(count.read_text()) if count.exists() else 0
count.write_text(str(attempt + 1))
end = ends[min(attempt, len(ends) - 1)]
if end.get("checkpoint"):
    place = folder / f"checkpoint-{attempt}"
    place.mkdir()
    (place / "complete.json").write_text("{}")
if "error" in end:
    with (folder / "events.jsonl").open("a") as events:
        print(json.dumps({"event": "run_failed", "error": end["error"]}), file=events)
if end.get("waits"):
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    (folder / "waiting").touch()
    while True:
        time.sleep(0.01)
if "signal" in end:
    os.kill(os.getpid(), end["signal"])
sys.exit(end.get("status", 0))
"""
KILLED = {"signal": int(signal.SIGKILL)}
BETTER = KILLED | {"checkpoint": True}


def attempts(folder: Path, *ends: Mapping[str, object]) -> list[str]:
    (folder / RESOLVED).write_text("{}")
    return [sys.executable, "-c", ATTEMPT, str(folder), json.dumps(ends)]


def causes(folder: Path) -> list[tuple[int, str, float | None]]:
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [(e["attempt"], e["cause"], e["restarts_in_s"]) for e in events if e["event"] == "attempt_ended"]


def test_supervision_continues_after_kills_and_faults_and_names_each(tmp_path: Path) -> None:
    waits: list[float] = []
    fault = {"status": 4, "error": "the disk is full"}
    command = attempts(tmp_path, KILLED, fault, {"status": 1}, BETTER, KILLED, {"status": 0})
    assert supervise(command, tmp_path, sleep=waits.append) == 0
    assert waits == [2, 4, 8, 2, 4]
    assert causes(tmp_path) == [
        (1, "killed by SIGKILL", 2),
        (2, "the disk is full", 4),
        (3, "exit status 1", 8),
        (4, "killed by SIGKILL", 2),
        (5, "killed by SIGKILL", 4),
    ]


@pytest.mark.parametrize("status", [0, 2, 3, 130])
def test_a_deterministic_failure_is_not_retried(tmp_path: Path, status: int) -> None:
    assert supervise(attempts(tmp_path, {"status": status}), tmp_path, sleep=lambda _: pytest.fail("slept")) == status
    assert (tmp_path / "count").read_text() == "1"


def test_supervision_gives_up_after_attempts_without_progress(tmp_path: Path) -> None:
    waits: list[float] = []
    with pytest.raises(MachineError, match=r"5 attempts in a row .* killed by SIGKILL"):
        supervise(attempts(tmp_path, BETTER, KILLED), tmp_path, sleep=waits.append)
    assert int((tmp_path / "count").read_text()) == FRUITLESS
    assert causes(tmp_path)[-1][2] is None
    assert all(FIRST_WAIT_S <= wait <= LONGEST_WAIT_S for wait in waits)


def test_progress_resets_the_attempt_count(tmp_path: Path) -> None:
    ends = [BETTER] * (3 * FRUITLESS)
    assert supervise(attempts(tmp_path, *ends, {"status": 0}), tmp_path, sleep=lambda _: None) == 0


def test_a_folder_that_never_became_a_run_stays_free(tmp_path: Path) -> None:
    command = attempts(tmp_path, KILLED, {"status": 0})
    (tmp_path / RESOLVED).unlink()
    assert supervise(command, tmp_path, sleep=lambda _: None) == 0
    assert not (tmp_path / "events.jsonl").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_reaches_the_run_and_ends_supervision(tmp_path: Path, number: signal.Signals) -> None:
    program = "import sys; from pathlib import Path; from burnish.workflows.manage.supervise import supervise; "
    program += "sys.exit(supervise(sys.argv[2:], Path(sys.argv[1])))"
    command = attempts(tmp_path, {"waits": True})
    supervisor = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), *command])
    while not (tmp_path / "waiting").exists():
        assert supervisor.poll() is None
        os.sched_yield()
    supervisor.send_signal(number)
    assert supervisor.wait(60) == 130
