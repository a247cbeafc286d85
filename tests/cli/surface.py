"""Lists everything a user may say: verbs, options, configuration fields.

``python -m tests.cli.surface`` writes the list to ``surface.txt``; a test compares. Adding an option or a field thus
means saying so in that file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer.main

from burnish.cli.app import app
from burnish.config.base import Config
from burnish.config.load import variants
from burnish.config.reward import RewardAttackConfig, RewardReplayConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.build import (
    BuildPreferencesConfig,
    BuildQuestionsConfig,
    BuildRepairsConfig,
    BuildTasksConfig,
    BuildTokensConfig,
    MovieLensConfig,
)
from burnish.config.verbs.evaluate import EvaluateConfig
from burnish.config.verbs.grid import GridConfig
from burnish.config.verbs.prepare import PrepareConfig
from burnish.config.verbs.standalone import GenerateConfig, MergeConfig, ServeVerifierConfig
from burnish.config.verbs.sweep import SweepConfig
from burnish.config.verify import VerifyConfig

LISTING = Path(__file__).parent / "surface.txt"
SCHEMAS: dict[str, type[Config]] = {
    "recipe": Recipe,
    "evaluate": EvaluateConfig,
    "generate": GenerateConfig,
    "sweep": SweepConfig,
    "grid": GridConfig,
    "verify": VerifyConfig,
    "data prepare": PrepareConfig,
    "data build rust-tasks": BuildTasksConfig,
    "data build QUESTIONS": BuildQuestionsConfig,
    "data build movielens": MovieLensConfig,
    "data build tokens": BuildTokensConfig,
    "data build preferences": BuildPreferencesConfig,
    "data build repairs": BuildRepairsConfig,
    "verify serve": ServeVerifierConfig,
    "export merge": MergeConfig,
    "reward replay": RewardReplayConfig,
    "reward attack": RewardAttackConfig,
}


def surface() -> str:
    """One line per option and per field."""
    lines = [*_options(typer.main.get_command(app), "burnish"), ""]
    for name, schema in SCHEMAS.items():
        lines += [f"{name}: {line}" for line in _fields(schema)]
    return "\n".join(lines) + "\n"


def _options(command: Any, name: str) -> Iterator[str]:
    yield name
    for parameter in command.params:
        names = ", ".join(parameter.opts)
        yield f"{name}  {names}"
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _options(child, f"{name} {child_name}")


def _fields(schema: type[Config], prefix: str = "") -> Iterator[str]:
    for name, field in schema.model_fields.items():
        if name == "kind":
            continue
        path = f"{prefix}{name}"
        annotation = get_args(field.annotation)[0] if get_args(field.annotation)[1:] == (...,) else field.annotation
        arms = variants(annotation)
        if not arms:
            yield path
        for kind, arm in arms.items():
            yield from _fields(arm, f"{path}[{kind}]." if kind and len(arms) > 1 else f"{path}.")


if __name__ == "__main__":
    LISTING.write_text(surface())
