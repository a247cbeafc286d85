"""``burnish generate``: let a model answer tasks or prompts."""

from __future__ import annotations

import typer

from burnish.cli import options
from burnish.cli.reporting import reported


def generate(config: options.Config = None, overrides: options.Overrides = None) -> None:
    """Let a model answer tasks or prompts into a file; prompts are answered on the terminal too."""
    with reported("Finished batches are kept; the same command again goes on where it was."):
        from burnish.config.load import load_config
        from burnish.config.verbs import GenerateConfig

        loaded = load_config(GenerateConfig, config, overrides or ())
        from burnish.workflows.generate import generate as generate_answers

        completions = generate_answers(loaded)
        for completion in completions if loaded.prompts else ():
            typer.echo(f"{completion.text}\n")
        typer.echo(f"{len(completions)} completions in {loaded.out}")
