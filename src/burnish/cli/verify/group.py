"""``burnish verify FILE.jsonl`` and its verbs: a command group whose first word may be a file.

Not covered: a file named like a verb; write ``./serve`` for it.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from burnish.cli.verify import dependencies
from burnish.cli.verify import file as verify
from burnish.cli.verify import serve as verify_serve

DEFAULT = "file"


class _FileOrVerb(TyperGroup):
    """A command group that treats a first word that is not a verb as a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_FileOrVerb, no_args_is_help=True, help="Judge untrusted Rust: burnish verify FILE --out FOLDER.")
app.command(DEFAULT)(verify.verify)
app.command("serve")(verify_serve.serve)
app.add_typer(dependencies.app, name="dependencies")
