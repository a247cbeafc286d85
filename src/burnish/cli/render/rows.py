"""Print a training row, step by step from record to mask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.json import JSON
from rich.text import Text

from burnish.wording import counted

if TYPE_CHECKING:
    from burnish.data.encode.row_trace import EncodedView, RowView

TRAINED, UNTRAINED = "bold green", "dim"


def show_row(view: RowView, console: Console) -> None:
    """Print the steps of one row."""

    def heading(step: int, title: str) -> None:
        console.print(Text(f"{step}  {title}", style="bold"))

    console.rule(Text(f"row {view.number}: {view.record['id']}"), align="left")
    heading(1, "record")
    console.print(JSON(json.dumps(view.record, ensure_ascii=False)), soft_wrap=True)
    heading(2, "messages" if view.turns else "document")
    for role, content in view.turns:
        console.print(Text.assemble((f"{role:>9}  ", "cyan"), content), soft_wrap=True)
    heading(3, f"text after the chat template, {len(view.text)} characters" if view.turns else "text")
    console.print(Text(view.text), soft_wrap=True)
    for row in view.rows:
        part = "" if len(view.rows) == 1 else f" of {row.id}"
        heading(4, f"{row.tokens} token ids{part}")
        first, last = " ".join(map(str, row.first_ids)), " ".join(map(str, row.last_ids))
        short = row.tokens <= len(row.first_ids)
        console.print(first if short else f"{first} ... {last}", highlight=False, soft_wrap=True)
        heading(5, "truncation")
        console.print(_truncation(view, row), highlight=False, soft_wrap=True)
        heading(6, f"mask: {row.trained} of {row.tokens} tokens trained ({row.trained / max(1, row.tokens):.0%})")
        console.print(
            Text.assemble(*((s.text, TRAINED if s.trained else UNTRAINED) for s in row.spans)), soft_wrap=True
        )
    console.print()


def _truncation(view: RowView, row: EncodedView) -> str:
    if view.refused:
        return (
            f"[red]{row.tokens} tokens are more than max_length {view.max_length}: the gate will refuse the row[/red]"
        )
    if len(view.rows) > 1:
        return f"split into {counted(len(view.rows), 'row')} of at most {view.max_length} tokens; no token is lost"
    if not row.cut_tokens:
        return f"nothing: {row.tokens} tokens fit into max_length {view.max_length}"
    answer = ", [red]the end of the answer with them[/red]" if row.cut_answer else "; the answer is whole"
    return f"{row.cut_tokens} of {view.tokens} tokens are cut to fit into {view.max_length}{answer}"
