"""What a stage's record says of predicted memory."""

from __future__ import annotations

from pathlib import Path

from burnish.data.encode.encoded import EncodedExample
from burnish.fsio import write_json
from burnish.workflows.rows.encode import EncodedSet
from burnish.workflows.run.ledger_entry import predicted_memory


def test_the_prediction_is_taken_over_where_there_is_one(tmp_path: Path) -> None:
    assert predicted_memory(tmp_path) == {}
    for said, metrics in [
        ({}, {}),
        ({"predicted_memory": {"not_predicted": "why"}}, {}),
        ({"predicted_memory": {"predicted_peak_bytes": 5, "moment": "step"}}, {"predicted_peak_bytes": 5.0}),
    ]:
        write_json(tmp_path / "training_metadata.json", said)
        assert predicted_memory(tmp_path) == metrics


def test_the_longest_sequence_is_a_row_or_a_pack() -> None:
    rows = [EncodedExample(str(length), [1] * length, [1] * length) for length in (3, 5, 4)]
    assert EncodedSet(rows, None).longest() == 5
    assert EncodedSet(rows, [(0, 2), (1,)]).longest() == 7
    assert EncodedSet([], None).longest() == 0
