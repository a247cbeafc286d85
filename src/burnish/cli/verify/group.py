"""``burnish verify FILE.jsonl`` and its verbs: a command group whose first word may be a file.

Not covered: a file named like a verb; write ``./serve`` for it.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.cli.verify import file as verify

DEFAULT = "file"


class _FileOrVerb(TyperGroup):
    """A command group that treats a first word that is not a verb as a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_FileOrVerb, no_args_is_help=True, help="Judge untrusted Rust: burnish verify FILE --out FOLDER.")
app.command(DEFAULT)(verify.verify)


@app.command()
@options.grouped
def serve(settings: options.Settings) -> None:
    """Serve verdicts over HTTP: on loopback by default, elsewhere with a bearer token."""
    with reported("Verdicts are kept if verify.cache is set."):
        from burnish.config.verbs.standalone import ServeVerifierConfig
        from burnish.workflows.verify.serve import serve_verifier

        config = settings.load(ServeVerifierConfig)
        serve_verifier(config, lambda address: typer.echo(f"verdicts at {address}/verify"))


dependencies = typer.Typer(no_args_is_help=True, help="Manage the external crates that programs may use.")
app.add_typer(dependencies, name="dependencies")


@dependencies.command("build")
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
