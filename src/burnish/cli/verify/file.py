"""``burnish verify``: judge a file of candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.errors import MachineError

WARNING = (
    "WARNING: --unsafe-no-sandbox: the programs run as you, with your files, your network and your processes open to "
    "them. Use it only with programs you trust."
)


@options.grouped
def verify(
    rows: Annotated[Path, typer.Argument(help="JSONL file of programs.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for verdicts and summary.", metavar="FOLDER")],
    settings: options.Settings,
    *,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run trusted programs without any isolation.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, not as a table.")] = False,
) -> None:
    """Compile, lint and test Rust programs in the sandbox, one verdict per row."""
    with reported("Known verdicts are kept; run the same command again to continue."):
        from burnish.config.verify import VerifyConfig
        from burnish.workflows.verify.file import verify_file

        config = settings.load(VerifyConfig)
        if unsafe_no_sandbox:
            typer.echo(WARNING, err=True)
        summary = verify_file(rows, out, config, unsafe_no_sandbox=unsafe_no_sandbox)
        if as_json:
            typer.echo(json.dumps(summary, indent=2))
        else:
            _show(summary, out)
        if summary["infra"] == summary["n"]:
            first = next(iter(summary["infra_causes"]), "the machine failed")
            raise MachineError(
                f"nothing could be judged: {summary['n']} of {summary['n']} rows are infra.",
                f"Settle the cause and run the same command again; the first is: {first}.",
            )


def _show(summary: dict[str, Any], out: Path) -> None:
    from rich.console import Console

    from burnish.records.layout import REJECTED, SUMMARY, VERDICTS
    from burnish.report.terminal.verdicts import render_verdicts

    render_verdicts(summary, Console())
    files = [VERDICTS, SUMMARY, *([REJECTED] if summary["rejected_rows"] else [])]
    typer.echo("\n".join(str(out / name) for name in files))
