"""A docker daemon for tests: the one that answers, or one of our own where root has ``dockerd``."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from burnish.errors import BurnishError
from burnish.verify.sandbox.docker_api import INSTALL, Engine

_STARTS_WITHIN_S = 60.0


@functools.cache
def why_no_docker() -> str:
    """Empty when ``DOCKER_HOST`` now names a daemon that answers; else what is missing."""
    if _answers():
        return ""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        return f"no docker daemon answers, and root has none to start ({INSTALL})"
    folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
    host = f"unix://{folder}/docker.sock"
    log = folder / "log"
    with log.open("wb") as written:
        daemon = subprocess.Popen(
            [
                "dockerd", "--bridge=none", "--iptables=false", "--data-root", str(folder / "data"),
                "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"), "-H", host,
            ],
            stdout=written,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    atexit.register(_end, daemon, folder)
    os.environ["DOCKER_HOST"] = host
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while not _answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            del os.environ["DOCKER_HOST"]
            return f"dockerd does not start here: {log.read_text(errors='replace')[-300:]}"
        try:
            daemon.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    return ""


def _answers() -> bool:
    try:
        Engine()
    except BurnishError:
        return False
    return True


def _end(daemon: subprocess.Popen[bytes], folder: Path) -> None:
    daemon.terminate()
    daemon.wait()
    shutil.rmtree(folder, ignore_errors=True)
