"""Check the micro batches that the trainer will get, after padding or packing: what held row by row must still hold.

1. Every micro batch has a trained token; a step without one would divide by zero.
2. A label is its token's id, never shifted.
3. The batch trains as many tokens, and as many ends of turn, as its rows do.
4. Every row comes exactly once in a pass.

Not covered: rows that share attention (`train.batches.packing_proof` compares losses).
Shapes: B sequences, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.errors import GateError
from burnish.wording import counted

_FAULT = "This is a fault of burnish, not of the data: please report it with the recipe."


def check_batches(
    batches: Iterable[Mapping[str, Any]], encoded: Sequence[EncodedExample], closing: int | None, decode: Any
) -> int:
    """Check the micro batches of one pass and return their number.

    Args:
        batches: tensors ``input_ids`` and ``labels`` (B, T), and ``rows``: indices into ``encoded``.
        encoded: the rows.
        closing: id that ends an answer; None when all rows are documents.
        decode: turns token ids into text.

    Raises:
        GateError: names the rows of the first batch that is wrong, decoded.
    """
    seen = [0] * len(encoded)
    count = 0
    for batch in batches:
        count += 1
        rows = [encoded[index] for index in batch["rows"].tolist()]
        for index in batch["rows"].tolist():
            seen[index] += 1
        labels_BT, ids_BT = batch["labels"], batch["input_ids"]
        trained_BT = labels_BT != IGNORED
        trained_BT[:, 0] = False  # the first token of a sequence is never predicted
        trained = int(trained_BT.sum())
        if not trained:
            raise GateError(
                f"micro batch {count} has no token to train on; it holds the rows {_names(rows)} and reads "
                f"{str(decode(ids_BT[0].tolist()))[:400]!r}.",
                "Remove rows without an answer, or raise micro_batch.",
            )
        if not bool((labels_BT[trained_BT] == ids_BT[trained_BT]).all()):
            raise GateError(f"micro batch {count} trains other tokens than its rows hold: {_names(rows)}.", _FAULT)
        wanted = sum(len(row.labels) - 1 - row.labels[1:].count(IGNORED) for row in rows)
        ends = 0 if closing is None else int((labels_BT[trained_BT] == closing).sum())
        wanted_ends = 0 if closing is None else sum(row.labels[1:].count(closing) for row in rows)
        if (trained, ends) != (wanted, wanted_ends):
            raise GateError(
                f"micro batch {count} trains {trained} tokens and {ends} ends of turn, its rows {_names(rows)} have "
                f"{wanted} and {wanted_ends}.",
                _FAULT,
            )
    wrong = [row.id for row, times in zip(encoded, seen, strict=True) if times != 1]
    if wrong:
        raise GateError(
            f"{counted(len(wrong), 'row does', 'rows do')} not come exactly once in a pass, first {wrong[0]}.",
            _FAULT,
        )
    return count


def _names(rows: Sequence[EncodedExample]) -> str:
    return ", ".join(row.id for row in rows[:8]) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
