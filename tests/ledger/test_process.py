from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.ledger.process import detached, holder, note_detached, stop, working
from burnish.ledger.run_folder import open_run
from burnish.records.layout import DETACHED

WAITS = "import signal, sys; {}; print('ready', flush=True); signal.pause()"


def started(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", WAITS.format(code)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture
def polite() -> Iterator[subprocess.Popen[str]]:
    process = started("signal.signal(signal.SIGINT, lambda *_: sys.exit(7))")
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def deaf() -> Iterator[subprocess.Popen[str]]:
    process = started("signal.signal(signal.SIGINT, signal.SIG_IGN)")
    yield process
    process.kill()
    process.wait()


def test_the_holder_is_seen_and_asking_takes_no_lock(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    for _ in range(2):
        with open_run(tmp_path, recipe={}, digests={}, version="1", resume=False):
            assert holder(tmp_path) == working(tmp_path) == os.getpid()
        assert holder(tmp_path) is None


def test_a_pid_file_names_one_process_and_not_a_later_one(tmp_path: Path, polite: subprocess.Popen[str]) -> None:
    note_detached(tmp_path, polite.pid)
    assert detached(tmp_path) == working(tmp_path) == polite.pid
    text = (tmp_path / DETACHED).read_text()
    (tmp_path / DETACHED).write_text(text.replace('"started": ', '"started": 1'))
    assert detached(tmp_path) is None
    (tmp_path / DETACHED).write_text(text)
    polite.kill()
    polite.wait()
    assert detached(tmp_path) is None


def test_stopping_is_ctrl_c_and_waits_for_the_end(tmp_path: Path, polite: subprocess.Popen[str]) -> None:
    note_detached(tmp_path, polite.pid)
    assert stop(tmp_path, 60)
    assert polite.wait() == 7
    with pytest.raises(ProcessLookupError):
        stop(tmp_path, 60)


def test_a_process_that_does_not_stop_in_time_is_left_running(tmp_path: Path, deaf: subprocess.Popen[str]) -> None:
    note_detached(tmp_path, deaf.pid)
    ticks = iter(range(100))
    waited: list[float] = []
    assert not stop(tmp_path, 3, clock=lambda: float(next(ticks)), sleep=waited.append)
    assert len(waited) == 2
    assert deaf.poll() is None
    deaf.send_signal(signal.SIGKILL)
