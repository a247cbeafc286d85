"""Trains in a process of its own and prints what was predicted of its memory and what was measured, as JSON.

``python -m tests.train.memory_probe FOLDER CASES``: bases are made in FOLDER; CASES lists fine-tunings, each with
``shape`` (of the base), ``rows`` (number and tokens) and settings of the stage. A first training of nothing loads what
libraries load only when it is needed. Without `LARGE_BLOCKS` in the environment gaps are measured too.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.ledger.memory import peak_bytes, reset_peak, resident_bytes
from burnish.ledger.stage import PREDICTED_PEAK
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from burnish.train.watch.memory_forecast import Batches, MemoryForecast
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import Row

LARGE_BLOCKS = {"MALLOC_MMAP_THRESHOLD_": str(1 << 18)}
"""Makes glibc give large blocks back at once: resident memory is then that of tensors, without gaps between them."""


class MemoryCallback(TrainerCallback):
    """Peak resident memory above what there was when training began."""

    before = 0
    grown = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin a new peak."""
        _give_back()
        assert reset_peak(), "the system lets no process reset its peak"
        self.before = resident_bytes() or 0

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Read it."""
        self.grown = (peak_bytes() or 0) - self.before


def probe_memory(folder: Path, cases: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the program prints of each case, by its name."""
    kinds = sorted({case["adapter"]["kind"] for case in cases.values()})
    nothing = [{"shape": {}, "rows": (2, 8), "adapter": {"kind": kind}} for kind in kinds]
    command = [sys.executable, "-m", "tests.train.memory_probe", str(folder), json.dumps([*nothing, *cases.values()])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | LARGE_BLOCKS) as process:
        assert process.stdout is not None
        lines = [line for line in process.stdout if line.startswith("{")]
    assert process.returncode == 0
    return zip(cases, map(json.loads, lines[len(nothing) :]), strict=True)


def _give_back() -> None:
    """Free memory goes back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def main(folder: Path, *, shape: dict[str, int], rows: tuple[int, int], **said: Any) -> dict[str, int]:
    """One fine-tuning."""
    torch.set_num_threads(2)
    number, tokens = rows
    ids = [[5 + (index + step) % 60 for step in range(tokens)] for index in range(number)]
    settings = {"name": "s", "max_steps": 2, "effective_batch": number, "micro_batch": number}
    forecast, measured = MemoryForecast("s", Batches(tokens)), MemoryCallback()
    run_sft(
        TrainingJob(
            base=make_tiny_model(folder / "base", shape=shape),
            model=ModelConfig(device="cpu"),
            stage=SftStage.model_validate_json(json.dumps(settings | said)),
            out=folder / "out",
            seed=0,
            log=lambda _step, _values: None,
            callbacks=[forecast, measured],
        ),
        [Row(f"r{place}", one, [-100, *one[1:]]) for place, one in enumerate(ids)],
    )
    assert forecast.prediction is not None
    predicted = forecast.prediction[PREDICTED_PEAK] - forecast.prediction["resident_before_bytes"]
    return {"predicted_growth": predicted, "grown": measured.grown}


if __name__ == "__main__":
    for place, case in enumerate(json.loads(sys.argv[2])):
        sys.stdout.write(json.dumps(main(Path(sys.argv[1]) / str(place), **case)) + "\n")
        _give_back()
