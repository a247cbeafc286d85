"""Ways to fine-tune the same rows with LoRA, each measured in a process of its own: ours, and several of TRL.

    python -m benchmarks.train_variants NAME ROWS MODEL OUT

Prints one JSON line: tokens of all rows over the seconds of one pass (first batch to last step, start-up left out, in
CPU time of the process), the peak of its memory, and the last loss. All rows fit every length limit, so that every way
reads the same tokens. Not covered: accelerators.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

LENGTH = 512
PROMPT_SHARE = 0.5
BATCH = 8


@dataclass(frozen=True)
class Row:
    """A random row: a prompt that is not trained, and an answer that is."""

    id: str
    input_ids: list[int]
    labels: list[int]
    weight: float = 1.0


def random_rows(count: int) -> list[Row]:
    """Rows of 24 to `LENGTH` tokens, most of them short, as instructions and answers are."""
    draw = random.Random(0)
    rows = []
    for index in range(count):
        length = max(24, min(LENGTH, int(draw.lognormvariate(4.9, 0.7))))
        ids = [draw.randrange(5, 380) for _ in range(length)]
        asked = max(4, int(PROMPT_SHARE * length))
        rows.append(Row(str(index), ids, [-100] * asked + ids[asked:]))
    return rows


@dataclass(frozen=True)
class Measured:
    """What one way needed."""

    tokens: int
    cpu_s: float
    wall_s: float
    peak_bytes: int
    loss: float


class Clock(TrainerCallback):
    """Seconds from the beginning of training to its last step."""

    def __init__(self) -> None:
        self.cpu_s = self.wall_s = 0.0
        self._began = (0.0, 0.0)
        self.loss = float("nan")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start."""
        self._began = (time.process_time(), time.perf_counter())

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Until here."""
        self.cpu_s, self.wall_s = time.process_time() - self._began[0], time.perf_counter() - self._began[1]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Keep the last loss."""
        self.loss = float((logs or {}).get("loss", self.loss))


def ours(rows: list[Row], model: Path, out: Path, *, micro_batch: int) -> Clock:
    """`run_sft` on packed rows."""
    from burnish.config.model import ModelConfig
    from burnish.config.stages.kinds.sft import SftStage
    from burnish.data.encode.packing import pack_lengths
    from burnish.train.job import TrainingJob
    from burnish.train.sft.run import run_sft

    clock = Clock()
    stage = SftStage.model_validate(
        {
            "name": "sft",
            "adapter": {"kind": "lora", "r": 16},
            "max_length": LENGTH,
            "packing": True,
            "effective_batch": BATCH,
            "micro_batch": micro_batch,
            "epochs": 1.0,
            "log_every": 1,
            "save_every": 10_000,
        }
    )
    run_sft(
        TrainingJob(
            base=model,
            model=ModelConfig(device="cpu"),
            stage=stage,
            out=out,
            seed=0,
            log=lambda _step, _values: None,
            callbacks=[clock],
        ),
        rows,
        pack_lengths([len(row.input_ids) for row in rows], LENGTH),
    )
    return clock


def trl(rows: list[Row], model: Path, out: Path, *, masked: bool = True, **settings: Any) -> Clock:
    """TRL's trainer; what ``settings`` do not name keeps TRL's default."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    clock = Clock()
    data = Dataset.from_list(
        [{"input_ids": row.input_ids, "labels": row.labels if masked else row.input_ids} for row in rows]
    )
    arguments = SFTConfig(
        output_dir=str(out),
        num_train_epochs=1,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=0,
        **settings,
    )
    trainer = SFTTrainer(
        model=str(model),
        args=arguments,
        train_dataset=data,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[clock],
    )
    trainer.train()
    return clock


BY_HAND: dict[str, Any] = {
    "max_length": LENGTH,
    "bf16": False,
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
    "model_init_kwargs": {"dtype": "float32"},
}
"""What a knowing user sets on a CPU."""

VARIANTS: Mapping[str, Callable[[list[Row], Path, Path], Clock]] = {
    "burnish, packed, micro 1": lambda rows, model, out: ours(rows, model, out, micro_batch=1),
    "burnish, packed, micro 2": lambda rows, model, out: ours(rows, model, out, micro_batch=2),
    "TRL by hand, packed, micro 1": lambda rows, model, out: trl(
        rows, model, out, packing=True, per_device_train_batch_size=1, gradient_accumulation_steps=BATCH, **BY_HAND
    ),
    "TRL by hand, packed, micro 2": lambda rows, model, out: trl(
        rows, model, out, packing=True, per_device_train_batch_size=2, gradient_accumulation_steps=BATCH // 2, **BY_HAND
    ),
    "TRL by hand, padded, micro 8": lambda rows, model, out: trl(
        rows, model, out, per_device_train_batch_size=BATCH, train_sampling_strategy="group_by_length", **BY_HAND
    ),
    "TRL defaults": trl,
    "system A": lambda rows, model, out: trl(
        rows, model, out, masked=False, per_device_train_batch_size=8, gradient_accumulation_steps=6,
        gradient_checkpointing=True, bf16=True, dataloader_num_workers=2,
    ),
}  # fmt: skip
"""Every way by its name. System A: its TRL call loses packing and length, trains on everything, always checkpoints."""


def measure(name: str, rows: list[Row], model: Path, out: Path) -> Measured:
    """Train one pass in this process."""
    clock = VARIANTS[name](rows, model, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Measured(sum(len(row.input_ids) for row in rows), clock.cpu_s, clock.wall_s, peak, clock.loss)


def main() -> None:
    name, count, model, out = sys.argv[1:]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=out) as temporary:
        print(json.dumps(asdict(measure(name, random_rows(int(count)), Path(model), Path(temporary)))))


if __name__ == "__main__":
    main()
