"""``burnish data prepare``: filter and mix rows from any source."""

from __future__ import annotations

from burnish.cli import options
from burnish.cli.errors import reported


@options.grouped
def prepare(settings: options.Settings) -> None:
    """Read, filter and mix sources, and write the remaining rows."""
    with reported("No rows were written; verdicts found so far are kept."):
        from burnish.cli.render.tables import show_stats
        from burnish.config.verbs.prepare import PrepareConfig
        from burnish.workflows.rows.prepare import prepare_data

        config = settings.load(PrepareConfig)
        show_stats(prepare_data(config), config.out)
