"""``burnish verify``: judge a file of candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported

WARNING = (
    "WARNING: --unsafe-no-sandbox: the programs run as you, with your files, your network and your processes open to "
    "them. Do this with programs you trust alone."
)


def verify(
    rows: Annotated[Path, typer.Argument(help="JSONL of programs.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for verdicts and summary.", metavar="FOLDER")],
    config: options.Config = None,
    overrides: options.Overrides = None,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run programs you trust without any isolation.")
    ] = False,
) -> None:
    """Compile, lint and test Rust programs in the sandbox, one verdict per row."""
    with reported("The same command again is quick where verdicts are known."):
        from burnish.config.load import load_config
        from burnish.config.verify import VerifyConfig
        from burnish.workflows.verify.file import verify_file

        settings = load_config(VerifyConfig, config, overrides or ())
        if unsafe_no_sandbox:
            typer.echo(WARNING, err=True)
        summary = verify_file(rows, out, settings, unsafe_no_sandbox=unsafe_no_sandbox)
        typer.echo(json.dumps(summary, indent=2))
