"""Whatever became of a file that a run left, who reads it says its name in one line, and one way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.ledger.machine import read_machine
from burnish.ledger.metrics import MetricsWriter, read_metrics
from burnish.ledger.stage import begin, read_done
from burnish.workflows.evaluate import report_rollouts
from burnish.workflows.experiments.programs import measured
from burnish.workflows.rewards.stored_answers import origin_of
from burnish.workflows.rows.filter_counts import FilterStats
from burnish.workflows.run.ledger_entry import predicted_memory
from burnish.workflows.train.job import first_base

Reader = Callable[[Path], object]
READERS: dict[str, Reader] = {
    "run/sft/done.json": lambda run: read_done(run / "sft"),
    "run/sft/attempt.json": lambda run: begin(run / "sft", "x"),
    "run/sft/training_metadata.json": lambda run: first_base(str(run / "sft" / "model")),
    "run/recipe.resolved.json": lambda run: origin_of(run, None, 0),
    "run/filter_stats.json": FilterStats.read,
    "run/other/done.json": measured,
    "run/metrics.jsonl": lambda run: read_metrics(run / "metrics.jsonl"),
    "run/./metrics.jsonl": lambda run: MetricsWriter(run / "metrics.jsonl").drop_stage("sft"),
    "run/rollouts.jsonl": lambda run: report_rollouts._of_file(run / "rollouts.jsonl", "sft"),
}
OF_ANY_FIELDS: dict[str, Reader] = {
    "run/machine.json": read_machine,
    "run/training_metadata.json": predicted_memory,
}
BROKEN = {
    "empty": b"\n",
    "cut off": b'{"fingerprint": "x", "sec\n',
    "bytes": b"\xff\xfe\x00\n",
    "another shape": b'["seconds", 1]\n',
    "digits": b'{"seconds": ' + b"9" * 10_000 + b"}\n",
    "nested": b"[" * 100_000 + b"\n",
}
WRONG_FIELDS = {"no field": b"{}\n", "another type": b'{"seconds": "1", "step": true, "recipe": [], "metrics": 3}\n'}


def problem_of(reader: Reader, path: Path, content: bytes) -> DataError:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    run = path
    while run.name != "run":
        run = run.parent
    with pytest.raises(DataError) as caught:
        reader(run)
    return caught.value


@pytest.mark.parametrize("name", [*READERS, *OF_ANY_FIELDS])
def test_a_broken_record_is_named_with_one_way_out(tmp_path: Path, name: str) -> None:
    reader = (READERS | OF_ANY_FIELDS)[name]
    contents = BROKEN | (WRONG_FIELDS if name in READERS else {})
    if name.endswith(".jsonl"):  # without a row nothing is wrong
        del contents["empty"]
    for kind, content in contents.items():
        error = problem_of(reader, tmp_path / name, content)
        assert str(tmp_path / name) in error.cause, kind
        assert "\n" not in error.cause + error.way_out, kind
        assert error.way_out, kind
