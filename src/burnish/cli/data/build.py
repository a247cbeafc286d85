"""``burnish data build``: write data sets and task sets as files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.errors import ConfigError
from burnish.wording import counted


class Builder(StrEnum):
    """Data sets and task sets that can be built."""

    RUST_TASKS = "rust-tasks"
    MOVIELENS = "movielens"
    ARC = "arc"
    OPENBOOKQA = "openbookqa"
    PIQA = "piqa"
    BOOLQ = "boolq"
    SQUAD = "squad"
    GSM8K = "gsm8k"
    OPENMATH = "openmath"
    MATH500 = "math500"
    TOKENS = "tokens"
    PREFERENCES = "preferences"
    REPAIRS = "repairs"


_BUILD = {
    Builder.RUST_TASKS: ("BuildTasksConfig", "datasets:build_rust_task_files"),
    Builder.MOVIELENS: ("MovieLensConfig", "datasets:build_movielens"),
    Builder.TOKENS: ("BuildTokensConfig", "tokens:build_tokens"),
    Builder.PREFERENCES: ("BuildPreferencesConfig", "preferences:build_preferences"),
    Builder.REPAIRS: ("BuildRepairsConfig", "preferences:build_repairs"),
}
"""Configuration of a builder in `config.verbs.build`, and its function below `workflows.build`."""
_QUESTIONS = ("BuildQuestionsConfig", "datasets:build_questions")
"""Those of every other builder: its data set is one of questions."""


@options.grouped
def build(
    what: Annotated[Builder, typer.Argument(help="Data set or task set to build.", show_default=False)],
    settings: options.Settings,
    n: Annotated[
        int | None,
        typer.Option(
            "--n", help="Number of training tasks (rust-tasks only); short for --set tasks.train=N.", metavar="N"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Short for --set seed=S.", metavar="S")] = None,
) -> None:
    """Build a data set or task set: training rows, evaluation tasks and metadata in a new folder."""
    with reported():
        if n is not None and what is not Builder.RUST_TASKS:
            raise ConfigError(f"--n applies to rust-tasks only, not to {what.value}.", "Remove --n.")
        given = {"tasks.train": n, "seed": seed}
        schema, place = _BUILD.get(what, _QUESTIONS)
        module, _, function = place.partition(":")
        config: Any = settings.load(
            getattr(import_module("burnish.config.verbs.build"), schema),
            *(f"{key}={value}" for key, value in given.items() if value is not None),
        )
        name = () if what in _BUILD else (what.value,)
        meta = getattr(import_module(f"burnish.workflows.build.{module}"), function)(*name, config)
        typer.echo(f"{_counts(meta)} in {config.out}")
        for line in _kinds(meta.get("kinds", {})):
            typer.echo(line)
        for reason, count in meta.get("left_out", {}).items():
            typer.echo(f"left out: {count} {reason}")


def _kinds(kinds: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Describe each kind of Rust tasks in one line."""
    lines = []
    for name, kind in kinds.items():
        levels = " and ".join(str(level) for level in kind["levels"])
        unseen = " (none to train on)" if kind["held_out"] and not kind["train"] else ""
        lines.append(f"{name:<17}level {levels:<8}{kind['train']:>6} training {kind['held_out']:>6} held-out{unseen}")
    return lines


def _counts(meta: Mapping[str, Any]) -> str:
    """Describe the written files in one phrase."""
    match meta["builder"]:
        case "movielens":
            rows = f"{meta['num_train']} training and {counted(meta['num_eval'], 'evaluation row')}"
            return f"{rows} and {counted(meta['num_test'], 'test task')}"
        case "tokens":
            return f"{counted(meta['tokens'], 'token')} of {counted(meta['documents'], 'document')}"
        case "preferences" | "repairs":
            origin = f"{counted(meta['tasks'], 'task')}, built from {counted(meta['answers'], 'answer')},"
            return f"{counted(meta['train'], 'row')} of {origin}"
        case "rust-tasks":
            proven = (
                f", {counted(meta['references_proven'], 'reference')} verified," if "references_proven" in meta else ""
            )
            return f"{meta['train']} training and {counted(meta['held_out'], 'held-out task')}{proven}"
        case _:
            return f"{counted(meta['train'], 'training row')} and {counted(meta['held_out'], 'held-out task')}"
