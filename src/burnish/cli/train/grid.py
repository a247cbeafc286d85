"""``burnish grid``: compare adapters, quantisations, data sets and models in one table."""

from __future__ import annotations

from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.cli.train.sweep import FAILED, DryRun

LimitTrain = Annotated[
    int | None,
    typer.Option("--limit-train", help="Short for --set limit_train=N, for a rehearsal.", metavar="N", min=1),
]
LimitEval = Annotated[
    int | None, typer.Option("--limit-eval", help="Short for --set limit_eval=N, for a rehearsal.", metavar="N", min=1)
]


def grid(
    config: options.Config = None,
    overrides: options.Overrides = None,
    *,
    limit_train: LimitTrain = None,
    limit_eval: LimitEval = None,
    dry_run: DryRun = False,
    resume: options.Resume = False,
) -> None:
    """Train and evaluate every combination. Run again to continue; exit code 1 when a cell failed."""
    with reported("Finished cells are kept; run the same command again to continue."):
        from burnish.cli.render.experiments import Live, grid_table, show_grid, show_grid_plan
        from burnish.cli.train.recipes import find_recipe
        from burnish.config.load import load_config
        from burnish.config.verbs.grid import GridConfig

        settings = list(overrides or ())
        settings += [f"limit_train={limit_train}"] if limit_train is not None else []
        settings += [f"limit_eval={limit_eval}"] if limit_eval is not None else []
        loaded = load_config(GridConfig, config, settings)
        base = find_recipe(loaded.recipe)
        from burnish.workflows.experiments import grid as workflow

        if dry_run:
            show_grid_plan(workflow.dry_run(loaded, base))
            return
        with Live(grid_table) as live:
            summary = workflow.grid(loaded, base, resume=resume, show=live.show)
        show_grid(summary, loaded.out)
        if summary.failed_cells:
            raise typer.Exit(FAILED)
