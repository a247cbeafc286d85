"""Resolve a model's name: a base, adapter, run, stage, checkpoint or GGUF file.

Left out on purpose: loading (`workflows.answer.generators`), hub names.
"""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

from burnish.config.model import ModelConfig
from burnish.config.quantization import QuantizationConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.evaluate import ModelAnswers
from burnish.errors import ConfigError, DataError
from burnish.fsio import RESTORE, read_object
from burnish.ledger.run_folder import RunFolder
from burnish.ledger.stage import read_done
from burnish.model.source import ModelSource
from burnish.records.layout import (
    ADAPTER,
    ADAPTER_CONFIG,
    CHECKPOINTS,
    COMPLETE,
    MODEL,
    RESOLVED,
    ROUND_FOLDER,
    TOKENIZER,
)
from burnish.workflows.run.base_model import NAMED, resolve_base, resolve_measured
from burnish.workflows.run.context import Run

logger = logging.getLogger("burnish.run")

RUNS = Path("runs")
"""Folder searched for a bare name, besides the current folder."""


def find_model(answers: ModelAnswers) -> ModelSource:
    """Resolve ``answers.model.base`` and ``answers.adapter``.

    Raises:
        ConfigError: there is no such folder, files are missing in it, a run made no model, or its stage is not done.
    """
    config, adapter = answers.model, answers.adapter
    if adapter is not None:
        if not adapter.is_dir():
            raise ConfigError(f"adapter folder {adapter} does not exist", "Give the folder that training wrote.")
        return ModelSource(_short(adapter), resolve_base(config.base), adapter, config)
    path = Path(config.base).expanduser()
    if config.base not in NAMED and not path.is_dir() and (RUNS / config.base).is_dir():
        path = RUNS / config.base
    _refuse_bare_checkpoint(path)
    if config.base in NAMED or not path.is_dir() or (path / "config.json").is_file():
        return ModelSource(path.name, resolve_measured(config.base if not path.is_dir() else str(path)), None, config)
    if (path / RESOLVED).is_file():
        made = stages_with_models(path)
        if made:
            return model_of_stage(path, made[-1], config)
        path = _newest_checkpoint(path)
        _refuse_bare_checkpoint(path)
    stage = _stage_above(path)
    if stage is not None:
        return _inside(stage, path, config)
    if (path / ADAPTER_CONFIG).is_file():
        raise ConfigError(
            f"model.base names {path}, which is an adapter outside a run, so its base is not known.",
            f"Set both: answers.model.base=BASE and answers.adapter={path}.",
        )
    return ModelSource(path.name, resolve_base(str(path)), None, config)  # raises with the missing files


def _stage_above(path: Path) -> Path | None:
    """Return the stage folder that ``path`` is or is inside of; None outside of runs."""
    return next((stage for stage in (path, *path.parents[:4]) if (stage.parent / RESOLVED).is_file()), None)


def _inside(stage: Path, path: Path, config: ModelConfig) -> ModelSource:
    """Return the model of a stage, or an adapter in its folder: of a round, or a checkpoint."""
    if path in (stage, stage / ADAPTER):
        return model_of_stage(stage.parent, stage.name, config)
    adapter = path if (path / ADAPTER_CONFIG).is_file() else path / ADAPTER
    if not (adapter / ADAPTER_CONFIG).is_file():
        raise ConfigError(
            f"{path} holds no model.", f"Give {stage}, or a checkpoint: {stage}/{CHECKPOINTS}/checkpoint-STEP."
        )
    source = model_of_stage(stage.parent, stage.name, config, done=False)
    return ModelSource(_short(adapter), source.base, adapter, source.config)


def model_of_stage(run_folder: Path, stage: str, config: ModelConfig, *, done: bool = True) -> ModelSource:
    """Find the model of a run's stage.

    Raises ConfigError when the stage is unknown, makes no model, or (with ``done``) is not finished.
    """
    run = _open(run_folder)
    stages = [stage.name for stage in run.recipe.stages]
    if stage not in stages:
        raise ConfigError(f"{run_folder} has no stage {stage!r}.", f"Its stages are: {', '.join(stages)}.")
    base, adapter = run.model_and_adapter(stage)
    made = adapter if adapter is not None else base
    if done and (read_done(run_folder / stage) is None or not made.is_dir()):
        raise ConfigError(
            f"stage {stage!r} of {run_folder} has no model.",
            "Finish the run with the same burnish run command, or give a stage that trains or merges.",
        )
    if config.quantization is None:
        config = config.model_copy(update={"quantization": loaded_quantization(run, stage)})
    return ModelSource(f"{run_folder.name}/{stage}", base, adapter, config)


def loaded_quantization(run: Run, name: str) -> QuantizationConfig | None:
    """Return how a model of a run is quantised while loading: the base and adapters on it as in the recipe.

    The result of a merge or of a training of all weights is loaded as stored: quantised again it would be another
    model.
    """
    _, adapter = run.model_and_adapter(name)
    return run.recipe.model.quantization if adapter is not None or run.is_base(name) else None


def stages_with_models(run_folder: Path) -> list[str]:
    """Return the finished stages with a model or an adapter, in recipe order."""
    resolved = _resolved(run_folder)
    names = []
    for stage in resolved["recipe"]["stages"]:
        done = read_done(run_folder / stage["name"])
        if done is not None and {MODEL, ADAPTER} & done.outputs.keys():
            names.append(str(stage["name"]))
    return names


def _newest_checkpoint(run_folder: Path) -> Path:
    """Return the newest complete checkpoint of the last stage with one, and log it, since the run has no model yet."""
    for stage in reversed(_resolved(run_folder)["recipe"]["stages"]):
        newest = _newest_below(run_folder / str(stage["name"]))
        if newest is not None:
            logger.warning("%s has not made its model yet: taking its newest checkpoint, %s", run_folder, newest)
            return newest
    raise ConfigError(
        f"the run {run_folder} has made no model yet, and no checkpoint.",
        "Finish it: the same burnish run command continues it.",
    )


def _newest_below(stage: Path) -> Path | None:
    """Return the newest complete checkpoint or round result of a stage; None without any."""
    checkpoints: dict[tuple[int, float], Path] = {}
    rounds = {place.name.removeprefix(ROUND_FOLDER): place for place in stage.glob(f"{ROUND_FOLDER}*")}
    for number, place in ((0, stage), *((int(name), place) for name, place in rounds.items() if name.isdecimal())):
        for mark in (place / CHECKPOINTS).glob(f"checkpoint-*/{COMPLETE}"):
            checkpoints[number, int(mark.parent.name.rpartition("-")[2])] = mark.parent
        if number and (place / ADAPTER / ADAPTER_CONFIG).is_file():
            checkpoints[number, math.inf] = place / ADAPTER
    return checkpoints[max(checkpoints)] if checkpoints else None


def _refuse_bare_checkpoint(path: Path) -> None:
    """Raise ConfigError for a checkpoint of all weights in a run, which has no tokenizer for loading."""
    bare = path.name.startswith("checkpoint-") and (path / "config.json").is_file()
    if not bare or any(path.glob("tokenizer*")):
        return
    raise ConfigError(
        f"{path} is a checkpoint of all weights of a model, and holds no tokenizer.",
        f"Finish the stage (the same burnish run command continues it), or copy its tokenizer into it: "
        f"cp {_tokenizer_files(path)} {path}/",
    )


def _tokenizer_files(checkpoint: Path) -> str:
    """Return the tokenizer files that a checkpoint was trained with, for a shell; a general phrase outside of runs."""
    stage = _stage_above(checkpoint)
    if stage is None:
        return "BASE/tokenizer* BASE/chat_template.jinja"
    folder = stage / TOKENIZER
    if not folder.is_dir():
        run = _open(stage.parent)
        start = next(candidate for candidate in run.recipe.stages if candidate.name == stage.name)
        folder = run.model_folder(str(getattr(start, "start_from", "base")))
    names = ("tokenizer*", "chat_template.jinja", "special_tokens_map.json", "vocab.*", "merges.txt")
    return " ".join(str(file) for name in names for file in sorted(folder.glob(name)))


def _open(run_folder: Path) -> Run:
    resolved = _resolved(run_folder)
    recipe = Recipe.model_validate_json(json.dumps(resolved["recipe"]))
    return Run(recipe, RunFolder(run_folder, resolved["run_id"]), resolved["digests"], None)


def _resolved(run_folder: Path) -> dict[str, Any]:
    try:
        resolved = read_object(run_folder / RESOLVED, RESTORE)
        stages = resolved["recipe"].get("stages", [])  # an evaluation has none
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{run_folder / RESOLVED} is not a resolved recipe.", "Give the folder of a run.") from error
    return resolved | {"recipe": resolved["recipe"] | {"stages": stages}}


def _short(path: Path) -> str:
    """Return the last parts of a path that identify the model."""
    parts = [part for part in path.resolve().parts[-4:] if part not in ("checkpoints", ADAPTER)]
    return "/".join(parts[-3:] if path.name.startswith("checkpoint-") else parts[-2:])
