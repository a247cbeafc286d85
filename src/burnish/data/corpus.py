"""Writes a pretraining corpus: documented Rust functions, and by choice some instructions with their answers.

A row is ``{"text": source}`` or ``{"messages": [...]}``. No row holds a held-out combination of parts.
Not covered: source trees of real crates.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from burnish.data.rust_tasks.build import draw_drafts
from burnish.data.rust_tasks.wording import documented, instruction
from burnish.errors import DataError
from burnish.fsio import append_lines, read_lines
from burnish.records import Message

BARE_SHARE = 0.15
"""Share of source rows without the doc comment."""
ROWS_PER_WRITE = 2000


def write_corpus(path: Path, *, documents: int, chat_share: float, seed: int) -> None:
    """Write ``documents`` rows, ``chat_share`` of them as conversations."""
    path.unlink(missing_ok=True)
    rng = random.Random(f"{seed}/corpus")
    drafts = draw_drafts(rng, held_out=False)
    rows: list[str] = []
    for _ in range(documents):
        draft = next(drafts)
        if rng.random() < chat_share:
            turns = [{"role": "user", "content": instruction(draft, rng)}, {"role": "assistant", "content": draft.code}]
            rows.append(json.dumps({"messages": turns}))
        else:
            rows.append(json.dumps({"text": draft.code if rng.random() < BARE_SHARE else documented(draft, rng)}))
        if len(rows) == ROWS_PER_WRITE:
            append_lines(path, rows)
            rows.clear()
    append_lines(path, rows)


def read_corpus(path: Path) -> Iterator[str | tuple[Message, ...]]:
    """Rows in order: source text, or the messages of a conversation."""
    for number, line in enumerate(read_lines(path), 1):
        row = json.loads(line)
        if set(row) == {"text"}:
            yield row["text"]
        elif set(row) == {"messages"}:
            yield tuple(Message.model_validate(message) for message in row["messages"])
        else:
            raise DataError(f"{path}:{number}: neither a text nor messages", "Write the corpus again.")
