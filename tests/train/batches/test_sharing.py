"""Several processes take together what one takes alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from burnish.config.stages.batches import accumulation_steps, shared_micro_batch
from burnish.config.stages.kinds.sft import SftStage
from burnish.errors import ConfigError
from burnish.train.batches.rows import LengthGroupedSampler
from burnish.train.batches.sharing import BLANK, SharedBatches
from burnish.workflows.train.launch import shared_out
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import run_small_sft
from tests.train.training_programs import run_in_processes

NO_DROPOUT = {"kind": "lora", "r": 4, "dropout": 0.0}


@given(
    sequences=st.integers(1, 60),
    micro_batch=st.integers(1, 5),
    processes=st.integers(1, 4),
    accumulation=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_all_processes_together_see_the_sequences_of_one(
    sequences: int, micro_batch: int, processes: int, accumulation: int, epoch: int
) -> None:
    effective = micro_batch * processes * accumulation
    order = LengthGroupedSampler([1 + index % 7 for index in range(sequences)], batch=effective, seed=1)
    shares = []
    for rank in range(processes):
        batches = SharedBatches(order, micro_batch=micro_batch, processes=processes, rank=rank)
        order.set_epoch(epoch)
        share = list(batches)
        assert len(share) == len(batches)
        assert all(len(batch) == micro_batch for batch in share)
        shares.append(share)
    alone = order.order(epoch)
    for step in range(-(-sequences // effective)):
        taken = [row for share in shares for batch in share[step * accumulation :][:accumulation] for row in batch]
        assert sorted(row for row in taken if row != BLANK) == sorted(alone[step * effective :][:effective])


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("packing", [False, True])
def test_two_processes_have_the_losses_of_one(tmp_path: Path, packing: bool) -> None:
    """Rows of a pass are no multiple of the batch: 20 in batches of 8, so that the last one is filled up."""
    base = make_tiny_model(tmp_path / "base")
    settings: dict[str, Any] = {
        **{"max_steps": 8, "effective_batch": 8, "save_every": 4},
        **{"adapter": NO_DROPOUT, "packing": packing, "max_length": 40},
    }
    run_small_sft(base, tmp_path / "one", **settings)
    both = run_in_processes(2, base, tmp_path / "two", **settings)
    assert both.returncode == 0, both.stderr
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    expected = load_file(tmp_path / "one" / "adapter" / "adapter_model.safetensors")
    for name, tensor in load_file(tmp_path / "two" / "adapter" / "adapter_model.safetensors").items():
        # Adam divides by gradients that begin at zero, so rounding weighs more than in the losses themselves.
        assert torch.allclose(tensor, expected[name], atol=1e-3), name


def test_two_processes_killed_and_resumed_equal_the_unbroken_run(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    settings: dict[str, Any] = {"max_steps": 7, "effective_batch": 8}
    whole = run_in_processes(2, base, tmp_path / "whole", torchrun=True, **settings)
    assert whole.returncode == 0, whole.stderr
    assert run_in_processes(2, base, tmp_path / "killed", kill_at=5, **settings).returncode != 0
    (tmp_path / "killed" / "log.jsonl").unlink()
    resumed = run_in_processes(2, base, tmp_path / "killed", **settings)
    assert resumed.returncode == 0, resumed.stderr
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")[3:]


def test_the_default_micro_batch_divides_among_the_processes() -> None:
    unsaid = SftStage(name="sft")
    assert [shared_micro_batch(unsaid, processes) for processes in (1, 2, 4, 8, 32)] == [32, 16, 8, 4, 1]
    assert [accumulation_steps(shared_out(unsaid, processes), processes) for processes in (2, 4, 8)] == [1, 1, 1]
    said = SftStage(name="sft", micro_batch=32)
    assert shared_out(said, 2) is said
    for stage, processes in ((said, 2), (unsaid, 3)):
        with pytest.raises(ConfigError, match="is not a multiple of micro_batch 32"):
            accumulation_steps(shared_out(stage, processes), processes)
