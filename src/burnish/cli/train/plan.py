"""``burnish plan``: show supported combinations before anything starts."""

from __future__ import annotations

from typing import Annotated

import typer

from burnish.cli.errors import reported


def plan(
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Show which training, quantisation, merge, export and serving combine.")
    ] = False,
) -> None:
    """Show supported combinations before anything starts."""
    with reported():
        from burnish.errors import ConfigError

        if not matrix:
            raise ConfigError("burnish plan needs an option.", "Run: burnish plan --matrix")
        from burnish.cli.render.tables import show_matrix
        from burnish.plan.matrix import plan_matrix

        show_matrix(plan_matrix())
