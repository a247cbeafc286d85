"""Programs run to their end: started again after a crash, stopped at their time-out or when hopeless."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.workflows.experiments.programs import (
    Ending,
    ExperimentState,
    Folder,
    failed_before,
    run_experiment,
    run_to_end,
)

ATTEMPT = """
import os, pathlib, signal, sys, time
folder, ends = pathlib.Path(sys.argv[1]), sys.argv[2].split(",")
attempt = len(list(folder.glob("attempt-*")))
(folder / f"attempt-{attempt}").touch()
end = ends[min(attempt, len(ends) - 1)]
if end == "waits":
    signal.signal(signal.SIGINT, lambda *_: sys.exit((folder / "saved").touch()))
    (folder / "waiting").touch()
    while True:
        time.sleep(0.01)
if end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
print("some output")
if int(end):
    print("error: the rows are broken\\n  -> mend them", file=sys.stderr)
sys.exit(int(end))
"""


def ended(
    folder: Path,
    ends: str,
    *,
    retries: int = 1,
    timeout_s: float | None = None,
    watch: Callable[[], str | None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    command = [sys.executable, "-c", ATTEMPT, str(folder), ends]
    return run_to_end([command], folder / "log", timeout_s=timeout_s, retries=retries, watch=watch, clock=clock)


def test_a_crash_and_a_kill_are_retried(tmp_path: Path) -> None:
    ending = ended(tmp_path, "killed,1,0", retries=2)
    assert (ending.state, ending.attempts, ending.reason) == ("done", 3, "")


def test_retries_run_out_and_the_cause_is_said(tmp_path: Path) -> None:
    ending = ended(tmp_path, "1", retries=1)
    assert (ending.state, ending.attempts, ending.reason) == ("failed", 2, "the rows are broken")
    other = tmp_path / "other"
    other.mkdir()
    assert ended(other, "killed", retries=0).reason == "killed by SIGKILL"


@pytest.mark.parametrize("status", ["2", "3", "130"])
def test_a_user_error_is_not_retried(tmp_path: Path, status: str) -> None:
    assert ended(tmp_path, status, retries=5).attempts == 1


def test_the_time_out_ends_a_program_that_may_save_first(tmp_path: Path) -> None:
    # The clock stands until the program is there: no machine is too slow for it.
    def clock() -> float:
        return 100.0 if (tmp_path / "waiting").exists() else 0.0

    ending = ended(tmp_path, "waits", timeout_s=50, clock=clock)
    assert (ending.state, ending.attempts) == ("timeout", 1)
    assert ending.reason == "it took longer than timeout_s, 50 s"
    assert (tmp_path / "saved").exists()


def test_a_hopeless_program_is_stopped_with_the_reason(tmp_path: Path) -> None:
    ending = ended(tmp_path, "waits", watch=lambda: "hopeless" if (tmp_path / "waiting").exists() else None)
    assert (ending.state, ending.reason) == ("pruned", "hopeless")
    assert (tmp_path / "saved").exists()


def test_ctrl_c_lets_the_program_save(tmp_path: Path) -> None:
    def interrupt() -> str | None:
        if (tmp_path / "waiting").exists():
            raise KeyboardInterrupt
        return None

    with pytest.raises(KeyboardInterrupt):
        ended(tmp_path, "waits", watch=interrupt)
    assert (tmp_path / "saved").exists()


def test_the_program_ends_with_what_started_it(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from burnish.workflows.experiments.programs import run_to_end; "
    code += "run_to_end([sys.argv[2:]], Path(sys.argv[1]), timeout_s=None, retries=0, watch=lambda: None)"
    own = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
    program = [sys.executable, "-c", own, str(tmp_path / "pid")]
    starter = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log"), *program])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert starter.poll() is None
        time.sleep(0.01)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    pid = int((tmp_path / "pid").read_text())
    while _alive(pid):
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_state_is_on_disk_before_and_after(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    planned = ExperimentState(id="a", index=7, state="running", fingerprint="f", params={"x": 1})
    seen = []

    def look() -> str | None:
        seen.append(folder.read_state(7))
        return "enough" if (tmp_path / "waiting").exists() else None

    command = [sys.executable, "-c", ATTEMPT, str(tmp_path), "waits"]
    state = run_experiment(folder, planned, [command], timeout_s=None, retries=0, watch=look)
    assert seen[0] == planned
    assert folder.read_state(7) == state
    assert (state.state, state.reason, state.attempts, state.params) == ("pruned", "enough", 1, {"x": 1})
    assert folder.read_state(8) is None
    failed = failed_before(folder, planned, DataError("no rows", "add some"))
    assert (failed.state, failed.reason) == ("failed", "no rows")
    assert os.listdir(tmp_path / "states") == ["007.json"]  # noqa: PTH208
