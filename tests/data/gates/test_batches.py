"""The gates see what a collator loses: each test spoils a real collated batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from burnish.config.stages.kinds.sft import SftStage
from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.data.gates.batches import check_batches
from burnish.errors import GateError
from burnish.train.sft.run import first_pass

END = 2


class Tokenizer:
    """What collation asks of a tokenizer."""

    pad_token_id = 0


def some_rows() -> list[EncodedExample]:
    rows = []
    for index in range(9):
        ids = [5, 6, 7, *[10 + index] * (index + 1), END]
        rows.append(EncodedExample(f"r{index}", ids, [IGNORED] * 3 + ids[3:]))
    return rows


def batches(packed: bool) -> list[dict[str, Any]]:
    stage = SftStage(name="sft", effective_batch=4, micro_batch=2, packing=packed)
    packs = [(8, 0), (7, 1), (6, 2), (5, 3), (4,)] if packed else None
    return list(first_pass(some_rows(), Tokenizer(), stage, 0, packs))


@pytest.mark.parametrize("packed", [False, True])
def test_intact_batches_pass(packed: bool) -> None:
    found = batches(packed)
    assert check_batches(found, some_rows(), END, str) == len(found) == (3 if packed else 5)
    assert check_batches(found, some_rows(), None, str) == len(found)


def no_label(batch: dict[str, Any]) -> None:
    batch["labels"][:] = IGNORED


def no_end(batch: dict[str, Any]) -> None:
    labels = batch["labels"]
    labels[labels == END] = IGNORED


def shifted(batch: dict[str, Any]) -> None:
    batch["labels"] = batch["labels"].roll(1, dims=1)


def another_row(batch: dict[str, Any]) -> None:
    batch["rows"][0] = (batch["rows"][0] + 1) % 9


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_label, r"micro batch 2 has no token to train on; it holds the rows r\d, .*\[5, 6, 7"),
        (no_end, r"micro batch 2 trains \d+ tokens and 0 ends of turn"),
        (shifted, "micro batch 2 trains other tokens than its rows hold"),
        (another_row, "micro batch 2 trains|not come exactly once"),
    ],
)
def test_corrupted_batches_are_refused(packed: bool, spoil: Callable[[dict[str, Any]], None], message: str) -> None:
    found = batches(packed)
    spoil(found[1])
    with pytest.raises(GateError, match=message):
        check_batches(found, some_rows(), END, str)


def test_a_missing_row_of_a_batch_is_refused() -> None:
    with pytest.raises(GateError, match="1 row does not come exactly once in a pass"):
        check_batches(batches(False)[:-1], some_rows(), END, str)
