"""``burnish sweep`` and ``burnish grid``: vary a recipe's settings, or train and evaluate every combination."""

from __future__ import annotations

from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported

FAILED = 1
"""Exit code when a run failed."""

DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show the plan, with time, memory and cost from earlier runs; start nothing."),
]
LimitTrain = Annotated[
    int | None,
    typer.Option("--limit-train", help="Short for --set limit_train=N, for a rehearsal.", metavar="N", min=1),
]
LimitEval = Annotated[
    int | None, typer.Option("--limit-eval", help="Short for --set limit_eval=N, for a rehearsal.", metavar="N", min=1)
]


@options.grouped
def sweep(settings: options.Settings, dry_run: DryRun = False, resume: options.Resume = False) -> None:
    """Run a recipe with varied settings. Run again to continue; exit code 1 when a run failed."""
    with reported("Finished runs are kept; run the same command again to continue."):
        from burnish.cli.recipes import find_recipe
        from burnish.cli.render.experiments import Live, show_sweep, show_sweep_plan, sweep_table
        from burnish.config.verbs.sweep import SweepConfig

        loaded = settings.load(SweepConfig)
        base = find_recipe(loaded.recipe)
        from burnish.records.layout import SWEEP_SUMMARY
        from burnish.workflows.experiments import sweep as workflow

        if dry_run:
            show_sweep_plan(workflow.dry_run(loaded, base), loaded.price_per_hour)
            return
        with Live(sweep_table) as live:
            summary = workflow.sweep(loaded, base, resume=resume, show=live.show)
        show_sweep(summary, loaded.out / SWEEP_SUMMARY)
        if summary.failed_runs:
            raise typer.Exit(FAILED)


@options.grouped
def grid(
    settings: options.Settings,
    *,
    limit_train: LimitTrain = None,
    limit_eval: LimitEval = None,
    dry_run: DryRun = False,
    resume: options.Resume = False,
) -> None:
    """Train and evaluate every combination. Run again to continue; exit code 1 when a cell failed."""
    with reported("Finished cells are kept; run the same command again to continue."):
        from burnish.cli.recipes import find_recipe
        from burnish.cli.render.experiments import Live, grid_table, show_grid, show_grid_plan
        from burnish.config.verbs.grid import GridConfig

        limits = {"limit_train": limit_train, "limit_eval": limit_eval}
        loaded = settings.load(GridConfig, *(f"{key}={limit}" for key, limit in limits.items() if limit is not None))
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
