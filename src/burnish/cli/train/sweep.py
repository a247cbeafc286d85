"""``burnish sweep``: run a recipe with varied settings and find the best."""

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


def sweep(
    config: options.Config = None,
    overrides: options.Overrides = None,
    dry_run: DryRun = False,
    resume: options.Resume = False,
) -> None:
    """Run a recipe with varied settings. Run again to continue; exit code 1 when a run failed."""
    with reported("Finished runs are kept; run the same command again to continue."):
        from burnish.cli.render.experiments import Live, show_sweep, show_sweep_plan, sweep_table
        from burnish.cli.train.recipes import find_recipe
        from burnish.config.load import load_config
        from burnish.config.verbs.sweep import SweepConfig

        loaded = load_config(SweepConfig, config, overrides or ())
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
