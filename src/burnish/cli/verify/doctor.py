"""``burnish doctor``: check what is installed and what is missing."""

from __future__ import annotations

import typer

from burnish.cli.errors import reported


def doctor() -> None:
    """Check the machine: Rust toolchain, sandbox, packages. Exit code 3 when something is missing."""
    with reported():
        from burnish.verify.doctor import checks
        from burnish.workflows.run.requirements import TRAIN_EXTRA, missing_packages

        results = [(check.name, check.ok, check.detail, check.install, check.needed) for check in checks()]
        missing = missing_packages(TRAIN_EXTRA)
        detail = f"without {', '.join(missing)}" if missing else "installed"
        results.append(("training packages", not missing, detail, "pip install 'burnish[train]'", True))
        for name, ok, detail, install, needed in results:
            typer.echo(f"{'ok  ' if ok else 'MISS' if needed else '--  '}  {name}{': ' if detail else ''}{detail}")
            if not ok:
                typer.echo(f"      -> {install}")
        if not all(ok or not needed for _, ok, _, _, needed in results):
            raise typer.Exit(3)
