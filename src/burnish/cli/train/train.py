"""``burnish train``: a recipe up to its last training stage."""

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
        "--extra-steps", help="Steps after the planned ones of the last training; their schedule stays.", min=0
    ),
]
ExtraEpochs = Annotated[
    float, typer.Option("--extra-epochs", help="The same in passes over the data; both add up.", min=0)
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
    """Do a recipe's stages up to its last training stage; `burnish run` goes on from there."""
    with reported("What is finished is kept; the same command again goes on from the last checkpoint."):
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
