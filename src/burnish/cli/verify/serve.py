"""``burnish verify serve``: serve verdicts over HTTP."""

from __future__ import annotations

import typer

from burnish.cli import options
from burnish.cli.errors import reported


def serve(config: options.Config = None, overrides: options.Overrides = None) -> None:
    """Serve verdicts over HTTP: on loopback by default, elsewhere with a bearer token."""
    with reported("Verdicts are kept if verify.cache is set."):
        from burnish.config.load import load_config
        from burnish.config.verbs.standalone import ServeVerifierConfig
        from burnish.workflows.verify.serve import serve_verifier

        loaded = load_config(ServeVerifierConfig, config, overrides or ())
        serve_verifier(loaded, lambda address: typer.echo(f"verdicts at {address}/verify"))
