"""``burnish verify dependencies``: manage the external crates that programs may use."""

from __future__ import annotations

from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported

app = typer.Typer(no_args_is_help=True, help="Manage the external crates that programs may use.")


@app.command("build")
@options.grouped
def build(
    crates: Annotated[
        list[str] | None,
        typer.Argument(help="Crates in addition to the well-known ones, as NAME or NAME+FEATURE.", show_default=False),
    ] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option("--from", help="Folder of vendored packages, or `debian`; may be repeated.", metavar="FOLDER"),
    ] = None,
    *,
    settings: options.Settings,
) -> None:
    """Build a dependency set in the sandbox from local sources; it replaces the previous set."""
    with reported("The previous set stays in use until a new one is complete."):
        from burnish.config.verify import VerifyConfig
        from burnish.workflows.verify.build_dependencies import build_dependencies

        made = build_dependencies(
            sources or ["debian"],
            crates or (),
            settings.load(VerifyConfig),
            lambda name: typer.echo(f"  {name}", err=True),
        )
        for name, version in sorted(made.versions.items()):
            typer.echo(f"{name} {version}")
