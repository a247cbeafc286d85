"""Convert another system's configuration into a recipe and list what each key became.

Left out on purpose: their data, which is read unchanged, and their checkpoints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from burnish.config.foreign import llm_training, movielens, sigil
from burnish.config.foreign.keys import Key, KeyFate, key_fates, read_settings
from burnish.config.stages.recipe import Recipe
from burnish.config.yaml_source import Source, read_yaml
from burnish.errors import ConfigError, DataError
from burnish.fsio import write_atomic

REGISTRY = "dataset_info.json"


@dataclass(frozen=True)
class System:
    """One system: its keys and its converter."""

    name: str
    signs: frozenset[str]
    """Keys that identify its files: each has at least one."""
    keys: Mapping[str, Key]
    recipe_of: Callable[[Mapping[str, Any]], dict[str, Any]]


def _movielens_recipe(values: Mapping[str, Any]) -> dict[str, Any]:
    registry = Path(values["dataset_dir"]) / REGISTRY
    if not registry.is_file():
        return movielens.recipe_of(values)
    try:
        content = json.loads(registry.read_bytes())
    except ValueError as error:
        raise DataError(f"{registry} is not JSON: {error}.", f"Fix {registry}, or set train_file.") from error
    if not isinstance(content, dict):
        raise DataError(f"{registry} does not map names to data sets.", f"Fix {registry}, or set train_file.")
    return movielens.recipe_of(values, content)


SYSTEMS = (
    System(sigil.NAME, sigil.SIGNS, sigil.KEYS, sigil.recipe_of),
    System(movielens.NAME, movielens.SIGNS, movielens.KEYS, _movielens_recipe),
    System(llm_training.NAME, llm_training.SIGNS, llm_training.KEYS, llm_training.recipe_of),
)


@dataclass(frozen=True)
class Imported:
    """A recipe imported from another system's configuration."""

    system: str
    recipe: Path
    fates: tuple[KeyFate, ...]
    merges: bool = False
    """Whether a merge follows the training, which ``burnish train`` leaves out."""


def import_config(file: Path, out: Path | None = None) -> Imported:
    """Convert ``file`` into a recipe and write it.

    Args:
        file: a YAML file, or a Python file with variables.
        out: the recipe, a new file; None is the recipe's name in the current folder.

    Raises:
        ConfigError: no file, no known system, an unknown key, an invalid value, or ``out`` exists.
    """
    source = _read(file)
    system = _recognised(source, file)
    settings = read_settings(source, system.keys, system.name)
    try:
        recipe = system.recipe_of(settings.values)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.cause}", error.way_out) from error
    recipe["name"] = re.sub(r"[^A-Za-z0-9._-]+", "-", recipe["name"]).strip("-._") or "imported"
    _check(recipe, file)
    out = Path(f"{recipe['name']}.yaml") if out is None else out
    if out.exists():
        raise ConfigError(f"{out} already exists.", f"Give another file with --out, or remove {out}.")
    fates = tuple(key_fates(settings, system.keys, recipe))
    write_atomic(out, _header(file, system, fates) + yaml.safe_dump(recipe, sort_keys=False, width=100))
    return Imported(system.name, out, fates, any(stage["kind"] == "merge" for stage in recipe["stages"]))


def _read(file: Path) -> Source:
    if file.suffix != ".py":
        return read_yaml(file)
    try:
        return llm_training.read_variables(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        raise ConfigError(
            f"file {file} does not exist", "Check the name; paths are relative to the current folder."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.", "Give a readable UTF-8 text file.") from error


def _recognised(source: Source, file: Path) -> System:
    names = set(source.value)
    for top, inner in source.value.items():
        if isinstance(inner, dict):
            names |= {f"{top}.{name}" for name in inner}
    matching = [system for system in SYSTEMS if system.signs & names]
    if len(matching) != 1:
        known = "; ".join(f"{system.name} ({', '.join(sorted(system.signs))})" for system in SYSTEMS)
        what = "not a configuration of a known system" if not matching else "has keys of several systems"
        raise ConfigError(f"{file}: {what}.", f"Known systems, with the keys that identify them: {known}.")
    return matching[0]


def _check(recipe: Mapping[str, Any], file: Path) -> None:
    try:
        Recipe.model_validate_json(json.dumps(recipe), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"]
        raise ConfigError(
            f"{file}: the recipe cannot be made: {': '.join(filter(None, (place, message)))}.",
            f"Fix that setting in {file} and import again.",
        ) from error


def _header(file: Path, system: System, fates: tuple[KeyFate, ...]) -> str:
    refused = [f"#   {fate.key}: {fate.text}" for fate in fates if fate.fate == "refused"]
    lines = [f"# From {file.name} of {system.name}, by `burnish config import`."]
    return "\n".join(lines + (["# Left out, since it had no effect there:", *refused] if refused else [])) + "\n"
