"""Write a pretraining corpus: documented Rust functions or sources of crates, and optionally conversations.

A row is ``{"text": source}`` or ``{"messages": [...]}``. No row made from the built-in functions holds a held-out
combination of parts. Not covered: filters on the sources of crates (``burnish data prepare`` has them), and crates
larger than memory (``burnish data build tokens`` writes bins).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from burnish.data.pretraining.token_bins import CrateDocuments
from burnish.data.rust_tasks.build import draw_drafts
from burnish.data.rust_tasks.wording import documented, instruction
from burnish.errors import DataError
from burnish.fsio import append_lines, digest_bytes, read_lines
from burnish.records import Message

BARE_SHARE = 0.15
"""Share of source rows without the doc comment."""
ROWS_PER_WRITE = 2000


def write_corpus(
    path: Path,
    *,
    documents: int,
    chat_share: float,
    seed: int,
    crates: Path | None = None,
    comments: str = "documentation",
) -> int:
    """Write ``documents`` rows, a share ``chat_share`` of them conversations; return their number.

    ``comments`` is a style of `wording.COMMENTS`, for the built-in functions. Fewer when ``crates`` has fewer sources.
    Raises DataError when it has none.
    """
    path.unlink(missing_ok=True)
    rows: list[str] = []
    written = 0
    for row in (
        _rows(documents, chat_share, seed, comments)
        if crates is None
        else _with_crates(documents, chat_share, seed, crates)
    ):
        rows.append(json.dumps(row))
        written += 1
        if len(rows) == ROWS_PER_WRITE:
            append_lines(path, rows)
            rows.clear()
    append_lines(path, rows)
    return written


def _rows(documents: int, chat_share: float, seed: int, comments: str = "documentation") -> Iterator[dict[str, Any]]:
    rng = random.Random(f"{seed}/corpus")
    drafts = draw_drafts(rng, held_out=False)
    for _ in range(documents):
        draft = next(drafts)
        if rng.random() < chat_share:
            turns = [{"role": "user", "content": instruction(draft, rng)}, {"role": "assistant", "content": draft.code}]
            yield {"messages": turns}
        else:
            yield {"text": draft.code if rng.random() < BARE_SHARE else documented(draft, rng, comments)}


def _with_crates(documents: int, chat_share: float, seed: int, crates: Path) -> Iterator[dict[str, Any]]:
    """Yield sources of crates in an order by seed, with conversations between them."""
    crate_sources = sorted(
        CrateDocuments(crates), key=lambda document: digest_bytes(str(seed).encode(), document.path.encode())
    )
    if not crate_sources:
        raise DataError(f"no non-empty .rs file below {crates}.", "Give a folder of crates.")
    rng = random.Random(f"{seed}/corpus of crates")
    conversations = _rows(documents, 1.0, seed)
    sources = iter(crate_sources)
    for _ in range(documents):
        if rng.random() < chat_share:
            yield next(conversations)
        elif (source := next(sources, None)) is not None:
            yield {"text": source.text}
        else:
            return


def read_corpus(path: Path) -> Iterator[str | tuple[Message, ...]]:
    """Yield rows in order: source text, or the messages of a conversation."""
    for number, line in enumerate(read_lines(path), 1):
        row = json.loads(line)
        if set(row) == {"text"}:
            yield row["text"]
        elif set(row) == {"messages"}:
            yield tuple(Message.model_validate(message) for message in row["messages"])
        else:
            raise DataError(f"{path}:{number}: neither a text nor messages", "Write the corpus again.")
