"""``burnish data cache``: prepared data that is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.data.cache import Entry

app = typer.Typer(help="List what is kept of prepared data, and remove it.", no_args_is_help=True)
Cache = Annotated[Path, typer.Option("--cache", help="Folder of the cache.", metavar="FOLDER")]
DEFAULT = Path("data-cache")
_KEY_SHOWN = 60


@app.callback()
def cache() -> None:
    """List what is kept of prepared data, and remove it."""


@app.command("list")
def list_entries(
    cache: Cache = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per entry, with its whole key.")] = False,
) -> None:
    """Entries with step, size, last use and key, the last used first."""
    with reported():
        from burnish.workflows.rows.cache import list_cache

        entries = list_cache(cache)
        if as_json:
            for entry in entries:
                typer.echo(json.dumps(_as_json(entry)))
        else:
            _show(entries)


@app.command()
def prune(
    cache: Cache = DEFAULT,
    everything: Annotated[bool, typer.Option("--all", help="Remove all entries.")] = False,
    broken: Annotated[bool, typer.Option("--broken", help="Remove what interrupted steps left.")] = False,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Remove what was not used for so long: 12h, 30d, 2w.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option("--max-size", help="Remove what was used longest ago until this is enough: 10GB.")
    ] = None,
) -> None:
    """Remove entries; whatever needs them again makes them again."""
    with reported():
        from burnish.workflows.rows.cache import prune_cache

        gone, stay = prune_cache(cache, everything=everything, broken=broken, older_than=older_than, max_size=max_size)
        typer.echo(f"removed {_amount(gone)}; {_amount(stay)} stay")


def _show(entries: Sequence[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if entries:
        table = Table("step", "entry", "size", "last used", "key")
        for entry in entries:
            key = "broken" if entry.key is None else json.dumps(entry.key, ensure_ascii=False)
            shown = key if len(key) <= _KEY_SHOWN else key[: _KEY_SHOWN - 1] + "…"
            used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used_at))
            table.add_row(Text(entry.step), entry.digest[:12], _size(entry.bytes), used, Text(shown))
        Console().print(table)
    typer.echo(_amount(entries))


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


def _amount(entries: Sequence[Entry]) -> str:
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}, {_size(sum(e.bytes for e in entries))}"


def _size(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
