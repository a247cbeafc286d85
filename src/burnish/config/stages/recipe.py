"""A recipe: what a run does, stage after stage. The stages are a union keyed by ``kind``, one file each in `kinds/`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator, model_validator

from burnish.config.base import Config, PlacedError
from burnish.config.compatibility import IllegalCombinationError
from burnish.config.data.training_data import DataConfig
from burnish.config.launch import LaunchConfig
from burnish.config.model import ModelConfig
from burnish.config.stages import kinds
from burnish.config.stages.stage import Product, Stage, TrainingStage, names_a_path
from burnish.config.stages.training_evaluation import Reporter
from burnish.config.verify import VerifyConfig


def _kinds() -> tuple[type[Stage], ...]:
    """Return the stage class of every file in `kinds/`, ordered by name."""
    modules = [
        importlib.import_module(f"{kinds.__name__}.{module.name}") for module in pkgutil.iter_modules(kinds.__path__)
    ]
    return tuple(
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Stage) and kind.__module__ == module.__name__
    )


KINDS = _kinds()
if TYPE_CHECKING:
    AnyStage = Stage
else:
    AnyStage = Annotated[reduce(or_, KINDS), Field(discriminator="kind")]


def kinds_that_make(*products: Product) -> list[str]:
    """Return the names of stage kinds that make any of these."""
    return [str(kind.model_fields["kind"].default) for kind in KINDS if set(products) & set(kind.makes)]


class Recipe(Config):
    """One run from beginning to end."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Names the run folder."""
    runs_dir: Path = Path("runs")
    """Where run folders and the ledger lie."""
    seed: int = Field(0, ge=0)
    """Every random choice of the run derives from it."""
    report_to: tuple[Reporter, ...] = ("tensorboard",)
    """Where curves of trainings go beside ``metrics.jsonl``."""
    launch: LaunchConfig = LaunchConfig()
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    verify: VerifyConfig = VerifyConfig()
    stages: tuple[AnyStage, ...] = Field(min_length=1)

    @field_validator("stages")
    @classmethod
    def _unique_names(cls, stages: tuple[AnyStage, ...]) -> tuple[AnyStage, ...]:
        names = [stage.name for stage in stages]
        if any(stage.name == "base" and not stage.may_be_called_base for stage in stages):
            raise ValueError("the name 'base' is kept for the base model")
        for index, name in enumerate(names):
            if name in names[:index]:
                raise PlacedError(f"two stages are named {name!r}; names must differ", (index, "name"))
        return stages

    @model_validator(mode="after")
    def _stages_fit(self) -> Recipe:
        """Check that every stage finds before it what it reads and needs, and fits model and data."""
        before: dict[str, Stage] = {}
        for index, stage in enumerate(self.stages):
            place = ("stages", index)
            self._check_references(stage, before, place)
            try:
                stage.check(self.data, self.model, before)
            except IllegalCombinationError as error:  # it stays one: the grid leaves such cells out
                raise IllegalCombinationError(f"stage {stage.name!r}: {error}", place) from error
            except ValueError as error:
                raise PlacedError(f"stage {stage.name!r} {error}", place) from error
            if stage.needs(self.data).tasks and not any("tasks" in stage.makes for stage in before.values()):
                raise PlacedError(f"stage {stage.name!r} needs a task set: put a tasks stage before it", place)
            before[stage.name] = stage
        return self

    def _check_references(self, stage: Stage, before: dict[str, Stage], place: tuple[str | int, ...]) -> None:
        later = {
            following.name: following
            for following in self.stages
            if following.name not in before and following.name != stage.name
        }
        for read in stage.reads():
            target = str(getattr(stage, read.field))
            is_base = target == "base" and "model" in read.products
            if is_base or (read.or_path and names_a_path(target)):
                continue
            if target in before and set(before[target].makes) & set(read.products):
                continue
            told = f"stage {stage.name!r}: {read.field} is {target!r}, which"
            if target in later and set(later[target].makes) & set(read.products):
                problem = f"{told} comes later: put stage {target!r} before {stage.name!r}"
            else:
                problem = f"{told} is no earlier {' or '.join(kinds_that_make(*read.products))} stage"
            raise PlacedError(problem, (*place, read.field))

    @model_validator(mode="after")
    def _weights_can_be_shared_out(self) -> Recipe:
        for stage in self.stages if self.launch.strategy != "ddp" else ():
            if isinstance(stage, TrainingStage):
                refusal = stage.sharding_refusal(self.model)
                if refusal is not None:
                    told = f"stage {stage.name!r}: launch.strategy {self.launch.strategy} {refusal}"
                    raise PlacedError(told, ("launch", "strategy"))
        return self
