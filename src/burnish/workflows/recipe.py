"""Run a recipe from beginning to end, stage by stage, continuing an earlier attempt.

Left out on purpose: the work of a stage (one workflow per kind), the inputs of its results (`workflows.run.inputs`),
the command line (`cli`).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from burnish import __version__
from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.optimizer import CONTINUABLE
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import Stage, Trains
from burnish.data.filters.build import needs_judge
from burnish.data.tasks.task_sets import load_evaluation_tasks, load_task_set
from burnish.errors import BurnishError, ConfigError, DiskError
from burnish.fsio import digest_json
from burnish.ledger.attempt_log import attempt_log
from burnish.ledger.machine import write_machine
from burnish.ledger.memory import peak_bytes, reset_peak
from burnish.ledger.run_folder import check_owner, open_run
from burnish.ledger.stage import begin, fingerprint, finish, read_done
from burnish.ledger.store import Ledger
from burnish.records.layout import LEDGER
from burnish.workflows.preflight import check_before
from burnish.workflows.run.context import Run, workflow_of
from burnish.workflows.run.inputs import CODE, run_digests, stage_inputs
from burnish.workflows.run.ledger_entry import predicted_memory, record_stage
from burnish.workflows.train.early_gates import check_gates_early
from burnish.workflows.verify.judge import open_verifier

logger = logging.getLogger("burnish.run")

FULL_BYTES = 1 << 20
"""After a failure, a disk with less free space than this counts as full."""


def run_recipe(recipe: Recipe, *, resume: bool = False, stages: Sequence[Stage] | None = None) -> Path:
    """Run the recipe's stages (or the given first ones) and return the run's folder.

    Stages that are done and whose inputs are unchanged are kept. ``resume`` continues although the recipe changed, and
    reruns the affected stages. Raises the BurnishError of the failing stage.
    """
    path = recipe.runs_dir / recipe.name
    selected = recipe.stages if stages is None else tuple(stages)
    resolved = recipe.model_dump(mode="json")
    check_owner(path, resolved, resume=resume)
    check_before(recipe, selected)
    with ExitStack() as stack:
        judging = _verifies(recipe, selected)
        verifier = stack.enter_context(open_verifier(recipe.verify, recipe.runs_dir)) if judging else None
        if verifier is not None and recipe.verify.min_grading == "separate":
            own = [stage.tasks for stage in selected if isinstance(stage, EvaluateStage) and stage.tasks is not None]
            given = load_task_set(recipe.data.tasks, recipe.seed)
            more = [task for tasks in own for task in load_evaluation_tasks(tasks, recipe.seed).held_out]
            verifier.gradings((*given.train, *given.held_out, *more))
        digests = run_digests(recipe, verifier.digest if verifier is not None else None)
        folder = stack.enter_context(
            open_run(path, recipe=resolved, digests=digests, version=__version__, resume=resume)
        )
        stack.enter_context(attempt_log(path / "logs"))
        write_machine(path)
        ledger = stack.enter_context(Ledger(recipe.runs_dir / LEDGER))
        ledger.open_run(
            folder.run_id, name=recipe.name, path=path, recipe=digest_json([resolved, digests]), version=__version__
        )
        run = Run(recipe, folder, digests, verifier)
        with _recorded(ledger, run):
            for place, stage in enumerate(selected, 1):
                if "measurement" in stage.makes:
                    check_gates_early(run, stage, selected[place:])
                _do_stage(run, ledger, stage)
    return path


def last_training_stage(recipe: Recipe) -> tuple[Stage, ...]:
    """Return the stages up to the last one that trains; raise ConfigError when none does."""
    training = [index for index, stage in enumerate(recipe.stages) if isinstance(stage, Trains)]
    if not training:
        raise ConfigError(
            f"recipe {recipe.name!r} trains nothing", "Add a stage that trains, such as sft, or use burnish run."
        )
    return recipe.stages[: training[-1] + 1]


def extend_training(recipe: Recipe, steps: int, epochs: float) -> Recipe:
    """Add steps or epochs to the last training; they count from the plan, not from earlier additions.

    Raises ConfigError when nothing trains.
    """
    if not steps and not epochs:
        return recipe
    last = last_training_stage(recipe)[-1]
    if isinstance(last, Trains) and last.several_trainings:
        raise ConfigError(
            f"stage {last.name!r} has several trainings, so it cannot be extended.", "Raise its rounds instead."
        )
    longer = last.model_copy(update={"extra_steps": steps, "extra_epochs": epochs})
    return recipe.model_copy(update={"stages": tuple(longer if stage is last else stage for stage in recipe.stages)})


def _verifies(recipe: Recipe, stages: Sequence[Stage]) -> bool:
    needs = [stage.needs(recipe.data) for stage in stages]
    return any(needed.verifier or (needed.sources and needs_judge(recipe.data.filters)) for needed in needs)


def _do_stage(run: Run, ledger: Ledger, stage: Stage) -> None:
    folder = run.stage_folder(stage.name)
    inputs = stage_inputs(run, stage)
    settings = stage.model_dump(mode="json")
    wanted = fingerprint(settings, inputs, code=run.digests[CODE], seed=run.recipe.seed)
    continued = None
    if isinstance(stage, Trains):
        lasting = {key: value for key, value in settings.items() if key not in CONTINUABLE}
        continued = fingerprint(lasting, inputs, code=run.digests[CODE], seed=run.recipe.seed)
    done = read_done(folder)
    if done is not None and done.fingerprint == wanted:
        logger.info("%s: done before, kept", stage.name)
        run.reused.add(stage.name)
    else:
        attempt = begin(folder, wanted, continued, keep_finished=isinstance(stage, Trains))
        if attempt.fresh:
            run.folder.metrics.drop_stage(stage.name)
        logger.info("%s: %s", stage.name, "begins" if attempt.fresh else "continues")
        run.folder.events.write("stage_begins", stage=stage.name, kind=stage.kind, fresh=attempt.fresh)
        reset_peak()
        outcome = workflow_of(stage.workflow)(run, stage, folder)
        metrics = {**outcome.metrics, **predicted_memory(folder)}
        done = finish(folder, attempt, outcome.outputs, metrics=metrics, peak_bytes=outcome.peak_bytes or peak_bytes())
        run.folder.events.write("stage_done", stage=stage.name, kind=stage.kind, seconds=done.seconds)
        logger.info("%s: done in %.1f s", stage.name, done.seconds)
    # Also for a kept stage: an attempt may have died between done.json and the ledger.
    record_stage(ledger, run, stage, done, inputs)
    run.done[stage.name] = done


@contextmanager
def _recorded(ledger: Ledger, run: Run) -> Iterator[None]:
    """Record in ledger and events how the run ended."""
    run_id, events = run.folder.run_id, run.folder.events
    events.write("run_begins", version=__version__)
    try:
        yield
    except KeyboardInterrupt:
        ledger.close_run(run_id, "interrupted")
        events.write("run_interrupted")
        raise
    except BurnishError as error:
        ledger.close_run(run_id, "failed")
        events.write("run_failed", error=error.cause)
        raise
    except Exception as error:
        # Libraries report a full disk with their own errors (torch, safetensors): check the disk instead.
        if shutil.disk_usage(run.folder.path).free < FULL_BYTES:
            raise DiskError(
                f"the disk that holds {run.folder.path} is full",
                "Finished stages and checkpoints are intact: free some space and run the same command again.",
            ) from error
        ledger.close_run(run_id, "failed")
        events.write("run_failed", error=type(error).__name__)
        raise
    ledger.close_run(run_id, "done")
    events.write("run_done")
