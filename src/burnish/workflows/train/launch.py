"""Run a training stage in this process, or in several as the recipe sets, whose result or error is its own.

Left out on purpose: how each method trains (`sft`, `preference`, `pretrain`), the work of each process (`worker`).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish import errors
from burnish.config.stages.batches import shared_micro_batch
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import TrainingStage
from burnish.errors import BurnishError, MachineError
from burnish.fsio import disk_errors, write_json
from burnish.records.layout import FAILURE, FIRST_PROCESS, JOB, OUTCOME
from burnish.scale.launch import other_node_command, planned_processes, run_processes, torchrun_arguments
from burnish.train.micro_batch import fit_micro_batch
from burnish.workflows.run.context import Outcome, Run, workflow_of

MODULE = "burnish.workflows.train.worker"
logger = logging.getLogger("burnish.launch")


def train_stage(run: Run, stage: TrainingStage, folder: Path) -> Outcome:
    """Train the stage, continuing from its last complete checkpoint; a micro batch that does not fit gets smaller."""
    processes = planned_processes(run.recipe.launch, run.recipe.model.device)
    alone = processes == 1 and run.recipe.launch.strategy != "deepspeed"
    stage = shared_out(stage, processes)
    if alone:
        return train_here(run, stage, folder)
    return fit_micro_batch(stage, lambda fitting: _launch(run, fitting, folder, processes), processes)


def train_here(run: Run, stage: TrainingStage, folder: Path) -> Outcome:
    """Train the stage in this process, which may be one of several."""
    return workflow_of(stage.training_function)(run, stage, folder)


def _launch(run: Run, stage: TrainingStage, folder: Path, processes: int) -> Outcome:
    """Train in ``processes`` over all machines; raise what one process raises, MachineError when one was killed."""
    launch = run.recipe.launch
    place = folder / "launch"
    with disk_errors(place):
        shutil.rmtree(place, ignore_errors=True)
    write_json(place / JOB, _job(run, stage))
    command = torchrun_arguments(launch, processes // launch.nodes, MODULE, [str(place)])
    logger.info("%s: trains in %d processes", stage.name, processes)
    if launch.nodes > 1:
        logger.info("on each other machine, N from 1, with this folder there: %s", other_node_command(command))

    def interrupt() -> bool:
        try:
            os.kill(int((place / FIRST_PROCESS).read_text()), signal.SIGINT)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    status = run_processes(command, interrupt=interrupt)
    if status == 0:
        outcome = json.loads((place / OUTCOME).read_bytes())
        return Outcome(tuple(outcome["outputs"]), outcome["metrics"], outcome["peak_bytes"])
    if not (place / FAILURE).exists():
        raise MachineError(
            f"the processes that train {stage.name} ended with status {status}, at least one without an error message.",
            "It was killed, perhaps because memory ran out; checkpoints are intact: run the same command again.",
        )
    raise _failure(json.loads((place / FAILURE).read_bytes()))


def _failure(failure: dict[str, str]) -> BaseException:
    if failure["kind"] == KeyboardInterrupt.__name__:
        return KeyboardInterrupt()
    kind: Any = getattr(errors, failure["kind"], None)
    if isinstance(kind, type) and issubclass(kind, BurnishError):
        return kind(failure["cause"], failure["way_out"])
    return RuntimeError(f"in a training process: {failure['kind']}: {failure['cause']}")


def _job(run: Run, stage: TrainingStage) -> dict[str, Any]:
    stages = [stage if other.name == stage.name else other for other in run.recipe.stages]
    recipe: Recipe = run.recipe.model_copy(update={"stages": tuple(stages)})
    return {
        "recipe": recipe.model_dump(mode="json"),
        "stage": stage.name,
        "run": str(run.folder.path.absolute()),
        "run_id": run.folder.run_id,
        "digests": dict(run.digests),
        "done": {name: asdict(done) for name, done in run.done.items()},
        "verifies": run.verifier is not None,
    }


def shared_out(stage: TrainingStage, processes: int) -> TrainingStage:
    """Choose a micro batch that the processes can share, unless the recipe sets one."""
    micro_batch = shared_micro_batch(stage, processes)
    if micro_batch == stage.micro_batch:
        return stage
    logger.info("%s: micro_batch is %d, so that %d processes share the batch", stage.name, micro_batch, processes)
    return stage.model_copy(update={"micro_batch": micro_batch})
