"""Runs programs in new processes that find the libraries loaded: loading them takes longer than a small training.

A server loads the libraries once and forks; nothing else is shared with it, and it is another Python (with another hash
seed) than the one that runs the tests. Not for what would start differently: options of the interpreter, another
`PYTHONPATH`, programs behind a prefix. That a program starts at all, other tests see that start it as a user does.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOADED = (
    *("burnish.train.sft.run", "burnish.train.grpo.run", "burnish.train.preference.run", "burnish.train.pretrain.run"),
    *("burnish.generate.transformers_engine", "burnish.workflows.recipe", "burnish.cli.app"),
)
"""What the server loads, with all that these import."""
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Place:
    """Where a program runs: folder, environment, and the files for its output, as numbers in the process ``owner``."""

    cwd: str
    environment: dict[str, str]
    owner: int
    stdout: int
    stderr: int


def run_warm(
    program: Sequence[str], cwd: Path, environment: Mapping[str, str], *, processes: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run ``-m MODULE ARGUMENTS`` or ``-c CODE ARGUMENTS`` to its end; with several processes, as torchrun starts them.

    When one of several ends badly, the others are killed, and its status is that of all.
    """
    context = multiprocessing.get_context("forkserver")
    _start_server()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        started = []
        for variables in _variables(environment, processes):
            place = Place(str(cwd), variables, os.getpid(), stdout.fileno(), stderr.fileno())
            started.append(context.Process(target=_become, args=(list(program), place)))
            started[-1].start()
        status = _first_failure(started)
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    return subprocess.CompletedProcess(list(program), status, *said)


def _start_server() -> None:
    """Start the server, if it does not run; it inherits the environment of this moment."""
    multiprocessing.set_forkserver_preload(list(LOADED))
    kept = {name: os.environ.get(name) for name in ("PYTHONPATH", "OMP_NUM_THREADS")}
    os.environ |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]), "OMP_NUM_THREADS": "1"}
    try:
        forkserver.ensure_running()
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _variables(environment: Mapping[str, str], processes: int) -> list[dict[str, str]]:
    """The environment of each process; that of several names their ranks and where they meet."""
    if processes == 1:
        return [dict(environment)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    together = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    together |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = range(processes)
    return [{**environment, **together, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in ranks]


def _first_failure(started: Sequence[ForkServerProcess]) -> int:
    """Wait for all; the status of the first that ends badly, after which the others are killed, else 0."""
    waiting, status = list(started), 0
    while waiting:
        ended = connection.wait([process.sentinel for process in waiting], TIMEOUT_S)
        assert ended, f"no process ended within {TIMEOUT_S} s"
        for process in [one for one in waiting if one.sentinel in ended]:
            waiting.remove(process)
            process.join()
            if process.exitcode and not status:
                status = process.exitcode
                for other in waiting:
                    other.kill()
    return status


def _become(program: list[str], place: Place) -> None:
    """In the new process: take on the place, and run the program."""
    for target, number in ((1, place.stdout), (2, place.stderr)):
        source = os.open(f"/proc/{place.owner}/fd/{number}", os.O_WRONLY | os.O_APPEND)
        os.dup2(source, target)
        os.close(source)
    os.chdir(place.cwd)
    os.environ.clear()
    os.environ.update(place.environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    option, name, *arguments = program
    sys.path.insert(0, "")
    sys.argv = [option, *arguments]
    if option == "-m":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        exec(compile(name, "<string>", "exec"), {"__name__": "__main__"})
