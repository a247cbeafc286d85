"""What goes wrong while training: nothing that was saved is lost, and the message says what to do."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from burnish.errors import DeviceMemoryError, UserError
from burnish.records.layout import BAD_BATCH, COMPLETE
from tests.e2e.test_failures import on_small_disk
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import run_small_sft, some_rows
from tests.train.training_programs import ROOT, run_as_program

NO_DROPOUT = {"kind": "lora", "r": 4, "dropout": 0.0}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def rows_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def adapter_bytes(out: Path) -> bytes:
    return (out / "adapter" / "adapter_model.safetensors").read_bytes()


def test_a_kill_during_a_checkpoint_keeps_the_one_before(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_small_sft(base, tmp_path / "whole", max_steps=8)
    # The kernel kills the process inside the write that makes a file larger than 4 KiB.
    killed = run_as_program("small_sft", base, tmp_path / "torn", max_steps=8, faults={"torn_at": 6})
    assert killed.returncode == -signal.SIGXFSZ, killed.stderr
    torn, good = (tmp_path / "torn" / "checkpoints" / f"checkpoint-{step}" for step in (6, 3))
    assert any(torn.iterdir())
    assert not (torn / COMPLETE).exists()
    assert (good / COMPLETE).exists()
    run_small_sft(base, tmp_path / "torn", max_steps=8)
    assert f"{torn} is torn" in caplog.text
    assert adapter_bytes(tmp_path / "torn") == adapter_bytes(tmp_path / "whole")
    assert [row["step"] for row in rows_of(tmp_path / "torn")] == [1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8]


def test_a_full_disk_keeps_the_checkpoint_before(base: Path, tmp_path: Path) -> None:
    run_small_sft(base, tmp_path / "whole", max_steps=8)
    checkpoint = tmp_path / "whole" / "checkpoints" / "checkpoint-6"
    size = sum(file.stat().st_size for file in checkpoint.iterdir())
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    prefix = on_small_disk(disk, size * 3 // 2 // 1024)
    copy = f'cd "{ROOT}"; "$@"; code=$?; cp -r "{disk}/out" "{kept}"; exit $code'
    prefix[-2] = prefix[-2].replace('exec "$@"', f"{{ {copy}; }}")
    full = run_as_program("small_sft", base, disk / "out", prefix=prefix, max_steps=8)
    assert full.returncode != 0
    assert "No space left" in full.stderr or "failed writing" in full.stderr, full.stderr
    assert (kept / "checkpoints" / "checkpoint-3" / COMPLETE).exists()
    run_small_sft(base, kept, max_steps=8)
    assert adapter_bytes(kept) == adapter_bytes(tmp_path / "whole")
    assert [row["step"] for row in rows_of(kept)][-5:] == [4, 5, 6, 7, 8]


def test_a_nan_loss_stops_training_and_keeps_the_batch(base: Path, tmp_path: Path) -> None:
    rows = {row.id: row for row in some_rows()}
    poisoned = {name for name, row in rows.items() if row.input_ids[0] == 5}
    with pytest.raises(UserError, match=r"the loss became nan in step \d+, on the rows r\d+(, r\d+)?\.") as stopped:
        run_small_sft(base, tmp_path, max_steps=12, micro_batch=4, faults={"poison_at": 4, "poisoned_token": 5})
    kept = json.loads((tmp_path / BAD_BATCH).read_text())
    assert kept["step"] >= 4
    assert len(kept["rows"]) == 4
    guilty = {row["id"] for row in kept["rows"] if row["loss"] == "nan"}
    assert guilty
    assert guilty == poisoned & {row["id"] for row in kept["rows"]}
    assert set(re.findall(r"r\d+", stopped.value.cause.split("rows ")[1])) == guilty
    assert str(tmp_path / BAD_BATCH) in stopped.value.way_out
    for row in kept["rows"]:
        assert row["input_ids"] == rows[row["id"]].input_ids
        assert row["trained_text"] in row["text"] != ""
    assert (tmp_path / "checkpoints" / "checkpoint-3" / COMPLETE).exists()


def test_a_nan_gradient_never_reaches_the_weights(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the gradient became nan in step 4, on the rows r\d+(, r\d+){3}\."):
        run_small_sft(base, tmp_path, max_steps=8, save_every=1, faults={"poison_gradient_at": 4})
    kept = json.loads((tmp_path / BAD_BATCH).read_text())
    assert len(kept["rows"]) == 4  # of both micro batches
    assert all(row["loss"] > 0 for row in kept["rows"])
    assert [row["step"] for row in rows_of(tmp_path)] == [1, 2, 3]
    newest = tmp_path / "checkpoints" / "checkpoint-3"
    assert (newest / COMPLETE).exists()
    assert all(tensor.isfinite().all() for tensor in load_file(newest / "adapter_model.safetensors").values())


def test_too_small_a_device_halves_the_micro_batch(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings: dict[str, Any] = {"max_steps": 8, "adapter": NO_DROPOUT, "effective_batch": 4}
    run_small_sft(base, tmp_path / "whole", micro_batch=4, **settings)
    run_small_sft(base, tmp_path / "small", micro_batch=4, faults={"fits": 1}, **settings)
    assert "too small for micro_batch 4: continues with 2" in caplog.text
    assert "too small for micro_batch 2: continues with 1" in caplog.text
    rows = rows_of(tmp_path / "small")
    assert [(row["step"], row["micro_batch"]) for row in rows] == [
        *((step, 4) for step in range(1, 5)),
        *((4, 2), *((step, 1) for step in range(4, 9))),
    ]
    last = {row["step"]: row["loss"] for row in rows}
    assert last == pytest.approx({row["step"]: row["loss"] for row in rows_of(tmp_path / "whole")}, abs=1e-5)


def test_a_device_too_small_for_one_sequence_is_reported(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceMemoryError, match="with micro_batch 1"):
        run_small_sft(base, tmp_path, max_steps=8, faults={"fits": 0})
    assert (tmp_path / "checkpoints" / "checkpoint-3" / COMPLETE).exists()
