"""Evaluate every model that has no result yet, one after the other, on one version of a task set.

A result belongs to the digests of a model's files, of the tasks, and of the options that decide answers: a model that
was trained again is a new one whatever its name, and so is a changed task set. A model that fails is recorded, and the
next one is evaluated; finished evaluations are kept, and a killed one continues.

Left out on purpose: evaluating one model (`workflows.evaluate.evaluate`), comparing them
(`workflows.evaluate.compare`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from burnish.config.model import ModelConfig
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.data.tasks.task_sets import check_task_files, load_task_set
from burnish.errors import BurnishError, ConfigError, DataError
from burnish.fsio import digest_json, write_json
from burnish.ledger.stage import read_done
from burnish.ledger.store import Ledger
from burnish.model.folders import is_gguf
from burnish.model.machine import check_machine
from burnish.records.layout import ADAPTER_CONFIG, EVALUATED, LEDGER, OVERVIEW, RESOLVED, SUMMARY
from burnish.records.summary import Summary
from burnish.score.summaries.answers import check_tasks
from burnish.workflows.answer.find_model import find_model, stages_with_models
from burnish.workflows.evaluate.evaluate import evaluate, tasks_digest
from burnish.workflows.evaluate.rescore import read_summary
from burnish.workflows.evaluate.written_answers import precision_in
from burnish.workflows.run.requirements import require

_MARKS = ("config.json", ADAPTER_CONFIG, "tokenizer.json", "*.safetensors")
"""Files that make a folder look like a model, whole or broken."""

_log = logging.getLogger("burnish.evaluate")


@dataclass(frozen=True)
class OneModel:
    """A model and its result."""

    name: str
    digest: str
    """Digest of its files; empty if unreadable."""
    folder: str
    """Folder of its evaluation; empty if none."""
    state: Literal["evaluated", "kept", "failed"]
    headline: str = ""
    """The first metric and its value."""
    dtype: str | None = None
    """Compute dtype; None when unrecorded."""
    quantization: str | None = None
    """Quantisation of its weights, ``none`` without."""
    problem: str = ""
    """Reason of a failure."""


def evaluate_all(config: EvaluateConfig, models: Path) -> list[OneModel]:
    """Evaluate the models of a runs folder, or a folder of model folders; ``config.out`` holds a folder for each.

    ``overview.json`` in ``config.out`` lists all models, and is updated after each. Raises ConfigError when
    the configuration names answers other than a model's, or DataError when there is no model at all.
    """
    answers = config.answers
    named = answers.model.base if isinstance(answers, ModelAnswers) else ""
    if not isinstance(answers, ModelAnswers) or answers.adapter is not None or named != ModelConfig().base:
        raise ConfigError("--all takes its models from the folder.", "Remove answers.model.base and answers.adapter.")
    require("train")
    bases = list(_models(models))
    if not bases:
        raise DataError(f"{models} has no model.", "Give a folder of runs, or one with a folder per model.")
    check_machine(answers.model)
    check_task_files(config.tasks, "tasks")
    tasks = load_task_set(config.tasks, config.seed).held_out[: config.limit]
    check_tasks(tasks)
    key = tasks_digest(tasks)
    from burnish.model.base import free_memory  # loads torch, which none of the mistakes above may wait for

    evaluated: list[OneModel] = []
    seen: dict[str, str] = {}
    for number, base in enumerate(bases, 1):
        _log.info("%d of %d: %s", number, len(bases), base)
        model = _evaluate_one(config, answers, base, key, seen)
        if model.state == "failed":
            _log.warning("%s failed: %s", model.name, model.problem)
        evaluated.append(model)
        write_json(config.out / OVERVIEW, {"tasks": key, "models": [asdict(model) for model in evaluated]})
        free_memory()
    return evaluated


def _evaluate_one(
    config: EvaluateConfig, answers: ModelAnswers, base: str, tasks: str, seen: dict[str, str]
) -> OneModel:
    name, digest, folder = base, "", ""
    try:
        with_base = answers.model_copy(update={"model": answers.model.model_copy(update={"base": base})})
        model = find_model(with_base)
        name, digest = model.name, model.digest
        if digest in seen:
            return OneModel(name, digest, seen[digest], "kept", "the same model as one before")
        key = _key(config, with_base, digest, tasks)[:12]
        # The name is only a label: a renamed model already has its result.
        label = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "model"
        out = next(config.out.glob(f"*-{key}"), config.out / f"{label}-{key}")
        folder = str(out)
        kept = read_done(out / EVALUATED) is not None and (out / SUMMARY).is_file()
        if kept:
            summary = read_summary(out / SUMMARY)
        else:
            # Another version of the program may have begun it: the key holds everything that decides answers.
            summary = evaluate(config.model_copy(update={"out": out, "answers": with_base}), resume=True)
    except BurnishError as error:
        return OneModel(name, digest, folder, "failed", problem=f"{error.cause} {error.way_out}")
    except Exception as error:  # noqa: BLE001  one model's fault, of whatever library, must not end the others
        _log.debug("%s", name, exc_info=True)
        return OneModel(name, digest, folder, "failed", problem=f"{type(error).__name__}: {error}")
    seen[digest] = folder
    loaded = precision_in(out)
    state: Literal["kept", "evaluated"] = "kept" if kept else "evaluated"
    return OneModel(name, digest, folder, state, _headline(summary), loaded.dtype, loaded.quantization)


def _models(folder: Path) -> Iterator[str]:
    """List ``model.base`` of each model: finished stages, or model folders and GGUF files."""
    if not folder.is_dir():
        raise ConfigError(f"folder {folder} does not exist.", "Give a folder of runs, or one with models in it.")
    runs = {path.parent.resolve() for path in folder.glob(f"*/{RESOLVED}")}
    if (folder / LEDGER).is_file():
        with Ledger(folder / LEDGER) as ledger:
            runs |= {row.path.resolve() for row in ledger.runs() if (row.path / RESOLVED).is_file()}
    for run in sorted(runs):
        yield from (str(run / stage) for stage in stages_with_models(run))
    for model in sorted(folder.iterdir()):
        folder_of_one = model.is_dir() and any(any(model.glob(mark)) for mark in _MARKS)
        if model.resolve() not in runs and (folder_of_one or is_gguf(model)):
            yield str(model)


def _key(config: EvaluateConfig, answers: ModelAnswers, model: str, tasks: str) -> str:
    """Compute the digest of everything that decides answers and their judgement, except the program and its
    compiler."""
    how = [answers.engine, answers.adapter_off, config.seed, config.tolerance, config.repair_turns]
    return digest_json([model, tasks, answers.sampling.deciding(), *how])


def _headline(summary: Summary) -> str:
    parts = []
    for kind in (kind for model in summary.models for kind in model.kinds):
        name, estimate = next(iter(kind.metrics.items()))
        what = "tests passed" if kind.kind == "rust" else f"{kind.kind} {name}"
        parts.append(f"{what} {100 * estimate.value:.1f} %")
    return ", ".join(parts)
