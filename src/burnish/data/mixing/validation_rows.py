"""Hold out rows to measure a loss on, chosen by digest; rows with the same prompt stay together.

Not covered: similar rows (`data.overlap.near_duplicates`).
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
    """Return training rows and held-out rows, in order; at least ``wanted`` are held out, in whole groups of a prompt.

    ``examples`` hold the prompts of the rows, in the same order. The choice depends on the prompts and the seed alone,
    not on the order of the rows. Raises DataError when nothing would be left to train on.
    """
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(_prompt_digest(example, seed), []).append(index)
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


def _prompt_digest(example: Example, seed: int) -> str:
    """Digest the conversation without its last turn, or a document's text."""
    prompt = [[message.role, message.content] for message in example.messages[:-1]]
    return digest_json([seed, prompt, example.text])
