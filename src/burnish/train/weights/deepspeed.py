"""A DeepSpeed configuration handed through to the trainer: gradients and optimiser states shared out (ZeRO 1 and 2).

The file's own words count; ``"auto"`` in it takes the stage's value, and a value that contradicts the stage is an
error. Built on the integration of transformers and accelerate. Whole weights stay in every process, so checkpoints and
results are those of DDP; optimiser states lie in DeepSpeed's own files, a share per process.

Not covered: ZeRO 3 (`train.weights.sharded` shares weights out), DeepSpeed's own optimisers and schedules (the
schema refuses
them).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from burnish.config.launch import LaunchConfig, read_deepspeed
from burnish.errors import ConfigError
from burnish.scale.processes import process_count

FROM_THE_STAGE = {
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "bf16": {"enabled": "auto"},
}
"""What counts where the file is silent; DeepSpeed by itself would not clip, and train in float32."""
LATEST = "latest"
"""The file that DeepSpeed leaves in a checkpoint."""


def deepspeed_arguments(launch: LaunchConfig, *, on_cpu: bool) -> dict[str, Any]:
    """Keyword arguments for ``TrainingArguments``; empty for another strategy."""
    if on_cpu:
        # Where DeepSpeed is installed, accelerate imports it for any training, and it says so when it finds no GPU.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
        if launch.deepspeed is not None:
            _without_compiling()
    return {} if launch.deepspeed is None else {"deepspeed": FROM_THE_STAGE | read_deepspeed(launch.deepspeed)}


def _without_compiling() -> None:
    """Leave out what DeepSpeed would compile for the CPU when it starts.

    It is a way to reduce in inference, which training does not use, and a compilation that was killed leaves a lock
    behind that every later process waits for without an end or a word.
    """
    from deepspeed import ops

    ops.__compatible_ops__["deepspeed_shm_comm"] = False


def check_agreement(arguments: Any) -> None:
    """ConfigError where the DeepSpeed configuration among the trainer's arguments contradicts the stage."""
    config = getattr(arguments, "hf_deepspeed_config", None)
    if config is not None and config.mismatches:
        contradictions = "; ".join(config.mismatches).replace("- ", "")
        raise ConfigError(
            f"the DeepSpeed configuration and the stage do not agree: {contradictions}.",
            'Write "auto" there: the stage decides.',
        )


class DeepspeedTraining:
    """Put before a trainer among the bases of a class: keeps the optimiser and the schedule that it was given.

    Under DeepSpeed the trainer of transformers makes its own AdamW and a linear schedule instead, without a word.
    """

    def __init__(self, **trainer: Any) -> None:
        super().__init__(**trainer)
        self._given = trainer.get("optimizers", (None, None))

    def create_optimizer(self, *arguments: Any, **named: Any) -> Any:
        """The one given."""
        this: Any = self
        if not this.is_deepspeed_enabled:
            return super().create_optimizer(*arguments, **named)  # type: ignore[misc]
        this.optimizer = self._given[0]
        return this.optimizer

    def create_scheduler(self, *arguments: Any, **named: Any) -> Any:
        """The one given."""
        this: Any = self
        if not this.is_deepspeed_enabled:
            return super().create_scheduler(*arguments, **named)  # type: ignore[misc]
        this.lr_scheduler = self._given[1]
        return this.lr_scheduler


def check_shares(checkpoint: Path) -> None:
    """ConfigError for a checkpoint of DeepSpeed that another number of processes made."""
    shares = len(list(checkpoint.glob("global_step*/*zero_pp_rank_*_optim_states.pt")))
    if shares not in (0, process_count()):
        raise ConfigError(
            f"{checkpoint} was made by {shares} processes, and a share of DeepSpeed's states belongs to each.",
            f"Set launch.processes so that {shares} train, or remove {checkpoint.parent} to train from the start.",
        )
