"""Hold rows out of training to measure a loss on: chosen by digest, rows that ask the same thing kept together.

Not covered: rows that are alike without being the same (`data.overlap.near_duplicates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from burnish.errors import DataError
from burnish.fsio import digest_json
from burnish.records import Example

Row = TypeVar("Row")


def hold_out_rows(
    rows: Sequence[Row], examples: Sequence[Example], wanted: int, *, seed: int
) -> tuple[list[Row], list[Row]]:
    """Training rows and held-out rows, each in their order; at least ``wanted`` are held out, whole groups of a prompt.

    ``examples`` say what the rows ask, one for one. Which rows go out depends on their prompts and the seed alone, not
    on the other rows' order. Raises DataError when nothing would be left to train on.
    """
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(_asked(example, seed), []).append(index)
    held: set[int] = set()
    for _, members in sorted(groups.items()):
        if len(held) >= wanted:
            break
        held.update(members)
    if len(held) == len(rows):
        raise DataError(
            f"holding out {wanted} of {len(rows)} rows for the loss leaves none to train on.",
            "Lower evaluation.rows, or give more rows.",
        )
    return (
        [row for index, row in enumerate(rows) if index not in held],
        [row for index, row in enumerate(rows) if index in held],
    )


def _asked(example: Example, seed: int) -> str:
    """Digest of the conversation without its last turn; of a document, of its text."""
    prompt = [[message.role, message.content] for message in example.messages[:-1]]
    return digest_json([seed, prompt, example.text])
