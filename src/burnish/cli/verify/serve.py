"""``burnish verify serve``: serve verdicts over HTTP."""

from __future__ import annotations

import typer

from burnish.cli import options
from burnish.cli.errors import reported


@options.grouped
def serve(settings: options.Settings) -> None:
    """Serve verdicts over HTTP: on loopback by default, elsewhere with a bearer token."""
    with reported("Verdicts are kept if verify.cache is set."):
        from burnish.config.verbs.standalone import ServeVerifierConfig
        from burnish.workflows.verify.serve import serve_verifier

        config = settings.load(ServeVerifierConfig)
        serve_verifier(config, lambda address: typer.echo(f"verdicts at {address}/verify"))
