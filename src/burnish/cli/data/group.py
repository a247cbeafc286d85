"""``burnish data``: prepare data without a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.data import cache as data_cache
from burnish.cli.data import look as data_look
from burnish.cli.data.build import build
from burnish.cli.data.prepare import prepare
from burnish.cli.errors import reported

app = typer.Typer(help="Prepare data without a recipe.", no_args_is_help=True)
app.add_typer(data_cache.app, name="cache")


app.command()(build)
app.command()(prepare)
app.command()(data_look.inspect)
app.command()(data_look.lengths)


@app.command("validate-tasks")
@options.grouped
def validate_tasks(
    tasks: Annotated[
        Path, typer.Argument(help="JSONL: Task records, HumanEvalPack, or HumanEval rows.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the report and the exclusion file.", metavar="FOLDER")],
    settings: options.Settings,
) -> None:
    """Check that references pass and wrong or empty answers fail; list unsound tasks for exclusion."""
    with reported("Known verdicts are kept; run the same command again to continue."):
        from burnish.cli.render.tables import show_validation
        from burnish.config.verify import VerifyConfig
        from burnish.workflows.build.validate_tasks import validate_tasks as prove

        show_validation(prove(tasks, out, settings.load(VerifyConfig)), out)
