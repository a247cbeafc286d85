"""Build the cells of a grid: a recipe and an evaluation per combination of variants.

A combination that `config.compatibility` refuses is a cell too, with the reason. Left out on purpose: running them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from burnish.config.compatibility import IllegalCombinationError
from burnish.config.load import Values, load_config
from burnish.config.model import ModelConfig
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import AdapterStage
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.config.verbs.grid import AdapterVariant, GridConfig, Variant
from burnish.errors import ConfigError
from burnish.ledger.run_folder import RunFolder
from burnish.model.contents import quantization_on_disk
from burnish.model.folders import check_stored_quantization
from burnish.model.machine import check_machine
from burnish.model.naming import ModelName, QuantizationTag, clean, four_bit_tag, quantization_tag
from burnish.workflows.experiments.sweep_plan import named
from burnish.workflows.preflight import check_batches, check_early, problem_of
from burnish.workflows.recipe import last_training_stage
from burnish.workflows.run.base_model import find_base, resolve_base
from burnish.workflows.run.context import Run

PLAIN = {"adapter": {"kind": "lora"}, "optimizer": "adamw"}
"""Settings of a training that work with every base."""


@dataclass(frozen=True)
class Cell:
    """One combination."""

    id: str
    index: int
    names: dict[str, str]
    """Axis -> the variant's name, for all used axes."""
    recipe: Recipe | None
    """None when it cannot be trained."""
    refusal: str
    """Why it cannot be trained, or empty."""
    trains: bool

    def check(self) -> None:
        """Raise why the cell cannot begin, as far as recipe, files and machine tell."""
        assert self.recipe is not None
        if self.trains:
            check_early(self.recipe, self.recipe.stages)
        else:
            check_machine(self.recipe.model)
            base = find_base(self.recipe.model.base)
            if base.is_dir():
                check_stored_quantization(base, self.recipe.model.quantization)

    @property
    def problem(self) -> str:
        """Return the error of `check` with its way out; empty when the cell can begin."""
        return problem_of(self.check)

    @property
    def training_stage(self) -> str:
        """Return the name of the stage whose model is evaluated."""
        assert self.recipe is not None
        return last_training_stage(self.recipe)[-1].name


def grid_cells(config: GridConfig, base: Path, runs_dir: Path) -> list[Cell]:
    """Build all cells, last axis fastest; raise ConfigError for a variant that does not fit."""
    recipe = load_config(Recipe, base, values=[Values("overrides", config.overrides)])
    training = Values(str(base), _training_part(recipe))
    # The recipe's adapter must not decide which bases may be evaluated without training.
    plain = [stage.name for stage in last_training_stage(recipe) if isinstance(stage, AdapterStage)]
    untrained = {f"stages.{name}.{key}": value for name in plain for key, value in PLAIN.items()}
    named_axes: dict[str, Sequence[Variant]] = {  # in the order in which variants are applied and named
        "models": config.models,
        "datasets": config.datasets,
        "adapters": config.adapters,
        "quantizations": config.quantizations,
    }
    axes = {axis: variants for axis, variants in named_axes.items() if variants}
    cells = []
    for index, combination in enumerate(itertools.product(*axes.values())):
        variants = dict(zip(axes, combination, strict=True))
        name = "_".join(variant.name for variant in variants.values()) or "cell"
        values = [training]
        if "datasets" in variants:
            values.append(Values("this cell", {"data.name": variants["datasets"].name}))
        values += [Values(f"{axis}.{variant.name}", variant.overrides) for axis, variant in variants.items()]
        trains = all(variant.trains for variant in combination if isinstance(variant, AdapterVariant))
        if not trains:
            values.append(Values("this cell", untrained))
        values.append(Values("this cell", {"name": name, "runs_dir": str(runs_dir)}))
        names = {axis: variant.name for axis, variant in variants.items()}
        cell_recipe, refusal = _recipe(config, values)
        if cell_recipe is not None and trains:
            with named(name):
                check_batches(cell_recipe, cell_recipe.stages)
        cells.append(Cell(name, index, names, cell_recipe, refusal, trains))
    return cells


def evaluation_of(cell: Cell, config: GridConfig, run: Path, out: Path) -> EvaluateConfig:
    """Build the cell's evaluation of its trained model in the folder ``run``."""
    recipe = cell.recipe
    assert recipe is not None
    model, adapter = recipe.model, None
    if cell.trains:
        opened = Run(recipe, RunFolder(run, ""), {}, None)
        folder, adapter = opened.model_and_adapter(cell.training_stage)
        model = model.model_copy(update={"base": str(folder)})
    return EvaluateConfig(
        out=out,
        tasks=recipe.data.tasks,
        answers=ModelAnswers(model=model, adapter=adapter, sampling=config.sampling),
        verify=recipe.verify,
        seed=recipe.seed,
        tolerance=config.tolerance,
        limit=config.limit_eval,
    )


def base_name(model: ModelConfig, dtype: str | None = None) -> ModelName:
    """Return the name of an untrained base; ``dtype`` is its compute dtype, once loaded."""
    base = clean(Path(model.base).name) or "model"
    head = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}.get(dtype or "")
    return ModelName(base, quantization=_quantized_as(model, head))


def _quantized_as(model: ModelConfig, head: str | None) -> QuantizationTag:
    quantization = model.quantization
    if quantization is None:
        return QuantizationTag("NoQuant")
    match quantization.kind:
        case "nf4" | "fp4":
            return four_bit_tag("BNB4BIT", quantization.kind, double=quantization.double_quant, lm_head_dtype=head)
        case "int8":
            return quantization_tag("INT8", weights_bits=8, lm_head_dtype=head)
        case "hqq":
            return quantization_tag(
                "HQQ", weights_bits=quantization.bits, group_size=quantization.group_size, lm_head_dtype=head
            )
        case "gptq" | "awq":
            return quantization_on_disk(resolve_base(model.base), quantization.kind) or QuantizationTag("NoQuant")


def _recipe(config: GridConfig, values: Sequence[Values]) -> tuple[Recipe | None, str]:
    """Build the recipe, or return why the matrix refuses it."""
    try:
        recipe = load_config(Recipe, None, values=values)
    except ConfigError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        return None, refusal
    return _rehearsed(recipe, config), ""


def _refusal(error: ConfigError) -> str | None:
    """Return the matrix's refusal, if that is the only problem of the recipe."""
    if not isinstance(error.__cause__, ValidationError):
        return None
    causes = [detail.get("ctx", {}).get("error") for detail in error.__cause__.errors()]
    refusals = [cause for cause in causes if isinstance(cause, IllegalCombinationError)]
    return str(refusals[0]) if refusals and len(refusals) == len(causes) else None


def _training_part(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain data up to its last training, without evaluate stages."""
    stages = last_training_stage(recipe)
    started = {getattr(stage, "start_from", None) for stage in stages if isinstance(stage, OptimizerConfig)}
    measuring = {
        stage.name
        for stage in stages
        if not isinstance(stage, OptimizerConfig)
        and not {"tasks", "corpus"} & set(stage.makes)
        and stage.name not in started
    }
    # Only settings that were given: a default micro batch must not be written as if it was chosen
    kept = [stage.model_dump(mode="json", exclude_unset=True) for stage in stages if stage.name not in measuring]
    return recipe.model_dump(mode="json", exclude_unset=True) | {"stages": kept}


def _rehearsed(recipe: Recipe, config: GridConfig) -> Recipe:
    """Limit the recipe for a rehearsal, without checking tasks that no training reads."""
    resolved = recipe.model_dump(mode="json")
    for stage, plain in zip(recipe.stages, resolved["stages"], strict=True):
        if isinstance(stage, OptimizerConfig) and "micro_batch" not in stage.model_fields_set:
            del plain["micro_batch"]
    data = resolved["data"]
    # A training may answer tasks although the recipe has its own rows.
    trainings = [stage for stage in recipe.stages if isinstance(stage, OptimizerConfig)]
    answers = any(stage.needs(recipe.data).tasks for stage in trainings)
    if data["sources"] and isinstance(recipe.data.tasks, TaskFile) and not answers:
        proving = {stage.name for stage in recipe.stages if "tasks" in stage.makes}
        resolved["stages"] = [stage for stage in resolved["stages"] if stage["name"] not in proving]
    if config.limit_train is not None:
        _limit(data, config.limit_train)
    if config.limit_eval is not None and data["tasks"]["kind"] == "rust":
        data["tasks"]["held_out"] = min(data["tasks"]["held_out"], config.limit_eval)
    return Recipe.model_validate_json(json.dumps(resolved))


def _limit(data: dict[str, Any], limit: int) -> None:
    """Limit the rows of each source, or the built-in tasks without sources."""
    for source in data["sources"]:
        source["limit"] = min(source["limit"] or limit, limit)
    if not data["sources"] and data["tasks"]["kind"] == "rust":
        data["tasks"]["train"] = min(data["tasks"]["train"], limit)
