"""``burnish export``: make what others can use of a trained model."""

from __future__ import annotations

import typer

from burnish.cli import options
from burnish.cli.errors import reported

app = typer.Typer(help="Make of a trained model what others can use.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Make of a trained model what others can use."""


@app.command()
def merge(config: options.Config = None, overrides: options.Overrides = None) -> None:
    """Merge an adapter into its base, and prove that the logits agree."""
    with reported():
        from burnish.config.load import load_config
        from burnish.config.verbs.standalone import MergeConfig
        from burnish.workflows.run.requirements import require_train_extra

        loaded = load_config(MergeConfig, config, overrides or ())
        require_train_extra()
        from burnish.workflows.export.merge import export_merge

        result = export_merge(loaded)
        typer.echo(f"{result.folder}: largest logit difference {result.largest_logit_difference:.2e}")
        if result.largest_difference_from_training is not None:
            typer.echo(f"against the quantised base it was trained on: {result.largest_difference_from_training:.2e}")
