"""``burnish config``: configurations of other systems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.config.foreign.keys import KeyFate

app = typer.Typer(help="Take over configurations of other systems.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Take over configurations of other systems."""


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="Its YAML file, or a Python file with its variables.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The recipe; by default its name, here.", metavar="FILE")
    ] = None,
) -> None:
    """Write the recipe that a configuration of SigilDERG-Finetuner, Qwen3 MovieLens LoRA or LLM-Training amounts to.

    Prints what each key became. Keys that had no effect over there are refused and left out; unknown ones are errors.
    """
    with reported():
        from burnish.workflows.manage.import_config import import_config

        imported = import_config(file, out)
        typer.echo(f"{imported.system}, {file}")
        _show(imported.fates)
        typer.echo(f"\n{imported.recipe}: put a model folder into model.base and your rows into data.sources, then:")
        typer.echo(f"  burnish train {imported.recipe}")


def _show(fates: Sequence[KeyFate]) -> None:
    from burnish.config.foreign.keys import shown

    titles = {"became": "Became", "needs no key": "Needs no key", "refused": "Refused: meant nothing there"}
    for fate, title in titles.items():
        rows = [(f"{one.key}: {shown(one.value)}", one) for one in fates if one.fate == fate]
        if not rows:
            continue
        typer.echo(f"\n{title}")
        width = min(60, max(len(key) for key, _ in rows))
        for key, one in rows:
            typer.echo(f"  {key:<{width}}  {one.text}" + ("" if one.place else "  (not set; its default)"))
