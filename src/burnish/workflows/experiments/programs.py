"""Run many programs one after the other, with time-out, retries and state on disk.

Sweep and grid share this. A folder of experiments holds ``recipes/``, ``runs/`` with the ledger, ``states/`` and
``logs/``. A run whose state is final, for the same recipe and the same inputs, is not run again; a killed one
continues, because ``burnish run`` does. Left out on purpose: the list of experiments, running several at once.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from burnish import __version__
from burnish.config.stages.recipe import Recipe
from burnish.errors import BurnishError
from burnish.fsio import NUMBER, digest_json, disk_errors, read_object, write_atomic
from burnish.ledger.attempt_log import attempt_log
from burnish.ledger.process import working
from burnish.ledger.run_folder import open_run
from burnish.records import Record
from burnish.scale.launch import die_with_parent
from burnish.workflows.manage.supervise import FINAL
from burnish.workflows.run.inputs import CODE, code_digest, run_digests

logger = logging.getLogger("burnish.experiments")

State = Literal["running", "done", "pruned", "failed", "timeout", "illegal"]
ENDED: tuple[State, ...] = ("done", "pruned")
"""Final states; failed runs are retried."""
FAILED: tuple[State, ...] = ("failed", "timeout")
POLL_S = 0.5
"""Seconds between two checks of a running program."""
GRACE_S = 60.0
"""Seconds that a program has to save and end after Ctrl-C before it is killed."""


class ExperimentState(Record):
    """The state of one experiment: the format of ``states/INDEX.json``."""

    id: str
    index: int
    state: State
    fingerprint: str
    """Digest of the recipe and of all that it reads."""
    params: dict[str, Any]
    seconds: float = 0.0
    """Seconds of the attempts under the last command, including waits."""
    attempts: int = 0
    reason: str = ""
    """Reason why it is not done."""


@dataclass(frozen=True)
class Ending:
    """The end of a program: exit status and reason."""

    state: State
    seconds: float
    attempts: int
    reason: str = ""


@dataclass(frozen=True)
class Folder:
    """The file layout of experiments."""

    path: Path

    @property
    def runs(self) -> Path:
        """Return the ``runs_dir`` of all of them."""
        return self.path / "runs"

    def run(self, name: str) -> Path:
        return self.runs / name

    def recipe(self, name: str) -> Path:
        return self.path / "recipes" / f"{name}.yaml"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def write_config(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a configuration as a file for the program and the user."""
        text = yaml.safe_dump(dict(content), sort_keys=False, width=100, allow_unicode=True)
        write_atomic(self.recipe(name), text)
        return self.recipe(name)

    def read_state(self, index: int) -> ExperimentState | None:
        """Read the state of an experiment by number; None when it never started."""
        path = self._state_file(index)
        return ExperimentState.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None

    def write_state(self, state: ExperimentState) -> None:
        write_atomic(self._state_file(state.index), state.model_dump_json(indent=2) + "\n")

    def _state_file(self, index: int) -> Path:
        return self.path / "states" / f"{index:03d}.json"


@contextmanager
def opened(out: Path, resolved: Mapping[str, Any], *, resume: bool) -> Iterator[Folder]:
    """Lock the folder of these experiments; raise RunFolderError when it belongs to others."""
    with (
        open_run(out, recipe=resolved, digests={CODE: code_digest()}, version=__version__, resume=resume),
        attempt_log(out / "logs"),
    ):
        yield Folder(out)


def recipe_fingerprint(recipe: Recipe, beside: object = None) -> str:
    """Compute the digest of a recipe and its inputs; raise the error of a missing input."""
    return digest_json([recipe.model_dump(mode="json"), run_digests(recipe, None), beside])


def run_experiment(
    folder: Folder,
    planned: ExperimentState,
    commands: Sequence[Sequence[str]],
    *,
    timeout_s: float | None,
    retries: int,
    watch: Callable[[], str | None] = lambda: None,
) -> ExperimentState:
    """Run the commands one after the other; store and return the state.

    Args:
        folder: of all experiments.
        planned: the experiment, as it is before it begins.
        commands: programs that continue when restarted.
        timeout_s: seconds that they may take together.
        retries: restarts of a crashed program.
        watch: asked now and then; a text is the reason to stop the experiment as pruned.
    """
    folder.write_state(planned)
    _wait_until_free(folder.run(planned.id))
    logger.info("%s begins", planned.id)
    ending = run_to_end(commands, folder.log(planned.id), timeout_s=timeout_s, retries=retries, watch=watch)
    state = planned.model_copy(update=vars(ending))
    folder.write_state(state)
    logger.info("%s: %s in %.1f s%s", state.id, state.state, state.seconds, f": {state.reason}" if state.reason else "")
    return state


def failed_before(folder: Folder, planned: ExperimentState, error: BurnishError) -> ExperimentState:
    """Build the state of an experiment that could not start."""
    state = planned.model_copy(update={"state": "failed", "reason": error.cause})
    folder.write_state(state)
    logger.warning("%s cannot begin: %s", planned.id, error.cause)
    return state


def run_to_end(
    commands: Sequence[Sequence[str]],
    log: Path,
    *,
    timeout_s: float | None,
    retries: int,
    watch: Callable[[], str | None],
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    """Run the commands with output to ``log`` and return their end; Ctrl-C stops cleanly."""
    began = clock()
    until = None if timeout_s is None else began + timeout_s
    attempts = 0
    for command in commands:
        tried = 0
        while True:
            attempts, tried = attempts + 1, tried + 1
            begins = log.stat().st_size if log.exists() else 0
            status, stopped = _attempt(command, log, until, watch, clock)
            if stopped is not None:
                state: State = "timeout" if stopped == "" else "pruned"
                reason = stopped or f"it took longer than timeout_s, {timeout_s:g} s"
                return Ending(state, round(clock() - began, 3), attempts, reason)
            if status == 0:
                break
            reason = _reason(status, log, begins)
            if status in FINAL or tried > retries:
                return Ending("failed", round(clock() - began, 3), attempts, reason)
            logger.warning("%s; restarting it", reason)
    return Ending("done", round(clock() - began, 3), attempts)


def _attempt(
    command: Sequence[str],
    log: Path,
    until: float | None,
    watch: Callable[[], str | None],
    clock: Callable[[], float],
) -> tuple[int, str | None]:
    """Wait for exit status and stop reason: None when not stopped, empty for the time-out."""
    with disk_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,  # otherwise the terminal's Ctrl-C would reach it twice
            preexec_fn=die_with_parent,  # noqa: PLW1509  one system call, no lock is taken
        )
        try:
            while True:
                left = POLL_S if until is None else min(POLL_S, max(0.0, until - clock()))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(left), None
                if until is not None and clock() >= until:
                    return _stop(process), ""
                reason = watch()
                if reason is not None:
                    return _stop(process), reason
        finally:
            if process.poll() is None:
                _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _wait_until_free(run: Path) -> None:
    """Wait for a process that a killed program left behind."""
    logged = False
    while (pid := working(run)) is not None:
        if not logged:
            logger.warning("waiting for process %d, which still works on %s", pid, run)
        logged = True
        time.sleep(POLL_S)


def _reason(status: int, log: Path, begins: int) -> str:
    """Find why a program failed: its error line, otherwise its last line."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    with log.open("rb") as file:
        file.seek(begins)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    causes = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return causes[-1] if causes else ": ".join([f"exit status {status}", *lines[-1:]])


@dataclass(frozen=True)
class Measured:
    """The time and memory of a finished run."""

    seconds: float
    """Seconds over its stages and all attempts."""
    peak_bytes: int | None
    """Largest resident memory of a stage."""
    device_peak_bytes: int | None
    """Largest reserved memory of an accelerator in a training; None without one."""


def measured(run: Path) -> Measured:
    """Read time and memory from the records of a run's stages."""
    stages = [read_object(path, needs={"seconds": NUMBER}) for path in sorted(run.glob("*/done.json"))]
    peaks = [stage["peak_bytes"] for stage in stages if stage.get("peak_bytes") is not None]
    reserved = []
    for path in run.glob("*/training_metadata.json"):
        peak = read_object(path, needs={"hardware_info": dict})["hardware_info"].get("vram_peaks")
        reserved += [int(peak["overall_max_reserved_gb"] * (1 << 30))] if peak is not None else []
    seconds = round(sum(stage["seconds"] for stage in stages), 3)
    return Measured(seconds, max(peaks, default=None), max(reserved, default=None))
