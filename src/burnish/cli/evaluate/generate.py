"""``burnish generate``: write one model's answers to tasks or prompts, or compare several models' answers."""

from __future__ import annotations

from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.wording import counted


@options.grouped
def generate(
    settings: options.Settings,
    prompt: Annotated[list[str] | None, typer.Option(help="Prompt to answer; may be repeated.", metavar="TEXT")] = None,
    models: Annotated[
        str,
        typer.Option(help="Show the answers of these models side by side: base models, adapters, runs.", metavar="A,B"),
    ] = "",
) -> None:
    """Write a model's answers to tasks or prompts to a file."""
    with reported("Finished answers are kept; run the same command again to continue."):
        from burnish.config.verbs.standalone import GenerateConfig

        loaded = settings.load(GenerateConfig)
        if prompt:
            loaded = loaded.model_copy(update={"prompts": tuple(prompt)})
        from burnish.workflows.answer.generate import generate as generate_answers
        from burnish.workflows.answer.generate import side_by_side

        if models:
            from burnish.cli.render.tables import show_side_by_side

            show_side_by_side(side_by_side(loaded, [name.strip() for name in models.split(",") if name.strip()]))
            return
        completions = generate_answers(loaded)
        for completion in completions if loaded.prompts else ():
            typer.echo(f"{completion.text}\n")
        if loaded.out is not None:
            typer.echo(f"{counted(len(completions), 'completion')} in {loaded.out}")
