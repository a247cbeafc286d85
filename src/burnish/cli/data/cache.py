"""``burnish data cache``: list and remove cached prepared data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.data.cache import Entry

app = typer.Typer(help="List and remove cached prepared data.", no_args_is_help=True)
Cache = Annotated[Path, typer.Option("--cache", help="Cache folder.", metavar="FOLDER")]
DEFAULT = Path("data-cache")


@app.command("list")
def list_entries(
    cache: Cache = DEFAULT,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per entry, with its full key.")
    ] = False,
) -> None:
    """List entries with step, size, last use and key, most recently used first."""
    with reported():
        from burnish.cli.render.tables import show_entries
        from burnish.workflows.rows.cache import list_cache

        entries = list_cache(cache)
        if as_json:
            for entry in entries:
                typer.echo(json.dumps(_as_json(entry)))
        else:
            show_entries(entries)


@app.command()
def prune(
    cache: Cache = DEFAULT,
    everything: Annotated[bool, typer.Option("--all", help="Remove all entries.")] = False,
    broken: Annotated[
        bool, typer.Option("--broken", help="Remove entries that interrupted steps left incomplete.")
    ] = False,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Remove entries not used for this long: 12h, 30d, 2w.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", help="Remove the least recently used entries until the cache is this small: 10GB."),
    ] = None,
) -> None:
    """Remove entries; a run that needs one prepares it again."""
    with reported():
        from burnish.cli.render.tables import amount
        from burnish.workflows.rows.cache import prune_cache

        removed, kept = prune_cache(
            cache, everything=everything, broken=broken, older_than=older_than, max_size=max_size
        )
        typer.echo(f"removed {amount(removed)}; {amount(kept)} stay")


def _as_json(entry: Entry) -> dict[str, object]:
    return {
        "step": entry.step,
        "digest": entry.digest,
        "folder": str(entry.folder),
        "bytes": entry.bytes,
        "used_at": round(entry.used_at),
        "broken": entry.broken,
        "key": entry.key,
    }
