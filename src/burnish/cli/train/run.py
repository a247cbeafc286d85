"""``burnish run`` and ``burnish train``: run a recipe from beginning to end, or up to its last training stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.config.stages.recipe import Recipe

ExtraSteps = Annotated[
    int,
    typer.Option(
        "--extra-steps", help="Steps to add to the last training stage; the schedule of the planned steps stays.", min=0
    ),
]
ExtraEpochs = Annotated[
    float, typer.Option("--extra-epochs", help="Passes over the data to add; adds up with --extra-steps.", min=0)
]


@dataclass(frozen=True)
class Start:
    """How a recipe is started."""

    resume: options.Resume = False
    detach: options.Detach = False
    supervise: options.Supervise = False

    def another_process(self, recipe: Recipe) -> bool:
        """Start the recipe in a process of its own if that is wanted; return whether it was."""
        from burnish.cli.runs.background import detached, supervised

        if self.detach or self.supervise:
            (detached if self.detach else supervised)(recipe.runs_dir / recipe.name)
        return self.detach or self.supervise


@options.grouped
def run(chosen: options.ChosenRecipe, start: Start) -> None:
    """Run a recipe, stage by stage. Run again to continue an interrupted run."""
    with reported("Finished work is kept; run the same command again to continue."):
        config = chosen.load()
        if not start.another_process(config):
            from burnish.cli.render.tables import show_run
            from burnish.workflows.recipe import run_recipe

            show_run(run_recipe(config, resume=start.resume))


@options.grouped
def train(
    chosen: options.ChosenRecipe, start: Start, *, extra_steps: ExtraSteps = 0, extra_epochs: ExtraEpochs = 0.0
) -> None:
    """Run a recipe up to its last training stage; `burnish run` continues from there."""
    with reported("Finished work is kept; run the same command again to continue from the last checkpoint."):
        config = chosen.load()
        if not start.another_process(config):
            from burnish.cli.render.tables import show_run
            from burnish.workflows.recipe import extend_training, last_training_stage, run_recipe

            config = extend_training(config, extra_steps, extra_epochs)
            show_run(run_recipe(config, resume=start.resume, stages=last_training_stage(config)))
