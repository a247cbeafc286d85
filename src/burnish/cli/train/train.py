"""``burnish train``: run a recipe up to its last training stage."""

from __future__ import annotations

from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.cli.runs.detach import detached
from burnish.cli.runs.supervised import supervised

ExtraSteps = Annotated[
    int,
    typer.Option(
        "--extra-steps", help="Steps to add to the last training stage; the schedule of the planned steps stays.", min=0
    ),
]
ExtraEpochs = Annotated[
    float, typer.Option("--extra-epochs", help="Passes over the data to add; adds up with --extra-steps.", min=0)
]


def train(
    recipe: options.Recipe,
    overrides: options.Overrides = None,
    *,
    resume: options.Resume = False,
    detach: options.Detach = False,
    supervise: options.Supervise = False,
    extra_steps: ExtraSteps = 0,
    extra_epochs: ExtraEpochs = 0.0,
) -> None:
    """Run a recipe up to its last training stage; `burnish run` continues from there."""
    with reported("Finished work is kept; run the same command again to continue from the last checkpoint."):
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
        from burnish.workflows.recipe import extend_training, last_training_stage, run_recipe

        config = extend_training(config, extra_steps, extra_epochs)
        show_run(run_recipe(config, resume=resume, stages=last_training_stage(config)))
