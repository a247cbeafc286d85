"""Store encoded training rows: token ids with labels, in memory and as a file.

The file is an uncompressed NumPy archive of flat arrays: ids of all rows, which of them are trained, and one entry
per row for the rest. Not covered: how rows are made (`data.encode.chat`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

IGNORED = -100
"""Label of tokens that are not trained, as torch's cross entropy has it."""


@dataclass(frozen=True)
class EncodedExample:
    """One conversation, or one piece of a document, as tokens."""

    id: str
    input_ids: list[int]
    labels: list[int]
    """As long as ``input_ids``, `IGNORED` where nothing is trained."""
    weight: float = 1.0
    """Weight of its tokens in the loss."""
    answers: int = 1
    """Assistant's turns that must be trained up to their end of turn; 0 for documents."""
    cut_tokens: int = 0
    """Tokens removed by truncation."""
    cut_answer: bool = False
    """Whether truncation reached the answer, whose end of turn is then missing."""

    @property
    def trained_tokens(self) -> int:
        """Count the tokens with a label."""
        return len(self.labels) - self.labels.count(IGNORED)


def save_rows(rows: Sequence[EncodedExample], folder: Path) -> None:
    """Write the rows into an existing folder; labels must equal ids or be `IGNORED`."""
    np.savez(
        folder / "rows.npz",
        ids=np.concatenate([np.array(row.input_ids, dtype=np.int32) for row in rows] or [np.zeros(0, np.int32)]),
        trained=np.concatenate([np.array(row.labels) != IGNORED for row in rows] or [np.zeros(0, bool)]),
        lengths=np.array([len(row.input_ids) for row in rows], dtype=np.int64),
        weights=np.array([row.weight for row in rows], dtype=np.float64),
        answers=np.array([row.answers for row in rows], dtype=np.int32),
        cut_tokens=np.array([row.cut_tokens for row in rows], dtype=np.int64),
        cut_answer=np.array([row.cut_answer for row in rows], dtype=bool),
    )
    (folder / "names.json").write_text(json.dumps([row.id for row in rows], ensure_ascii=False), encoding="utf-8")


def load_rows(folder: Path) -> list[EncodedExample]:
    """Read rows written by `save_rows`."""
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    with np.load(folder / "rows.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    ends = np.cumsum(arrays["lengths"])
    labels = np.where(arrays["trained"], arrays["ids"], IGNORED)
    per_row = (arrays[name].tolist() for name in ("lengths", "weights", "answers", "cut_tokens", "cut_answer"))
    return [
        EncodedExample(
            name,
            arrays["ids"][end - length : end].tolist(),
            labels[end - length : end].tolist(),
            weight,
            answers,
            cut,
            cut_answer,
        )
        for name, end, length, weight, answers, cut, cut_answer in zip(names, ends.tolist(), *per_row, strict=True)
    ]
