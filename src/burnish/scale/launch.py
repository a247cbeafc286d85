"""Count the processes of a training, start them with torchrun, forward Ctrl-C, and end them with this process.

Not covered: their work (a module that the caller names), restarts (`workflows.manage.supervise`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from burnish.config.launch import LaunchConfig
from burnish.ledger.accelerators import cuda_missing

PR_SET_PDEATHSIG = 1


def planned_processes(config: LaunchConfig, device: str) -> int:
    """Count the processes that ``config`` asks for, over all nodes, for ``model.device``."""
    if config.processes != "auto":
        return config.processes * config.nodes
    return max(1, _visible(device)) * config.nodes


def _visible(device: str) -> int:
    if device == "cpu" or cuda_missing() is not None:
        return 0
    import torch

    return torch.cuda.device_count()


def torchrun_arguments(config: LaunchConfig, processes: int, module: str, arguments: Sequence[str]) -> list[str]:
    """Build the command line for ``processes`` per machine; `other_node_command` is for further machines."""
    where = ["--standalone"]
    if config.nodes > 1:
        where = [
            f"--nnodes={config.nodes}",
            "--node-rank=0",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={config.rendezvous}",
        ]
    return [
        *(sys.executable, "-m", "torch.distributed.run", *where),
        *(f"--nproc-per-node={processes}", "--max-restarts=0", "-m", module, *arguments),
    ]


def other_node_command(command: Sequence[str]) -> str:
    """Build the command line to type on another machine."""
    words = ["python", *command[1:]]
    return " ".join("--node-rank=N" if word == "--node-rank=0" else word for word in words)


def run_processes(command: Sequence[str], *, interrupt: Callable[[], bool]) -> int:
    """Run the command and return its exit status, negative for a signal.

    Ctrl-C calls ``interrupt``, which tells the processes to finish and save; a second one, or one before ``interrupt``
    can reach them, ends them at once and raises KeyboardInterrupt. They die with this process.
    """
    process = subprocess.Popen(
        command,
        start_new_session=True,  # otherwise Ctrl-C reaches torchrun, which kills its workers after 30 s
        preexec_fn=die_with_parent,  # noqa: PLW1509  one system call, no lock is taken
        env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )
    interrupted = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted or not interrupt():
            process.terminate()
            raise KeyboardInterrupt
        interrupted = True

    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, ask) if in_main else None
    try:
        return process.wait()
    finally:
        if in_main:
            signal.signal(signal.SIGINT, before)
        if process.poll() is None:
            process.terminate()
            process.wait()


def die_with_parent() -> None:
    """Make a child die with its parent (``preexec_fn``)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
