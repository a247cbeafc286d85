"""Options shared by several verbs, alone and in groups: a verb with a group has an option for each of its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from burnish.config import base
    from burnish.config.stages import recipe as recipes

C = TypeVar("C", bound="base.Config")

Recipe = Annotated[
    str, typer.Argument(help="Recipe file, or the name of a shipped recipe.", show_default=False, metavar="RECIPE")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file; paths in it are relative to the current folder.", metavar="FILE"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Set one key, with stages by name: stages.sft.learning_rate=1e-3.", metavar="a.b=VALUE"),
]
RunsDir = Annotated[
    Path, typer.Option("--runs-dir", help="Folder with the run folders and the ledger.", metavar="FOLDER")
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Run in the background, with a log and a pid file in the run's folder.")
]
Supervise = Annotated[
    bool, typer.Option("--supervise", help="Restart from the last good checkpoint after a crash or a kill.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue although settings changed; rerun only the affected stages.")
]


@dataclass(frozen=True)
class Settings:
    """A configuration: its file, and keys set beside it."""

    config: Config = None
    overrides: Overrides = None

    def load(self, schema: type[C], *more: str) -> C:
        """Read the configuration, and ``more`` keys as ``a.b=value``; raise ConfigError."""
        from burnish.config.load import load_config

        return load_config(schema, self.config, (*(self.overrides or ()), *more))


@dataclass(frozen=True)
class ChosenRecipe:
    """A recipe by name or file, and keys set beside it."""

    recipe: Recipe
    overrides: Overrides = None

    def load(self) -> recipes.Recipe:
        """Find and read the recipe; raise ConfigError."""
        from burnish.cli.recipes import find_recipe
        from burnish.config.stages.recipe import Recipe

        return Settings(find_recipe(self.recipe), self.overrides).load(Recipe)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of the dataclasses that it takes."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for name, given in inspect.signature(command).parameters.items():
        if name not in groups:
            parameters.append(given.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        of_fields = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(field.name, kind, default=default, annotation=of_fields[field.name]))

    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    flat.__doc__, flat.__name__ = command.__doc__, command.__name__
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return flat
