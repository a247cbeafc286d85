"""``burnish export``: export a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from burnish.cli import options
from burnish.cli.errors import reported

Precision = Literal["bfloat16", "float32"]

app = typer.Typer(help="Export a trained model.", no_args_is_help=True)


@app.command()
@options.grouped
def merge(settings: options.Settings) -> None:
    """Merge an adapter into its base; report by how much the stored model differs."""
    with reported():
        from burnish.config.verbs.standalone import MergeConfig
        from burnish.workflows.export.export import export_merge

        result = export_merge(settings.load(MergeConfig))
        stored = result.stored
        typer.echo(
            f"{result.folder}: stored as {result.dtype}, largest logit difference {stored.largest:.2e}, "
            f"{stored.share:.2%} of the spread (limit {result.limit:.0%}); {stored.changed_tokens:.1%} of greedy "
            f"tokens change; merging alone, before rounding: {result.merged.largest:.2e}"
        )
        if result.largest_difference_from_training is not None:
            typer.echo(
                f"difference from the quantised base used in training: {result.largest_difference_from_training:.2e}"
            )


@app.command()
def dequantize(
    file: Annotated[Path, typer.Argument(help="GGUF file of a model.", metavar="FILE.gguf")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it must not exist yet.")],
    dtype: Annotated[
        Precision | None,
        typer.Option("--dtype", help="Precision to store; default: float32 for F32 and F16 files, otherwise bfloat16."),
    ] = None,
) -> None:
    """Write the weights of a GGUF file as a plain model folder, which can be trained."""
    with reported():
        from burnish.workflows.export.export import export_dequantized

        origin = export_dequantized(file, out, dtype)
        typer.echo(
            f"{out}: {origin['name']}, {origin['stored']} weights as {origin['dtype']}; licence: {origin['license']}"
        )
