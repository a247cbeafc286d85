"""Metrics, events, attempt logs and memory: the plain files of a run."""

from __future__ import annotations

import json
import logging
import math
import warnings
from pathlib import Path

import pytest

from burnish.ledger.attempt_log import attempt_log
from burnish.ledger.memory import peak_bytes, reset_peak
from burnish.ledger.metrics import EventLog, MetricRow, MetricsWriter, read_metrics


def test_metrics_are_one_schema_and_later_rows_win(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl")
    writer.log("sft", 10, {"loss": 2.0, "lr": 0.1})
    writer.log("sft", 20, {"loss": 1.0})
    writer.log("sft", 10, {"loss": 1.5, "gap": math.nan})
    writer.log("eval", 0, {"compile_rate": 0.5})
    assert {"at", "stage", "step", "values"} == json.loads(writer.path.read_text().splitlines()[0]).keys()
    assert read_metrics(writer.path) == [
        MetricRow("sft", 10, {"loss": 1.5, "lr": 0.1}),
        MetricRow("sft", 20, {"loss": 1.0}),
        MetricRow("eval", 0, {"compile_rate": 0.5}),
    ]


def test_a_stage_that_begins_anew_forgets_its_rows_alone(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl")
    writer.drop_stage("sft")
    writer.log("sft", 1, {"loss": 2.0})
    writer.log("eval", 0, {"n": 1})
    writer.drop_stage("sft")
    assert [row.stage for row in read_metrics(writer.path)] == ["eval"]
    assert read_metrics(tmp_path / "none") == []


def test_events_are_dated_lines(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.write("stage_begins", stage="sft", fresh=True)
    (event,) = (json.loads(line) for line in log.path.read_text().splitlines())
    assert (event["event"], event["stage"], event["fresh"]) == ("stage_begins", "sft", True)
    assert event["at"] > 1.7e9


def test_each_attempt_has_a_log_with_messages_warnings_and_the_traceback(tmp_path: Path) -> None:
    logger = logging.getLogger("some.library")
    with attempt_log(tmp_path) as first:
        logger.info("loaded")
        warnings.warn("careful", stacklevel=1)
    with pytest.raises(ZeroDivisionError), attempt_log(tmp_path) as second:
        print(1 / 0)  # noqa: T201
    assert (first.name, second.name) == ("attempt_1.log", "attempt_2.log")
    assert "loaded" in first.read_text()
    assert "careful" in first.read_text()
    assert "ended by ZeroDivisionError" in second.read_text()
    assert "Traceback" in second.read_text()
    logger.info("after")
    assert "after" not in first.read_text() + second.read_text()


def test_an_interruption_is_noted_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), attempt_log(tmp_path) as path:
        raise KeyboardInterrupt
    assert "interrupted" in path.read_text()
    assert "Traceback" not in path.read_text()


def test_log_numbers_continue_beyond_nine_and_ignore_other_files(tmp_path: Path) -> None:
    (tmp_path / "attempt_10.log").touch()
    (tmp_path / "attempt_x.log").touch()
    with attempt_log(tmp_path) as path:
        pass
    assert path.name == "attempt_11.log"


def test_the_peak_is_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    2048 kB\n")
    assert peak_bytes(tmp_path) == 2 << 20
    assert peak_bytes(tmp_path / "none") is None
    assert not reset_peak(tmp_path / "none")
    here = peak_bytes()
    assert here is not None
    assert here > 1 << 20
