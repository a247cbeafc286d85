"""``burnish config``: import configurations of other systems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.config.foreign.keys import KeyFate

app = typer.Typer(help="Import configurations of other systems.", no_args_is_help=True)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="YAML file, or Python file with the variables.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Recipe file to write; default: the same name in the current folder.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Convert a configuration of SigilDERG-Finetuner, Qwen3 MovieLens LoRA or LLM-Training into a recipe.

    Prints what each key became. Keys without effect in the other system are left out; unknown keys are errors.
    """
    with reported():
        from burnish.workflows.manage.import_config import import_config

        imported = import_config(file, out)
        typer.echo(f"{imported.system}, {file}")
        _show(imported.fates)
        typer.echo(f"\n{imported.recipe}: put a model folder into model.base and your rows into data.sources, then:")
        typer.echo(f"  burnish {'run' if imported.merges else 'train'} {imported.recipe}")


def _show(fates: Sequence[KeyFate]) -> None:
    from burnish.config.foreign.keys import shown

    titles = {"became": "Became", "needs no key": "Needs no key", "refused": "Left out: had no effect there"}
    for fate, title in titles.items():
        rows = [(f"{entry.key}: {shown(entry.value)}", entry) for entry in fates if entry.fate == fate]
        if not rows:
            continue
        typer.echo(f"\n{title}")
        width = min(60, max(len(key) for key, _ in rows))
        for key, entry in rows:
            typer.echo(f"  {key:<{width}}  {entry.text}" + ("" if entry.place else "  (not set; its default)"))
