"""``burnish run``: run a recipe from beginning to end."""

from __future__ import annotations

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.cli.runs.detach import detached
from burnish.cli.runs.supervised import supervised


def run(
    recipe: options.Recipe,
    overrides: options.Overrides = None,
    resume: options.Resume = False,
    detach: options.Detach = False,
    supervise: options.Supervise = False,
) -> None:
    """Run a recipe, stage by stage. Run again to continue an interrupted run."""
    with reported("Finished work is kept; run the same command again to continue."):
        from burnish.cli.render.tables import show_run
        from burnish.cli.train.recipes import find_recipe
        from burnish.config.load import load_config
        from burnish.config.stages.recipe import Recipe

        config = load_config(Recipe, find_recipe(recipe), overrides or ())
        if detach:
            detached(config.runs_dir / config.name)
            return
        if supervise:
            supervised(config.runs_dir / config.name)
            return
        from burnish.workflows.recipe import run_recipe

        show_run(run_recipe(config, resume=resume))
