"""``burnish data build``: write data sets and task sets as files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
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


def build(
    what: Annotated[Builder, typer.Argument(help="Data set or task set to build.", show_default=False)],
    config: options.Config = None,
    overrides: options.Overrides = None,
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
        settings = list(overrides or ())
        if n is not None:
            if what is not Builder.RUST_TASKS:
                raise ConfigError(f"--n applies to rust-tasks only, not to {what.value}.", "Remove --n.")
            settings.append(f"tasks.train={n}")
        if seed is not None:
            settings.append(f"seed={seed}")
        out, meta = _build(what, config, settings)
        typer.echo(f"{_counts(meta)} in {out}")
        for line in _kinds(meta.get("kinds", {})):
            typer.echo(line)
        for reason, count in meta.get("left_out", {}).items():
            typer.echo(f"left out: {count} {reason}")


def _build(what: Builder, config: Path | None, settings: list[str]) -> tuple[Path, Mapping[str, Any]]:
    from burnish.config.load import load_config
    from burnish.config.verbs import build as configs

    match what:
        case Builder.RUST_TASKS:
            from burnish.workflows.build.datasets import build_rust_task_files

            tasks = load_config(configs.BuildTasksConfig, config, settings)
            return tasks.out, build_rust_task_files(tasks)
        case Builder.MOVIELENS:
            from burnish.workflows.build.datasets import build_movielens

            films = load_config(configs.MovieLensConfig, config, settings)
            return films.out, build_movielens(films)
        case Builder.TOKENS:
            from burnish.workflows.build.tokens import build_tokens
            from burnish.workflows.run.requirements import require_train_extra

            tokens = load_config(configs.BuildTokensConfig, config, settings)
            require_train_extra()
            return tokens.out, build_tokens(tokens)
        case Builder.PREFERENCES:
            from burnish.workflows.build.preferences import build_preferences

            pairs = load_config(configs.BuildPreferencesConfig, config, settings)
            return pairs.out, build_preferences(pairs)
        case Builder.REPAIRS:
            from burnish.workflows.build.preferences import build_repairs

            repairs = load_config(configs.BuildRepairsConfig, config, settings)
            return repairs.out, build_repairs(repairs)
        case _:
            from burnish.workflows.build.datasets import build_questions

            questions = load_config(configs.BuildQuestionsConfig, config, settings)
            return questions.out, build_questions(what.value, questions)


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
