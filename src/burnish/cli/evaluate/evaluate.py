"""``burnish evaluate``: judge new or stored answers, judge again, or evaluate all models of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.config.verbs.evaluate import EvaluateConfig

FAILED = 1
"""Exit code of ``--all`` when any model failed."""


@options.grouped
def evaluate(
    settings: options.Settings,
    resume: options.Resume = False,
    rescore: Annotated[
        Path | None,
        typer.Option(
            help="Judge the stored answers of this evaluation folder again; needs no model.", metavar="FOLDER"
        ),
    ] = None,
    every: Annotated[
        Path | None,
        typer.Option(
            "--all",
            help="Evaluate all runs or models in this folder that have no result yet.",
            metavar="FOLDER",
        ),
    ] = None,
) -> None:
    """Judge answers to a task set: from a model, a server or a file."""
    with reported("Finished batches are kept; run the same command again to continue."):
        from burnish.cli.render.tables import show_summary

        if rescore is not None:
            _rescore(rescore, others=settings != options.Settings() or resume or every is not None)
            return
        from burnish.config.verbs.evaluate import EvaluateConfig

        loaded = settings.load(EvaluateConfig)
        if every is not None:
            _evaluate_all(loaded, every)
            return
        from burnish.workflows.evaluate.evaluate import evaluate as evaluate_answers

        show_summary(evaluate_answers(loaded, resume=resume))


def _evaluate_all(config: EvaluateConfig, folder: Path) -> None:
    from burnish.cli.render.tables import show_models
    from burnish.records.layout import OVERVIEW
    from burnish.workflows.evaluate.all_models import evaluate_all

    results = evaluate_all(config, folder)
    show_models(results)
    typer.echo(f"{config.out / OVERVIEW}")
    if any(result.state == "failed" for result in results):
        raise typer.Exit(FAILED)


def _rescore(folder: Path, *, others: bool) -> None:
    from burnish.cli.render.tables import show_summary
    from burnish.errors import ConfigError
    from burnish.workflows.evaluate.rescore import rescore

    if others:
        raise ConfigError(
            "--rescore uses the settings stored in the folder and accepts no others.",
            "For other settings: burnish evaluate --set answers.kind=completions --set answers.path=FILE.",
        )
    done = rescore(folder)
    show_summary(done.summary)
    typer.echo(f"{done.changed} of {done.rows} rows changed; results are in {done.folder}")
