"""Train a stage as one of several processes, started by torchrun with a folder from `launch`.

The launching process locks the run's folder; the first worker writes into it, the others only compute.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import TrainingStage
from burnish.data.filters.build import needs_judge
from burnish.errors import BurnishError
from burnish.fsio import write_atomic, write_json
from burnish.ledger.attempt_log import FORMAT
from burnish.ledger.memory import peak_bytes
from burnish.ledger.run_folder import RunFolder
from burnish.ledger.stage import Done
from burnish.model.base import resolve_device
from burnish.records.layout import FAILURE, FIRST_PROCESS, JOB, LOGS, OUTCOME
from burnish.scale.processes import is_first, join_processes
from burnish.workflows.run.context import Run
from burnish.workflows.train.launch import train_here
from burnish.workflows.verify.judge import open_verifier


def main(place: Path) -> int:
    """Train and return the exit status; the first process to fail writes its error."""
    try:
        _train(place)
    except BurnishError as error:
        _fail(place, type(error).__name__, error.cause, error.way_out)
        return error.exit_code
    except KeyboardInterrupt:
        _fail(place, KeyboardInterrupt.__name__)
        return 130
    except Exception as error:
        _fail(place, type(error).__name__, str(error))
        raise
    return 0


def _train(place: Path) -> None:
    job = json.loads((place / JOB).read_bytes())
    recipe = Recipe.model_validate_json(json.dumps(job["recipe"]))
    join_processes(on_cpu=resolve_device(recipe.model).type == "cpu")
    folder = RunFolder(Path(job["run"]), job["run_id"])
    _log_to(folder.path / LOGS)
    if is_first():
        write_atomic(place / FIRST_PROCESS, str(os.getpid()))
    training = (stage for stage in recipe.stages if isinstance(stage, TrainingStage))
    stage = next(stage for stage in training if stage.name == job["stage"])
    with ExitStack() as stack:
        verifier = None
        if job["verifies"] and (is_first() or needs_judge(recipe.data.filters)):
            verifier = stack.enter_context(open_verifier(recipe.verify, recipe.runs_dir))
        run = Run(recipe, folder, job["digests"], verifier)
        run.done |= {name: Done(**done) for name, done in job["done"].items()}
        outcome = train_here(run, stage, run.stage_folder(stage.name))
    if is_first():
        made = {"outputs": list(outcome.outputs), "metrics": dict(outcome.metrics), "peak_bytes": peak_bytes()}
        write_json(place / OUTCOME, made)


def _fail(place: Path, kind: str, cause: str = "", way_out: str = "") -> None:
    if not (place / FAILURE).exists():
        write_json(place / FAILURE, {"kind": kind, "cause": cause, "way_out": way_out})


def _log_to(logs: Path) -> None:
    """Log fully in the first process; the others only warn."""
    logger = logging.getLogger("burnish")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(terminal)
    logger.setLevel(logging.INFO if is_first() else logging.ERROR)
    attempts = sorted(logs.glob("attempt_*.log"), key=lambda path: path.stat().st_mtime)
    if is_first() and attempts:
        file = logging.FileHandler(attempts[-1], encoding="utf-8")
        file.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(file)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
