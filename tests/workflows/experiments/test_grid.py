"""A grid of two adapters, two quantisations and two task sets, killed half way and gone on with."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from burnish.config.load import load_config
from burnish.config.verbs.grid import GridConfig
from burnish.data.builders.questions import boxed
from burnish.errors import RunFolderError
from burnish.records.files import write_records
from burnish.workflows.evaluate.rescore import read_evaluated
from burnish.workflows.experiments.grid import CellResult, GridSummary, _answering, _csv, grid
from tests.e2e.run_program import TUNE, burnish
from tests.score.example_rows import classification_task, classified
from tests.tiny_models import make_tiny_model
from tests.workflows.experiments.kill_programs import kill_when, modified_times, state_of, write_jsonl, write_yaml

SETTINGS: dict[str, Any] = {
    "out": "grid",
    "recipe": "recipe.yaml",
    "datasets": [
        {"name": "rust"},
        {
            "name": "yesno",
            "overrides": {"data.sources": ["yesno.jsonl"], "data.tasks": {"kind": "file", "path": "tasks.jsonl"}},
        },
    ],
    "adapters": [
        {"name": "full", "overrides": {"stages.sft.adapter": {"kind": "full"}}},
        {"name": "LoRA", "overrides": {"stages.sft.adapter.r": 2}},
    ],
    "quantizations": [
        {"name": "nf4", "overrides": {"model.quantization": {"kind": "nf4"}}},
        {"name": "int8", "overrides": {"model.quantization": {"kind": "int8"}}},
    ],
    "sampling": {"max_new_tokens": 4, "batch_size": 2},
    "retries": 0,
}


def settings(folder: Path) -> Path:
    make_tiny_model(folder / "model")
    tasks = [classification_task(f"q{number}", "Yes" if number % 2 else "No") for number in range(6)]
    write_records(folder / "tasks.jsonl", tasks)
    rows = [{"prompt": f"Question {number}?", "completion": boxed("Yes")} for number in range(8)]
    write_jsonl(folder / "yesno.jsonl", rows)
    sft = {"max_steps": 2, "effective_batch": 2, "micro_batch": 2, "max_length": 256, "log_every": 1}
    recipe = {
        "name": "tiny",
        "report_to": [],
        "model": {"base": "model", "device": "cpu"},
        "data": {"tasks": {"kind": "rust", "train": 50, "held_out": 50, "cases": 2}},
        "stages": [
            {"kind": "tasks", "name": "tasks"},
            {"kind": "evaluate", "name": "before", "model": "base"},
            {"kind": "sft", "name": "sft", "adapter": {"kind": "lora", "target_modules": ["q_proj"]}} | sft,
            {"kind": "merge", "name": "merged", "adapter": "sft"},
            {"kind": "report", "name": "report"},
        ],
    }
    write_yaml(folder / "recipe.yaml", recipe)
    return write_yaml(folder / "grid.yaml", SETTINGS)


@pytest.mark.timeout(1200)
def test_a_grid_killed_half_way_continues_without_repeating_cells(tmp_path: Path) -> None:
    file, out = settings(tmp_path), tmp_path / "grid"
    arguments = ["grid", "--config", file.name, "--limit-train", "4", "--limit-eval", "3"]
    second = out / "evaluations" / "rust_LoRA_int8"
    assert kill_when(arguments, tmp_path, (second / ".lock").exists) == -9
    assert [state_of(out, index) for index in range(5)] == ["illegal", "illegal", "done", "running", ""]
    finished = ["evaluations/rust_LoRA_nf4", "runs/rust_LoRA_nf4", "runs/rust_LoRA_int8/sft"]
    before = {name: modified_times(out / name) for name in finished}

    went_on = burnish(arguments, tmp_path)
    assert went_on.returncode == 0, went_on.stderr
    assert {name: modified_times(out / name) for name in finished} == before, "the second cell's training was done, too"
    summary = GridSummary.from_json((out / "grid_summary.json").read_text())
    assert (summary.total_cells, summary.done_cells, summary.failed_cells, summary.illegal_cells) == (8, 4, 0, 4)
    refused = [cell for cell in summary.cells if cell.state == "illegal"]
    assert all(cell.adapter == "full" and "quantised weights cannot be trained" in cell.reason for cell in refused)
    for cell in summary.cells:
        if cell.state != "done":
            continue
        (answering,) = cell.answering
        assert (answering.kind, answering.quality.n) == (("rust" if cell.dataset == "rust" else "classification"), 3)
        assert answering.metric == ("tests_passed" if cell.dataset == "rust" else "accuracy")
        assert answering.quality.ci95[0] <= answering.quality.value <= answering.quality.ci95[1]
        assert 0 < (answering.seconds_p50 or 0) <= (answering.seconds_p95 or 0)
        assert (answering.tokens_per_s or 0) > 0
        assert (cell.trained_bytes or 0) > 1000
        assert min(cell.train_peak_bytes or 0, cell.evaluate_peak_bytes or 0) > 1 << 20
        assert cell.quantization_tag == {"nf4": "QLORA_w4_headfp32", "int8": "INT8_w8_headfp32"}[cell.quantization]
        assert cell.model_name.startswith("model-")
        assert "_SFT_LoRa2_" in cell.model_name
        rows = read_evaluated(out / "evaluations" / cell.id)
        assert [row.correct for row in rows].count(True) == round(answering.quality.value * 3)
    assert "a rehearsal on up to 4 training rows and 3 tasks" in went_on.stdout
    assert_by_hand(out)


HEAD = ("id", "state", "model_name", "quantization_tag", "dtype", "measured_quantization", "kind", "metric", "unparsed")
TABLE = """\
rust_full_nf4|illegal||||||||
rust_full_int8|illegal||||||||
rust_LoRA_nf4|done|model-rust_SFT_LoRa2_QLORA_w4_headfp32|QLORA_w4_headfp32|float32|nf4, double quantised\
|rust|tests_passed|3
rust_LoRA_int8|done|model-rust_SFT_LoRa2_INT8_w8_headfp32|INT8_w8_headfp32|float32|int8|rust|tests_passed|3
yesno_full_nf4|illegal|||||||
yesno_full_int8|illegal|||||||
yesno_LoRA_nf4|done|model-yesno_SFT_LoRa2_QLORA_w4_headfp32|QLORA_w4_headfp32|float32|nf4, double quantised\
|classification|accuracy|3
yesno_LoRA_int8|done|model-yesno_SFT_LoRa2_INT8_w8_headfp32|INT8_w8_headfp32|float32|int8|classification|accuracy|3
"""
"""Written by hand: an untrained model of four tokens an answer gives nothing that can be read."""
NONE_OF_3, NONE_OF_1, NOTHING = (0.0, 0.0, 0.5615, 3), (0.0, 0.0, 0.7935, 1), (0.0, 0.0, 1.0, 0)
"""Value, Wilson's 95 % interval (0 to z2 / (n + z2), z2 = 3.8415), and n."""
METRICS = {
    "rust": dict.fromkeys(("tests_passed", "compile_rate", "lint_free_rate", "parse_rate"), NONE_OF_3),
    "classification": {
        **dict.fromkeys(("parse_rate", "accuracy", "macro_f1", "balanced_accuracy"), NONE_OF_3),
        "recall_positive": NONE_OF_1,  # one of the three is Yes
        "precision_positive": NOTHING,  # nobody said Yes
        "f1_positive": (0.0, 0.0, 1.0, 1),
        "mcc": (0.0, 0.0, 0.0, 3),
    },
}


def assert_by_hand(out: Path) -> None:
    """Names, tags, metadata and every metric of ``grid.csv`` are those of the table."""
    table = list(csv.DictReader((out / "grid.csv").open()))
    expected = [line.split("|") for line in TABLE.splitlines()]
    assert [[row[name] for name in HEAD] for row in table] == [(line + [""] * 9)[:9] for line in expected]
    for row in table:
        metrics = METRICS.get(row["kind"], {})
        for name in {key for kind in METRICS.values() for key in kind}:
            written = [row[column] for column in (name, f"{name} ci95_low", f"{name} ci95_high", f"{name} n")]
            assert written == [""] * 4 if name not in metrics else numbers(written) == metrics[name], (row["id"], name)
        if row["state"] != "done":
            continue
        assert numbers([row[column] for column in ("quality", "ci95_low", "ci95_high", "n")]) == metrics[row["metric"]]
        metadata = json.loads((out / "runs" / row["id"] / "sft" / "training_metadata.json").read_text())
        kept = {"model_name": row["model_name"], "quantization_tag": row["quantization_tag"], "base_model": "model"}
        assert {name: metadata["model_info"][name] for name in kept} == kept
        (model,) = json.loads((out / "evaluations" / row["id"] / "summary.json").read_text())["models"]
        loaded = (model["generation"]["dtype"], model["generation"]["quantization"])
        assert loaded == (row["dtype"], row["measured_quantization"])


def test_every_metric_of_a_cell_has_its_own_column_interval_and_n() -> None:
    rights = ["Yes"] * 4 + ["No"] * 4
    rows = classified(rights, ["Yes", "Yes", "Yes", "No", "Yes", "No", "No", None])
    cell = CellResult(id="c", index=0, state="done", answering=(_answering(rows),))
    (row,) = csv.DictReader(_csv([cell]).splitlines())
    by_hand = {
        "accuracy": (5 / 8, 8),
        "parse_rate": (7 / 8, 8),
        "recall_positive": (3 / 4, 4),
        "precision_positive": (3 / 4, 4),
        "f1_positive": (3 / 4, 5),  # rows that are Yes or were called so
        "balanced_accuracy": ((3 / 4 + 2 / 4) / 2, 8),
        "macro_f1": ((3 / 4 + 4 / 7) / 2, 8),
    }
    written = {name: (round(float(row[name]), 9), int(row[f"{name} n"])) for name in by_hand}
    assert written == {name: (round(value, 9), n) for name, (value, n) in by_hand.items()}
    assert (row["kind"], row["metric"], row["quality"], row["n"], row["unparsed"]) == (
        "classification", "accuracy", "0.625", "8", "1",
    )  # fmt: skip
    for name in by_hand:
        assert float(row[f"{name} ci95_low"]) < float(row[name]) < float(row[f"{name} ci95_high"])


def numbers(written: Sequence[str]) -> tuple[float, ...]:
    return (*(round(float(answer), 4) for answer in written[:3]), int(written[3]))


def test_a_cell_that_cannot_start_fails_alone_and_is_retried(tmp_path: Path) -> None:
    models = f"models=[{{name: a, overrides: {{model.base: {tmp_path}/a}}}}, {{name: b}}]"
    said = [f"out={tmp_path}/grid", "recipe=q", models, f"overrides={{model.base: {tmp_path}/b}}"]
    config = load_config(GridConfig, None, [*said, "adapters=[{name: base, trains: false}, {name: LoRA}]"])
    shown: list[GridSummary] = []
    for _ in range(2):
        summary = grid(config, TUNE, show=shown.append)
        assert [cell.state for cell in summary.cells] == ["failed"] * 4
        assert all("does not exist" in cell.reason for cell in summary.cells)
    assert [len(one.cells) for one in shown] == [0, 1, 2, 3, 4] * 2
    assert not list((tmp_path / "grid" / "logs").glob("*LoRA*")), "no program was started"
    other = config.model_copy(update={"limit_eval": 3})
    with pytest.raises(RunFolderError, match="limit_eval"):
        grid(other, TUNE)
    assert grid(other, TUNE, resume=True).limit_eval == 3
