"""The table on a terminal and in a log file."""

from __future__ import annotations

import io

from rich.console import Console

from burnish.records.summary import StageTime, Summary
from burnish.report.terminal.table import render_summary
from burnish.score.summaries.summary import build_summary
from tests.report.example_report import run_data, verdict
from tests.score.example_verdicts import measured, passing, wrong


def printed(summary: Summary, width: int = 80) -> str:
    buffer = io.StringIO()
    render_summary(summary, Console(file=buffer, width=width))
    return buffer.getvalue()


def small(after: str = "ok") -> Summary:
    base = measured("base", [verdict(n, "compile_error") for n in range(3)] + [verdict(3, "ok")], 61.0)
    tuned = measured("tuned", [verdict(n, after) for n in range(4)], 60.0)
    return build_summary([base, tuned], [StageTime(name="sft", kind="sft", seconds=185, reused=True)])


def test_shows_rates_intervals_pairs_and_times() -> None:
    output = printed(small())
    assert "25.0" in output
    assert "4.6–69.9" in output  # Wilson, 1 of 4
    assert "tuned against base: rust, 4 pairs" in output
    [row] = [line.split() for line in output.splitlines() if line.strip().startswith("tests passed")]
    assert row[2:6] == ["25.0", "→", "100.0", "+75.0"]
    assert row[-3:] == ["3", "0", "0.250"]
    assert "3 min 05 s (kept)" in output


def test_tests_passed_stand_by_kind_of_task_with_models_side_by_side() -> None:
    families = {"0": "lints/a", "1": "lints/b", "2": "unseen-formats/a", "3": "unseen-formats/b"}
    models = [
        measured(name, [wrong(str(n)) if n < failed else passing(str(n)) for n in range(4)], families=families)
        for name, failed in (("base", 3), ("tuned", 1))
    ]
    lines = [line.split() for line in printed(build_summary(models)).splitlines()]
    assert ["lints", "2", "0.0", "50.0"] in lines
    assert ["unseen-formats", "2", "50.0", "100.0"] in lines


def test_infra_gets_a_column_only_when_there_is_any() -> None:
    assert "infra" not in printed(small())
    assert "infra: 4 without a verdict" in " ".join(printed(small(after="infra")).split())


def test_infra_counts_stand_in_their_rows() -> None:
    lines = [line.split() for line in printed(small(after="infra")).splitlines()]
    assert next(line for line in lines if line[:1] == ["base"])[-1] == "0"
    assert next(line for line in lines if line[:2] == ["tuned", "4"])[-1] == "4"


def test_fits_80_columns_without_colour_codes() -> None:
    output = printed(run_data().summary)
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "\x1b" not in output
    assert "…" not in output


def test_compiler_errors_stand_beside_each_other() -> None:
    lines = [line.split() for line in printed(small()).splitlines()]
    assert ["E0277", "2", "0"] in lines
    assert ["E0308", "1", "0"] in lines
    assert "compiler error" not in printed(build_summary([measured("base", [verdict(0, "ok")], 1.0)]))


def test_memory_has_a_column_where_it_was_measured() -> None:
    times = [
        StageTime(name="sft", kind="sft", seconds=5, peak_bytes=812 << 20),
        StageTime(name="m", kind="x", seconds=1),
    ]
    output = printed(build_summary([], times))
    assert "812 MiB" in output
    assert "GPU" not in output
    gpu = times[0].model_copy(update={"accelerator_peak_bytes": 5 << 30})
    assert "5.0 GiB" in printed(build_summary([], [gpu]))


def test_predicted_memory_stands_beside_the_measured_one() -> None:
    times = [
        StageTime(name="sft", kind="sft", seconds=5, peak_bytes=812 << 20, predicted_peak_bytes=790 << 20),
        StageTime(name="m", kind="x", seconds=1, peak_bytes=100 << 20),
    ]
    output = printed(build_summary([], times))
    assert "predicted memory" in output
    assert next(line for line in output.splitlines() if "sft" in line).split()[-4:] == ["812", "MiB", "790", "MiB"]
    without = [one.model_copy(update={"predicted_peak_bytes": None}) for one in times]
    assert "predicted" not in printed(build_summary([], without))


def test_a_run_that_measured_nothing_still_shows_its_times() -> None:
    output = printed(build_summary([], [StageTime(name="pretrain", kind="pretrain", seconds=4000)]))
    assert "1 h 07 min" in output
    assert "Measured" not in output


def test_excluded_tasks_are_mentioned_when_there_are_any() -> None:
    assert "8 tasks were left out before" in printed(small().model_copy(update={"excluded_tasks": 8}))
    assert "left out before" not in printed(small())
